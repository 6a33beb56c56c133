"""`python -m gatebench_inside WHAT`: in the app's interpreter and folder, with only this package's folder added.

| what                 | does                                                                                       |
|----------------------|--------------------------------------------------------------------------------------------|
| probe                | prints what the project is, as JSON                                                         |
| versions PACKAGE …   | prints those that are installed, and Python's, as JSON                                      |
| preflight INTERFACE  | imports the wrapped application: what is wrong is said before a server restarts its workers |
| setup STEP …         | each step: a management command, or a script where it ends in .py                           |
| run MODULE ARGUMENT… | becomes a module, as `python -m` does                                                       |
"""

import json
import os
import platform
import runpy
import shlex
import sys

from . import layers, probe


def main(what, *rest):
    sys.path[:] = [path for path in sys.path if path]  # Python's own entry for the folder it was started in
    sys.path.insert(0, os.getcwd())
    given = json.loads(os.environ.get("GATEBENCH_LAYERS", "{}"))
    layers.add(given.get("front", ()), given.get("back", ()))
    if what == "probe":
        print(json.dumps(probe.probe()))
    elif what == "versions":
        print(json.dumps({"python": platform.python_version(), **probe.versions(rest)}))
    elif what == "preflight":
        __import__(f"gatebench_inside.{rest[0]}")
    elif what == "setup":
        for step in rest:
            set_up(shlex.split(step))
    else:
        sys.argv = list(rest)
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)


def set_up(words):
    """In this process: Django takes longer to start than most steps take."""
    if words[0].endswith(".py"):
        import django

        django.setup()
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")
    else:  # by manage.py itself, which may read an .env file first
        sys.argv = ["manage.py", *words]
        runpy.run_path("manage.py", run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
