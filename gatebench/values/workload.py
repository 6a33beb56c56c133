"""A Workload: what users do to an App, and what must be true of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatebench.values.app import App
from gatebench.values.server import Interface


@dataclass(frozen=True, slots=True)
class Objective:
    """What a site promises its users. A step that keeps it counts as held."""

    failures_pct: float = 1.0  # fewer than that
    p95_ms: float = 1000.0  # up to that


@dataclass(frozen=True, slots=True)
class Write:
    """A request that writes. What users were told of it is held against what is stored: each of its successes raises
    one number by one. The number is what a query answers, or the rows of a CSV file, or the files of a folder, both by
    their place in the {files} of the run. Raises ValueError unless it is one of the three.
    """

    name: str  # of the request, as the locustfile calls it
    sql: str | None = None
    rows_of: str | None = None
    files_in: str | None = None
    beside: tuple[str, ...] = ()  # other requests that raise the same number

    def __post_init__(self) -> None:
        if [self.sql, self.rows_of, self.files_in].count(None) != 2:
            raise ValueError(f"“{self.name}” needs one of sql, rows_of and files_in, to say what it raises.")


@dataclass(frozen=True, slots=True)
class FormCheck:
    """A form that is sent once before any load, as a person would: the first choice of its radio buttons."""

    form_path: str
    leads_to: str  # the path that the answer redirects to


@dataclass(frozen=True, slots=True)
class Service:
    """A program beside the app that its views call. It is told by SIGUSR1 that the load begins, and its end is not the
    run's: a site must bear it. It writes a JSON line for each answer: time (s, when it was asked), id (X-Request-ID),
    path (the first part is what the App calls it), waited_ms.

    `command` is the words after `python -m`, with places for {host} and {port}; `environment` has the {places} of an
    App's.
    """

    command: str
    folder: str  # from the checkout
    ready_path: str  # answers 200 once it can serve
    told_by: str  # the App's variable that is given its address, as in http://127.0.0.1:8001
    timeout_s: float  # how long the App waits for it: its place {service_timeout_s}
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """A number or a word of a workload's, as in SET='log_in_pct=10'. Its users have it in `settings`."""

    value: Any
    bounds: tuple[float, ...] = ()  # lowest and highest, of the value's own type
    allowed: tuple[str, ...] = ()  # words, where it is one


@dataclass(frozen=True, slots=True)
class Workload:
    """What the simulated users of a run do, in a locustfile, and what the runner and the analysis know of it.

    `views` are ways to write the same page, side by side; a Side measures one of them. `warm_up_path` has {views}.
    """

    name: str
    app: App
    locustfile: str  # from the checkout, or absolute
    about: str = ""  # what kind of site it is, in a few words
    request_names: tuple[str, ...] = ()  # all that the locustfile gives its requests, where that is known
    paced: tuple[str, ...] = ()  # of these, the client's own pace decides how long they take: that is not judged
    streams: tuple[str, ...] = ()  # of these, the answer goes on after the first event, which is what they are timed to
    pushed: tuple[str, ...] = ()  # no requests: what came within a stream, timed by how late it came
    round_name: str | None = None  # the one that a user's every round begins with
    think_s: float | None = None  # how long a user thinks between two rounds, on average
    warm_up_path: str | None = None  # asked for a few hundred times before the load
    users: tuple[int, ...] = (100, 200, 300, 400, 500, 600, 700)  # of each step, where USERS names none
    seed_size: int = 100  # how much the App's setup puts into the database; the locustfile's users have it too
    objective: Objective = Objective()
    check: FormCheck | None = None
    writes: tuple[Write, ...] = ()  # the ledger
    environment: Mapping[str, str] = field(default_factory=dict)  # for the App, beside its own
    views: tuple[str, ...] = ()
    usual_views: Mapping[Interface, str] = field(default_factory=dict)  # where VIEWS names none
    settings: Mapping[str, Setting] = field(default_factory=dict)
    largest_body_mb: int = 1  # of a request, that Nginx lets through: its own default
    service: Service | None = None
    websockets: bool = False  # whether the server must speak them, and Nginx let them through

    @property
    def slow_client_s(self) -> float:
        """How long somebody on a slow line takes over what is large; 0 where nobody is on one."""
        return float(self.settings["slow_client_s"].value) if "slow_client_s" in self.settings else 0.0
