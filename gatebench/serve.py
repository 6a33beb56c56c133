"""`python -m gatebench.serve`: becomes the app server named by $SERVER, in the app's folder. Both stacks start it so.

Reads SERVER, PROFILE, WORKERS, THREADS, BACKLOG, SERVER_ARGS, APP_HOST, APP_PORT and APP_ENV, variables that are added.
`--setup` makes the database ready instead, with POLLS_QUESTIONS questions; `--versions` prints, as JSON, what is
installed.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import runpy
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from gatebench.config import POLLS, ROOT, App, parse_environment
from gatebench.servers import SERVERS, Server

REPORTED = ("django", "asgiref", "gunicorn", "uvicorn", "uvicorn-worker", "uvloop", "httptools", "daphne", "twisted",
            "hypercorn", "psycopg", "psycopg-pool", "psycopg2-binary")  # fmt: skip


def main() -> None:
    if sys.argv[1:] == ["--versions"]:
        print(json.dumps(versions()))
        return
    os.chdir(ROOT / POLLS.folder)
    os.environ.update(parse_environment(os.environ.get("APP_ENV", ""), "APP_ENV"))
    if sys.argv[1:] == ["--setup"]:
        setup(POLLS, int(os.environ["POLLS_QUESTIONS"]))
        return
    serve(SERVERS[os.environ["SERVER"]], os.environ["PROFILE"], POLLS, os.environ)


def setup(app: App, questions: int) -> None:
    """Runs the app's management commands in this process: Django takes longer to start than most of them to run."""
    sys.path.insert(0, str(Path.cwd()))
    for command in app.setup_commands(questions):
        sys.argv = ["manage.py", *command]
        runpy.run_path("manage.py", run_name="__main__")


def versions() -> dict[str, str]:
    """Package -> version, for the interpreter that serves the app."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in REPORTED}


def serve(server: Server, profile: str, app: App, given: Mapping[str, str]) -> None:
    """Replaces this process by the server, or supervises one process a worker where the server has no workers."""
    values = {name: given[name.upper()] for name in ("workers", "threads", "backlog")}
    values |= {"host": given["APP_HOST"], "port": given["APP_PORT"], "application": app.applications[server.interface]}
    more = shlex.split(given.get("SERVER_ARGS", ""))
    if not server.shares_socket(profile):
        command = _by_this_python(server.command(profile, **values) + more)
        os.execv(command[0], command)
    address = (values["host"], int(values["port"]))
    with socket.create_server(address, backlog=int(values["backlog"])) as listener:
        command = _by_this_python(server.command(profile, fd=listener.fileno(), **values) + more)
        sys.exit(_supervise([command] * int(values["workers"]), listener))


def _supervise(commands: list[list[str]], listener: socket.socket) -> int:
    """Runs the commands until one of them ends, then ends the others; returns the exit code of the first."""
    children = [subprocess.Popen(command, pass_fds=[listener.fileno()]) for command in commands]

    def terminate(*_: object) -> None:
        for child in children:
            child.terminate()

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, terminate)
    _, status = os.wait()
    terminate()
    for child in children:
        child.wait()
    return os.waitstatus_to_exitcode(status)


def _by_this_python(command: list[str]) -> list[str]:
    return [sys.executable, "-m", *command]


if __name__ == "__main__":
    main()
