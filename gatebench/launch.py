"""`python -m gatebench.launch serve`: becomes the app server of a Side, in the app's folder. Both stacks start it so.

The Side is in GATEBENCH_SIDE, as JSON. `setup` makes the database ready instead; `versions` prints what is installed,
as JSON. It runs in the app's own interpreter, which need not have what Gatebench itself uses.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import runpy
import secrets
import shlex
import signal
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gatebench import ROOT
from gatebench.values.codec import from_json
from gatebench.values.side import Side

SIDE = "GATEBENCH_SIDE"


def main() -> None:
    arguments = _parse()
    side = from_json(Side, json.loads(os.environ.pop(SIDE)))
    if arguments.what == "versions":
        print(json.dumps(versions(side)))
        return
    os.chdir(ROOT / side.workload.app.folder)
    os.environ |= app_environment(side, arguments.static)
    if arguments.what == "setup":
        setup(side)
    else:
        serve(side, arguments.host, arguments.port)


def app_environment(side: Side, static: str) -> dict[str, str]:
    """What the app is told by environment variables. `static` is the folder that Nginx serves its static files from."""
    places = {**_places(side), "static": static, "secret": secrets.token_urlsafe(50)}
    templates = {**side.workload.app.environment, **side.workload.environment}
    return {name: text.format(**places) for name, text in templates.items()} | dict(side.env)


def setup(side: Side) -> None:
    """Runs the app's management commands in this process: Django takes longer to start than most of them to run."""
    sys.path.insert(0, str(Path.cwd()))
    for command in side.workload.app.setup:
        sys.argv = ["manage.py", *command.format(**_places(side)).split()]
        runpy.run_path("manage.py", run_name="__main__")


def versions(side: Side) -> dict[str, str]:
    """Package -> version of what app and server are made of, in this interpreter. What is not installed is left out."""
    wanted = (*side.workload.app.packages, *side.server.packages)
    found = {"python": platform.python_version()}
    for name in wanted:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def serve(side: Side, host: str, port: int) -> None:
    """Replaces this process by the server, or supervises one process a worker where the server has no workers."""
    footing = side.footing
    values = {"application": side.workload.app.applications[side.server.interface], "host": host, "port": port}
    values |= {"workers": footing.workers, "threads": footing.threads, "backlog": footing.backlog}
    more = shlex.split(side.server_args)
    if not side.server.shares_socket(footing.name):
        command = _by_this_python(side.server.command(footing.name, **values) + more)
        os.execv(command[0], command)
    with socket.create_server((host, port), backlog=footing.backlog) as listener:
        command = _by_this_python(side.server.command(footing.name, fd=listener.fileno(), **values) + more)
        sys.exit(_supervise([command] * footing.workers, listener))


def _places(side: Side) -> dict[str, Any]:
    return {**asdict(side.footing), "seed_size": side.workload.seed_size}


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


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gatebench.launch", description=__doc__)
    parser.add_argument("what", choices=("setup", "serve", "versions"))
    parser.add_argument("--host", default="127.0.0.1", help="where the server listens")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--static", default="", help="the folder that static files are collected in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
