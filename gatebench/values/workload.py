"""A Workload: what users do to an App, and what must be true of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatebench.values.app import App


@dataclass(frozen=True, slots=True)
class Objective:
    """What a site promises its users. A step that keeps it counts as held."""

    failures_pct: float = 1.0  # fewer than that
    p95_ms: float = 1000.0  # up to that


@dataclass(frozen=True, slots=True)
class Write:
    """A request that writes. What users were told of it is held against what the database has: each of its successes
    raises one number there by one.
    """

    name: str  # of the request, as the locustfile calls it
    sql: str  # the number


@dataclass(frozen=True, slots=True)
class FormCheck:
    """A form that is sent once before any load, as a person would: the first choice of its radio buttons."""

    form_path: str
    leads_to: str  # the path that the answer redirects to


@dataclass(frozen=True, slots=True)
class Workload:
    """What the simulated users of a run do, in a locustfile, and what the runner and the analysis know of it."""

    name: str
    app: App
    locustfile: str  # from the checkout, or absolute
    request_names: tuple[str, ...] = ()  # all that the locustfile gives its requests, where that is known
    round_name: str | None = None  # the one that a user's every round begins with
    think_s: float | None = None  # how long a user thinks between two rounds, on average
    warm_up_path: str | None = None  # asked for a few hundred times before the load
    seed_size: int = 100  # how much the App's setup puts into the database; the locustfile's users have it too
    objective: Objective = Objective()
    check: FormCheck | None = None
    writes: tuple[Write, ...] = ()  # the ledger
    environment: Mapping[str, str] = field(default_factory=dict)  # for the App, beside its own
