"""The app servers, one row each. Both stacks start a server by the same row, so a command line exists once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Interface(StrEnum):
    """The two gateway interfaces that are compared."""

    WSGI = "wsgi"
    ASGI = "asgi"


@dataclass(frozen=True, slots=True)
class Server:
    """One way to serve a Django project.

    `fair` and `article` are command lines, split at spaces, with places for {application}, {workers}, {threads},
    {host}, {port} and {backlog}; and for {fd}, a socket that listens already, where a server is one process only and
    is therefore started once a worker.
    """

    name: str
    interface: Interface
    fair: str
    article: str

    def command(self, profile: str, **values: object) -> list[str]:
        template = self.article if profile == "article" else self.fair
        return [word.format(**values) for word in template.split()]

    def shares_socket(self, profile: str) -> bool:
        return "{fd}" in (self.article if profile == "article" else self.fair)


_ROWS = (
    Server(
        "gunicorn",
        Interface.WSGI,
        fair="gunicorn {application} --bind {host}:{port} --workers {workers} --worker-class gthread"
        " --threads {threads} --keep-alive 75 --backlog {backlog} --no-control-socket",
        article="gunicorn {application} --bind {host}:{port} --workers {workers} --no-control-socket",
    ),
    Server(
        "uvicorn",
        Interface.ASGI,
        fair="uvicorn {application} --host {host} --port {port} --workers {workers} --loop uvloop --http httptools"
        " --lifespan off --backlog {backlog} --timeout-keep-alive 75 --timeout-worker-healthcheck 30"
        " --no-access-log --no-proxy-headers",
        article="gunicorn {application} --bind {host}:{port} --workers {workers}"
        " --worker-class uvicorn_worker.UvicornWorker --no-control-socket",
    ),
    Server(
        "daphne",
        Interface.ASGI,
        fair="daphne --fd {fd} --verbosity 0 {application}",
        article="daphne --bind {host} --port {port} {application}",
    ),
    Server(
        "hypercorn",
        Interface.ASGI,
        fair="hypercorn {application} --bind {host}:{port} --workers {workers} --worker-class uvloop"
        " --backlog {backlog} --keep-alive 75",
        article="hypercorn {application} --bind {host}:{port} --workers {workers}",
    ),
)

SERVERS = {server.name: server for server in _ROWS}

DEFAULTS = {Interface.WSGI: "gunicorn", Interface.ASGI: "uvicorn"}
"""The server that an interface is measured on when none is named."""
