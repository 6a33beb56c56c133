"""What a run decides for the app: one JSON object in the environment variable GATEBENCH_INSIDE."""

import json
import os
from dataclasses import dataclass, field, fields
from typing import Any

VARIABLE = "GATEBENCH_INSIDE"

READY_PATH = "/.gatebench/ready"
"""Answered by the wrapped applications (applications.py), and by nothing of the app's."""


@dataclass(frozen=True)
class Spec:
    """`settings` and `applications` (interface -> module:name) are the project's own; an interface without one gets
    Django's. `keep` names settings that stay the project's. Without `settings` nothing is laid over.
    """

    settings: str | None = None
    applications: dict[str, str] = field(default_factory=dict)
    bridge: str | None = None  # a module whose get_asgi_application takes the place of Django's
    bridge_options: dict[str, Any] = field(default_factory=dict)
    db: str = "per-request"  # pool, persistent, per-request or pgbouncer
    pool_size: int = 8  # connections per process
    pool_timeout_s: float = 10.0
    driver: str | None = None  # psycopg2: taken although psycopg 3 is installed
    counted: bool = False  # count what is begun for requests
    debug: bool = False
    secret_key: str = ""
    static_root: str = ""
    media_root: str = ""
    hosts: tuple[str, ...] = ()  # names that Nginx and a health check ask by
    log: str | None = None  # file for what fails; None is stderr
    keep: tuple[str, ...] = ()


def read() -> Spec:
    """Names that this package does not know are passed over."""
    data: dict[str, Any] = json.loads(os.environ[VARIABLE])
    values: dict[str, Any] = {}
    for name in {row.name for row in fields(Spec)} & data.keys():
        values[name] = tuple(data[name]) if isinstance(data[name], list) else data[name]
    return Spec(**values)
