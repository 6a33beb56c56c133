"""An App: the Django project under test, and how it is told what a run decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatebench.values.server import Interface


@dataclass(frozen=True, slots=True)
class App:
    """A project as the stacks start it.

    `setup` and `environment` have {places}: every field of the Footing, {seed_size} of the Workload, {secret}, which is
    made fresh for each start, and {static}, the folder that Nginx serves below `static_url`.
    """

    name: str
    folder: str  # of manage.py: from the checkout, or absolute; the server's working directory
    applications: Mapping[Interface, str]  # what a server is told to serve
    ready_path: str  # answers 200 with a JSON object about the live process once it can serve, 503 before
    visits: tuple[str, ...]  # pages that must answer before any load is sent
    setup: tuple[str, ...] = ()  # management commands that make a fresh database ready, in order
    environment: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()  # whose versions are reported
    interpreter: str | None = None  # Python 3.11 or newer with what app and server need; None: Gatebench's own
    static_url: str = "/static/"
