"""The shape of everything that a run records: one dataclass a thing, a line and a unit a field.

Times are seconds since the epoch unless a name says otherwise. What is not known is None, never 0 and never -1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

FORMAT = 1
"""The number of the run folder's layout. Raise it when an older reader would misread a newer folder."""


ROLES = ("app", "nginx", "postgres", "generator")
"""Whose processes are sampled: the names in resources.csv."""

SERVICE = "service"
"""The role of the program beside the app that its views call, in a run that has one."""

PGBOUNCER = "pgbouncer"
"""The role of what stands between the app and PostgreSQL, in a run that has it; and what DB calls it."""

SOME_ROLES = (SERVICE, PGBOUNCER)
"""Those that a run need not have."""

RUNNER = "gatebench"
"""The role of the process that samples: what sampling costs is sampled too."""

HIDDEN = "set"
"""What is recorded of a secret."""

CLOCK_S = 0.05
"""How long the sleeps are, on average, by which the generator tells how late its clock runs."""


BIN_GROWTH = 1.1
"""Response times are counted while a run goes on in bins that grow by so much: bin n holds those from 1.1**n ms on."""


GUIDE_COLUMNS = ("WSGI", "WSGI, many threads", "ASGI, sync views", "ASGI, async views")
"""The sides that a guide has a column of. A workload has those that suit it, and may have others."""


class Cause(StrEnum):
    """Why the client counts a request as failed, from what the client itself saw."""

    REFUSED = "connection refused"
    RESET = "connection reset"
    CLOSED = "connection closed without an answer"
    CUT_SHORT = "answer cut short"
    TIMEOUT = "no answer in time"
    STATUS = "unexpected status"
    WRONG_PAGE = "wrong page"
    UNFINISHED = "unfinished"
    LOCUSTFILE = "mistake in the locustfile"
    OTHER = "other client error"


STATISTICS_RESET = "the statistics were reset in the web UI"
"""Of LoadSummary.interference: Locust's own total starts anew, and nothing else that is recorded is touched."""


class Outcome(StrEnum):
    """How a run ended. RUNNING in a folder that no run holds means that the runner itself was killed."""

    RUNNING = "running"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as requests.arrows holds it: an Arrow IPC stream with these columns, a batch a second."""

    started: float  # s since the epoch, when the client began (connecting included)
    elapsed_ms: float  # until the whole body was read, or until the request failed
    name: str  # what the user did: form, vote, results
    method: str
    status: int | None  # HTTP status; None when no answer came
    cause: str | None  # a Cause; None when it succeeded
    step: int  # number of the step in which it started, from 1
    users: int  # simulated users running, as counted within the last second
    request_id: int  # X-Request-ID is its 16 hexadecimal digits
    bytes: int | None  # body length; None when no answer came


@dataclass(frozen=True, slots=True)
class Step:
    """One number of users, held. Settle ends where the hold starts."""

    number: int  # from 1; 0 is a run that counts and is not timed
    users: int  # asked for
    started: float  # spawning began
    running: float | None = None  # all users ran: the clock of the step starts
    steady: bool | None = None  # whether it had settled when the hold started; None where that was not asked
    hold_started: float | None = None
    hold_ended: float | None = None
    users_running: int | None = None  # running at the end of the hold
    generator_cpu_pct: float | None = None  # of one core, over the hold
    rounds: int | None = None  # begun in the hold
    thought_s: float | None = None  # of all users, in the hold


@dataclass(frozen=True, slots=True)
class RoleSample:
    """A row of resources.csv: what the processes of a role use, a second after the one before."""

    time: float
    role: str  # one of ROLES and SOME_ROLES, or RUNNER
    cpu_s: float  # used since the role began, by processes that have ended too
    rss_bytes: int
    processes: int
    threads: int
    sockets: int | None  # open; None where the machine does not tell
    ended: str  # process ids that were there in the sample before and are gone, with spaces


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """A row of processes.csv: one process of the app server or of Nginx, a second after the one before."""

    time: float
    role: str  # app or nginx
    pid: int  # on this machine
    own_pid: int  # as it knows itself, and its log: in a container another number
    parent: int  # its parent's pid on this machine
    state: str  # in psutil's words: running, sleeping, disk-sleep, stopped, …
    cpu_s: float  # used since it began, by itself
    threads: int


@dataclass(frozen=True, slots=True)
class MachineSample:
    """A row of machine.csv: counters of the whole machine, each since it was booted. None where there is none."""

    time: float
    busy_s: float  # CPU seconds used by anything, on all cores
    steal_s: float | None  # CPU seconds that the hypervisor gave to others
    pressure_s: float | None  # seconds in which something waited for a core
    listen_overflows: int | None  # connections that a full listen backlog turned away
    retransmits: int | None  # TCP segments sent again


@dataclass(frozen=True, slots=True)
class DatabaseSample:
    """A row of database.csv: a question put to PostgreSQL while the load ran, over a connection of Gatebench's own."""

    time: float  # asked
    answer_ms: float | None  # None when no answer came before the run ended
    connections: int | None  # clients connected, that one not counted
    waiting: int | None  # of them, those that wait for a lock
    idle: int | None = None  # of them, those that have nothing to do
    opened: int | None = None  # connections to this database so far, those that have ended among them


