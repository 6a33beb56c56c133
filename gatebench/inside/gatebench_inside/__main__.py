"""`python -m gatebench_inside WHAT`: in the app's interpreter and folder, with only this package's folder added.

| what                 | does                                                                                       |
|----------------------|--------------------------------------------------------------------------------------------|
| probe                | prints what the project is, as JSON                                                         |
| versions PACKAGE …   | prints those that are installed, and Python's, as JSON                                      |
| preflight INTERFACE  | imports the wrapped application: what is wrong is said before a server restarts its workers |
| setup STEP …         | each step: a management command, or a script where it ends in .py                           |
| run MODULE ARGUMENT… | becomes a module, as `python -m` does                                                       |

What fails has a traceback, and below it one line that says it.
"""

import json
import os
import platform
import runpy
import shlex
import sys
import traceback
from pathlib import Path

from . import layers, overlay, probe


def main(what, *rest):
    sys.path[:] = [path for path in sys.path if path]  # Python's own entry for the folder it was started in
    sys.path.insert(0, str(Path.cwd()))
    given = json.loads(os.environ.get("GATEBENCH_LAYERS", "{}"))
    layers.add(given.get("front", ()), given.get("back", ()))
    if what == "probe":
        print(json.dumps(probe.probe()))
    elif what == "versions":
        print(json.dumps({"python": platform.python_version(), **probe.versions(rest)}))
    elif what == "preflight":
        load(rest[0])
    elif what == "setup":
        for step in rest:
            set_up(step)
    else:
        sys.argv = list(rest)
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)


def set_up(step):
    """In this process: Django takes longer to start than most steps take."""
    reason = None
    try:
        do(shlex.split(step))
    except SystemExit as end:
        reason = end.code and (end.code if isinstance(end.code, str) else f"it ended with code {end.code}")
    except Exception as error:
        reason = in_one_line(error)
    if reason:
        sys.exit(f"Set-up step “{step}” failed{on_another_database()}: {reason}")


def do(words):
    if words[0].endswith(".py"):
        import django

        django.setup()
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")
    else:  # by manage.py itself, which may read an .env file first
        sys.argv = ["manage.py", *words, "--traceback"]  # or a command prints its error and ends with code 1
        runpy.run_path("manage.py", run_name="__main__")


def load(interface):
    """The wrapped application, or one line on why there is none."""
    from . import applications

    try:
        __import__(f"gatebench_inside.{interface}")
    except applications.BypassedError as error:
        sys.exit(str(error))
    except Exception as error:
        sys.exit(f"The project's {interface.upper()} application does not load: {in_one_line(error)}")


def in_one_line(error):
    traceback.print_exception(error)
    return " ".join(f"{type(error).__name__}: {error}".split())


def on_another_database():
    """The engine of the project's own settings, where it is not PostgreSQL's: that may be why."""
    ours = sys.modules.get("gatebench_inside.settings")
    theirs = getattr(ours, "GATEBENCH_THEIR_ENGINE", None)
    return f" on PostgreSQL (your settings use {theirs})" if theirs and not overlay.is_postgresql(theirs) else ""


if __name__ == "__main__":
    main(*sys.argv[1:])
