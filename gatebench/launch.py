"""`python -m gatebench.launch serve`: becomes the app server of a Side, in the app's folder. Both stacks start it so.

The Side is in GATEBENCH_SIDE, as JSON. `setup` makes the database ready instead; `preflight` sees whether the app can
be served at all; `versions` prints what is installed, as JSON; `service` becomes the service beside the app. This is
Gatebench's interpreter; the app's own takes over with `python -m`, and of Gatebench it gets no more than
gatebench/inside.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
from dataclasses import asdict
from typing import Any, NoReturn

from gatebench import PACKAGE, ROOT
from gatebench.packages import cache
from gatebench.records import PGBOUNCER
from gatebench.values.app import App
from gatebench.values.codec import from_json
from gatebench.values.side import Side

SIDE = "GATEBENCH_SIDE"

SERVICE_URL = "GATEBENCH_SERVICE_URL"
"""Where the service beside the app is, for an app that has one."""

APP_PYTHON = "GATEBENCH_APP_PYTHON"
"""The Python of the app's virtual environment, where it has one."""

INSIDE = PACKAGE / "inside"
"""On the app's path: the package gatebench_inside, and nothing beside it."""

PGBOUNCER_ADDRESS = {"PGHOST": "PGBOUNCER_HOST", "PGPORT": "PGBOUNCER_PORT"}
"""libpq's variable -> the one that has what it is to be where the app speaks to PgBouncer. Set-up speaks to PostgreSQL:
what migrations do need not be one transaction.
"""

BRIDGES = ROOT / "bridges" / "src"
"""On its path where one of them is measured."""

ELSEWHERE = {"PYTHONPYCACHEPREFIX": str(cache() / "bytecode")}
"""For Python in a project of somebody's: its folders stay as they are."""

HOSTS = ("127.0.0.1", "localhost", "nginx")
"""What the site is called by a run: natively, and in containers."""

READY_PATH = "/.gatebench/ready"
"""What gatebench_inside answers for an app with `settings`."""


def main() -> None:
    arguments = _parse()
    side = from_json(Side, json.loads(os.environ.pop(SIDE)))
    app = side.workload.app
    if arguments.what == "service":
        become_service(side, arguments.host, arguments.port)
    os.chdir(ROOT / app.folder)
    service_url = os.environ.get(SERVICE_URL, "")
    os.environ |= app_environment(side, arguments.static, secrets.token_urlsafe(50), service_url)
    if arguments.what == "versions":
        bridge = side.bridge.packages if side.bridge else ()
        _become(app, ["versions", *app.packages, *side.server.packages, *bridge])
    elif arguments.what == "setup":
        _become(app, ["setup", *(step.format(**_places(side)) for step in app.setup)])
    elif arguments.what == "preflight":
        _become(app, ["preflight", side.server.interface])
    else:
        serve(side, arguments.host, arguments.port)


def app_environment(side: Side, static: str, secret: str, service_url: str = "") -> dict[str, str]:
    """What the app is told by environment variables. `static` is the folder that Nginx serves its static files from,
    `service_url` where the service beside it is.
    """
    app = side.workload.app
    places = {**_places(side), "static": static, "files": files_of(static), "secret": secret}
    templates = {**app.environment, **side.workload.environment}
    path = [INSIDE, *([BRIDGES] if side.bridge else []), *([ROOT] if app.interpreter is None else [])]
    inside = {
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "GATEBENCH_LAYERS": json.dumps({"front": app.front, "back": app.back}),
    }
    if app.interpreter:
        inside |= ELSEWHERE
    if app.settings:
        inside["DJANGO_SETTINGS_MODULE"] = "gatebench_inside.settings"
    if app.settings or app.wrapped:
        inside["GATEBENCH_INSIDE"] = json.dumps(_spec(side, static, secret))
    service = side.workload.service
    told = {service.told_by: service_url} if service and service_url else {}
    return {**{name: text.format(**places) for name, text in templates.items()}, **told, **side.env, **inside}


def service_environment(side: Side) -> dict[str, str]:
    """What the service beside the app is told."""
    service = side.workload.service
    return {name: text.format(**_places(side)) for name, text in service.environment.items()} if service else {}


def become_service(side: Side, host: str, port: int) -> NoReturn:
    """Replaces this process by the service beside the app."""
    service = side.workload.service
    assert service is not None
    os.chdir(ROOT / service.folder)
    os.environ |= service_environment(side)
    words = service.command.format(host=host, port=port).split()
    os.execv(sys.executable, [sys.executable, "-m", *words])


def _spec(side: Side, static: str, secret: str) -> dict[str, Any]:
    """As gatebench_inside/spec.py has it."""
    app, footing = side.workload.app, side.footing
    return {
        "settings": side.env.get("DJANGO_SETTINGS_MODULE", app.settings),
        "applications": {str(interface): path for interface, path in app.applications.items()},
        **_bridge(side),
        "db": footing.db,
        "pool_size": footing.db_pool_size,
        "pool_timeout_s": footing.db_pool_timeout_s,
        "driver": app.drivers.get(footing.db),
        "counted": side.counted,
        "debug": footing.debug,
        "secret_key": secret,
        "static_root": static,
        "media_root": f"{static}-media",
        "hosts": HOSTS,
        "keep": app.keep,
    }


def _bridge(side: Side) -> dict[str, Any]:
    if side.bridge is None:
        return {}
    threads = {"threads": side.footing.threads} if side.bridge.threads else {}
    return {"bridge": f"django_bridges.{side.bridge.module}", "bridge_options": threads}


def serve(side: Side, host: str, port: int) -> None:
    """Replaces this process by the server, or supervises one process a worker where the server has no workers."""
    app, footing, interface = side.workload.app, side.footing, side.server.interface
    if footing.db == PGBOUNCER:
        os.environ |= {name: os.environ[of] for name, of in PGBOUNCER_ADDRESS.items()}
    wrapped = app.settings or app.wrapped
    application = f"gatebench_inside.{interface}:application" if wrapped else app.applications[interface]
    values = {"application": application, "host": host, "port": port}
    values |= {"workers": footing.workers, "threads": footing.threads, "backlog": footing.backlog}
    more = shlex.split(side.server_args)
    if not side.server.shares_socket(footing.name):
        _become(app, ["run", *side.server.command(footing.name, **values), *more])
    with socket.create_server((host, port), backlog=footing.backlog) as listener:
        command = side.server.command(footing.name, fd=listener.fileno(), **values)
        sys.exit(_supervise([_inside(app, ["run", *command, *more])] * footing.workers, listener))


def files_of(static: str) -> str:
    """The folder that the app may write to, beside the one of its static files."""
    return f"{static}-files"


def _places(side: Side) -> dict[str, Any]:
    workload = side.workload
    settings = {name: setting.value for name, setting in workload.settings.items()}
    if workload.service:
        settings["service_timeout_s"] = workload.service.timeout_s
    return {**asdict(side.footing), "seed_size": workload.seed_size, "views": side.views, **settings}


def _inside(app: App, words: list[str]) -> list[str]:
    """A command line of the app's own interpreter."""
    python = app.interpreter or os.environ.pop(APP_PYTHON, sys.executable)
    return [python, "-m", "gatebench_inside", *words]


def _become(app: App, words: list[str]) -> None:
    command = _inside(app, words)
    os.execv(command[0], command)


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


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gatebench.launch", description=__doc__)
    parser.add_argument("what", choices=("setup", "preflight", "serve", "versions", "service"))
    parser.add_argument("--host", default="127.0.0.1", help="where the server listens")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--static", default="", help="the folder that static files are collected in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
