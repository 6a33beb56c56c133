"""A Footing: the limits and sizes that a side is measured with."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from gatebench.records import PGBOUNCER

DB_MODES = ("pool", "persistent", "per-request", PGBOUNCER)


def _from_to(low: float, high: float) -> Any:
    return field(metadata={"bounds": (low, high)})


def _one_of(*allowed: str) -> Any:
    return field(metadata={"allowed": allowed})


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """docs/architecture.md explains `fair`; `article` is the article's. Those with bounds are settings of SET."""

    name: str
    db: str  # one of DB_MODES
    debug: bool
    timeout_s: float | None  # how long a client waits; None is for ever
    workers: int  # processes of the app server
    threads: int = _from_to(1, 1000)  # a worker, where the server has threads
    backlog: int = _from_to(1, 65_535)  # of the app server's listening socket
    db_pool_size: int = _from_to(1, 1000)  # connections per worker process, with a pool or PgBouncer
    db_pool_timeout_s: float = _from_to(0.1, 600.0)  # how long a request waits for one of them
    db_connections: int = _from_to(5, 10_000)  # max_connections of PostgreSQL
    nginx_connections: int = _from_to(16, 1_000_000)  # worker_connections: clients and upstreams together
    nginx_open_files: int = _from_to(64, 1_000_000)  # worker_rlimit_nofile
    nginx_backlog: int = _from_to(1, 65_535)
    nginx_upstream_http: str = _one_of("1.0", "1.1")  # protocol version towards the app server
    nginx_upstream_connection: str = _one_of("", "close")  # the Connection header towards it: empty keeps it alive
    nginx_connect_timeout_s: int = _from_to(1, 3600)
    nginx_read_timeout_s: int = _from_to(1, 3600)
    nginx_buffering: str = field(default="on", metadata={"allowed": ("on", "off")})  # of bodies; older runs had it

    @property
    def longest_answer_s(self) -> float:
        """How long a client can wait for an answer: for one that waits for ever, as long as Nginx does."""
        return self.timeout_s or self.nginx_connect_timeout_s + self.nginx_read_timeout_s


SETTINGS = {row.name: row.metadata for row in fields(Footing) if row.metadata}
"""Name -> its `bounds`, whose type is the setting's own, or the `allowed` words."""
