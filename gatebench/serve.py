"""`python -m gatebench.serve`: becomes the app server named by $SERVER, in the app's folder. Both stacks start it so.

Reads SERVER, PROFILE, WORKERS, APP_HOST and APP_PORT. `--setup` makes the database ready instead, with POLLS_QUESTIONS
questions; `--versions` prints what is installed, as JSON.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import runpy
import signal
import socket
import subprocess
import sys
from pathlib import Path

from gatebench.config import POLLS, PROFILES, ROOT, App, Profile
from gatebench.servers import SERVERS, Server

REPORTED = ("django", "asgiref", "gunicorn", "uvicorn", "uvicorn-worker", "uvloop", "httptools", "daphne", "twisted",
            "hypercorn", "psycopg", "psycopg-pool", "psycopg2-binary")  # fmt: skip


def main() -> None:
    if sys.argv[1:] == ["--versions"]:
        print(json.dumps(versions()))
        return
    os.chdir(ROOT / POLLS.folder)
    if sys.argv[1:] == ["--setup"]:
        setup(POLLS, int(os.environ["POLLS_QUESTIONS"]))
        return
    server, profile = SERVERS[os.environ["SERVER"]], PROFILES[os.environ["PROFILE"]]
    serve(server, POLLS, profile, int(os.environ["WORKERS"]), os.environ["APP_HOST"], int(os.environ["APP_PORT"]))


def setup(app: App, questions: int) -> None:
    """Runs the app's management commands in this process: Django takes longer to start than most of them to run."""
    sys.path.insert(0, str(Path.cwd()))
    for command in app.setup_commands(questions):
        sys.argv = ["manage.py", *command]
        runpy.run_path("manage.py", run_name="__main__")


def versions() -> dict[str, str]:
    """Package -> version, for the interpreter that serves the app."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in REPORTED}


def serve(server: Server, app: App, profile: Profile, workers: int, host: str, port: int) -> None:
    """Replaces this process by the server, or supervises one process a worker where the server has no workers."""
    values = {
        "application": app.applications[server.interface],
        "workers": workers,
        "threads": profile.threads,
        "backlog": profile.backlog,
        "host": host,
        "port": port,
    }
    if not server.shares_socket(profile.name):
        command = _by_this_python(server.command(profile.name, **values))
        os.execv(command[0], command)
    with socket.create_server((host, port), backlog=profile.backlog) as listener:
        command = _by_this_python(server.command(profile.name, fd=listener.fileno(), **values))
        sys.exit(_supervise([command] * workers, listener))


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