@dataclass(frozen=True, slots=True)
class SessionSample:
    """A row of sessions.csv: a session of PostgreSQL's that had been at one query for a while, in the same second as a
    row of database.csv. Queries are cut short.
    """

    time: float  # asked
    pid: int  # as PostgreSQL knows it
    application: str  # what the client calls itself; Django says nothing
    query: str
    query_s: float  # at it since
    wait_type: str | None  # Lock, IO, LWLock, …; None where it worked
    wait_event: str | None
    lock_s: float | None  # of that, waiting for a lock
    blocker: int | None  # pid of a session that holds the lock or is before it in the queue
    blocker_application: str | None
    blocker_state: str | None
    blocker_query: str | None  # its last


@dataclass(frozen=True, slots=True)
class Trial:
    """Which part of a campaign a run is. Runs with one number were made one right after the other: they are a pair."""

    campaign: str  # shared by all runs of the campaign
    number: int  # from 1
    side: str  # A, B, …: which configuration, as the campaign was asked for; in a guide its name
    guide: str | None = None  # shared by all campaigns of a guide


@dataclass(frozen=True, slots=True)
class LedgerReading:
    """The database's count of what one request writes, as of some moment between the two times."""

    step: int | None  # the step that had just ended; None after the drain
    read_started: float
    read_ended: float
    votes_stored: int  # since the seed
    name: str | None = None  # of the request; an older run has one that writes, and does not say it here


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something raised in the load that is no failure of the site: the numbers of its step are not what they seem."""

    step: int  # its number; 0 before the first
    what: str  # where, and what was raised, as the beginning of a sentence


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """What the load generator says of itself when its ramp has ended."""

    locust_requests: int  # Locust's own total, unfinished requests not included; since the last reset
    locust_failures: int
    unfinished: int  # requests without an answer when the drain ended
    drain_s: float
    interference: tuple[str, ...] = ()  # what somebody did in the web UI meanwhile: stop, edit, reset


@dataclass(frozen=True, slots=True)
class Run:
    """run.json: what was asked for, on what, and how it ended."""

    id: str  # the folder's name
    config: dict[str, Any]  # a RunConfig, resolved
    started: float
    outcome: Outcome = Outcome.RUNNING
    reason: str | None = None  # one sentence, when the outcome is not complete
    ended: float | None = None
    app: dict[str, Any] = field(default_factory=dict)  # what the live app says of itself at its readiness URL
    versions: dict[str, str] = field(default_factory=dict)  # program -> version, and where it was found
    machine: dict[str, Any] = field(default_factory=dict)
    code: dict[str, Any] = field(default_factory=dict)  # version, revision and changed: which Gatebench this was
    sheet: dict[str, Any] = field(default_factory=dict)  # the fairness sheet: what the live processes were given
    environments: dict[str, dict[str, str]] = field(default_factory=dict)  # role -> what it was given, secrets HIDDEN
    trial: Trial | None = None
    counts: dict[str, float] = field(default_factory=dict)  # what is begun for each request, where it was counted
    steps: tuple[Step, ...] = ()
    mistakes: tuple[Mistake, ...] = ()  # of the locustfile, each once a step
    troubles: tuple[str, ...] = ()  # what went wrong and did not end the run, a sentence each
    load: LoadSummary | None = None
    format: int = FORMAT

    @property
    def label(self) -> str:
        """Of its side, as `WSGI gunicorn (fair, hello)`."""
        return str(self.config.get("label", self.id))

    @property
    def roles(self) -> tuple[str, ...]:
        """Whose processes were sampled, the runner's aside."""
        there = {
            SERVICE: bool(self.config.get("workload", {}).get("service")),
            PGBOUNCER: self.config.get("db") == PGBOUNCER,
        }
        return (*ROLES, *(role for role in SOME_ROLES if there[role]))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Run:
        """A Run from any format up to FORMAT; fields that a newer minor version added are passed over."""
        load = data.get("load")
        known = {name: data[name] for name in (f.name for f in fields(cls)) if name in data}
        known["outcome"] = Outcome(known.get("outcome", Outcome.RUNNING))
        known["steps"] = tuple(Step(**step) for step in data.get("steps", ()))
        known["troubles"] = tuple(data.get("troubles", ()))
        known["mistakes"] = tuple(Mistake(**mistake) for mistake in data.get("mistakes", ()))
        known["trial"] = Trial(**data["trial"]) if data.get("trial") else None
        known["load"] = LoadSummary(**{**load, "interference": tuple(load["interference"])}) if load else None
        return cls(**known)
