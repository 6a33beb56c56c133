"""An App: the Django project under test, and how it is told what a run decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatebench.values.server import Interface


@dataclass(frozen=True, slots=True)
class App:
    """A project as the stacks start it.

    With `settings`, the project's own settings module, the run's settings are laid over them and its applications are
    wrapped (gatebench/inside): database, driver, pool, log, request ids and readiness are then the run's, and
    `ready_path` need not be the project's. Without, the app is served as it is and does all that itself; where it is
    `wrapped` all the same, request ids and readiness are the run's, and nothing is laid over.

    `setup` and `environment` have {places}: every field of the Footing, {seed_size} and each setting of the Workload,
    {views} of the Side, {secret}, which is made fresh for each start, {static}, the folder that Nginx serves below
    `static_url`, and {files}, a folder of the run's own that the app may write to and nobody serves.
    """

    name: str
    folder: str  # of manage.py: from the checkout, or absolute; the server's working directory
    applications: Mapping[Interface, str]  # what a server is told to serve
    ready_path: str  # answers 200 with a JSON object about the live process once it can serve, 503 before
    visits: tuple[str, ...]  # pages that must answer before any load is sent
    setup: tuple[str, ...] = ()  # management commands that make a fresh database ready, in order
    environment: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()  # whose versions are reported
    interpreter: str | None = None  # the Python that the project runs on; None: Gatebench's own
    static_url: str = "/static/"
    media_url: str | None = None  # below it Nginx serves what was uploaded
    settings: str | None = None
    wrapped: bool = False  # with settings it always is
    keep: tuple[str, ...] = ()  # settings of the project's that a run must not change
    drivers: Mapping[str, str] = field(default_factory=dict)  # DB -> what Django is to use, where several are installed
    front: tuple[str, ...] = ()  # folders before the project's packages: the server
    back: tuple[str, ...] = ()  # folders after them: what the server needs and the project has not
