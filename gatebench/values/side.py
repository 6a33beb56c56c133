"""A Side: what is compared with another side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatebench.values.bridge import Bridge
from gatebench.values.footing import Footing
from gatebench.values.server import Server
from gatebench.values.virtual_environment import VirtualEnvironment
from gatebench.values.workload import Workload


@dataclass(frozen=True, slots=True)
class Side:
    """Server × workload × footing, resolved. The app's process is given the whole of it."""

    label: str  # how it is called in tables and charts, for example `WSGI gunicorn`
    server: Server
    workload: Workload
    footing: Footing
    views: str = ""  # one of the workload's, where it has several
    bridge: Bridge | None = None  # in place of Django's own way to run synchronous code under ASGI
    environment: VirtualEnvironment | None = None  # in place of Gatebench's own
    revision: str = ""  # of the app's code, where revisions are compared
    counted: bool = False  # what is begun for a request is counted in the app's process: such a run is not timed
    server_args: str = ""  # added to the server's command line
    env: Mapping[str, str] = field(default_factory=dict)  # added to the app's environment
    overrides: Mapping[str, Any] = field(default_factory=dict)  # what SET changed, of the footing or the workload
