"""What a run is asked to do: the knobs, their defaults and their validation. Every mistake is one UsageError sentence.

A knob has one name everywhere: `make bench-wsgi USERS=20,40`, `USERS=20,40 make bench-wsgi`, `python -m gatebench
wsgi --users 20,40`.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from gatebench.errors import UsageError
from gatebench.servers import DEFAULTS, SERVERS, Interface, Server

ROOT = Path(__file__).resolve().parent.parent

DB_MODES = ("pool", "persistent", "per-request")
STACKS = ("compose", "native")


@dataclass(frozen=True, slots=True)
class App:
    """A Django project under test: all that Gatebench knows of it."""

    name: str
    folder: str  # of manage.py, from the repository's root; the servers' working directory
    applications: Mapping[Interface, str]  # what a server is told to serve
    setup: tuple[str, ...]  # management commands that make a fresh database ready, in order
    index_path: str
    form_path: str  # shows a form to vote with
    results_path: str  # where that form's vote leads to
    ready_path: str  # answers 200 with JSON about the live process once the database answers, 503 before
    votes_query: str  # SQL: one number, the sum of all votes
    vote_name: str  # the request name that is a vote in the locustfiles
    round_name: str  # the request name that a user's every round begins with
    think_s: float  # how long a user thinks between two rounds, on average

    def setup_commands(self, questions: int) -> list[list[str]]:
        return [command.format(questions=questions).split() for command in self.setup]


POLLS = App(
    name="polls",
    folder="polls_site",
    applications={Interface.WSGI: "config.wsgi:application", Interface.ASGI: "config.asgi:application"},
    setup=(
        "migrate --no-input --verbosity 0",
        "seed --questions {questions} --choices 4",
        "collectstatic --no-input --verbosity 0",
    ),
    index_path="/polls/",
    form_path="/polls/1/",
    results_path="/polls/1/results/",
    ready_path="/ready/",
    votes_query="SELECT COALESCE(SUM(votes), 0) FROM polls_choice",
    vote_name="vote",
    round_name="form",
    think_s=1.5,
)


@dataclass(frozen=True, slots=True)
class Profile:
    """Settings that belong together. docs/architecture.md explains `fair`; `article` is the article's, verbatim."""

    name: str
    locustfile: str
    db: str
    db_pool_size: int  # connections a worker process, with DB=pool
    db_pool_timeout_s: float  # how long a request waits for one of them
    db_connections: int  # max_connections of PostgreSQL
    threads: int  # a worker, where the server has threads
    backlog: int  # of the app server's listening socket
    questions: int
    vote: str  # atomic, or the article's read-then-save
    debug: bool
    timeout_s: float | None  # how long a client waits; None is for ever
    nginx_connections: int  # worker_connections: clients and upstreams together
    nginx_open_files: int  # worker_rlimit_nofile
    nginx_backlog: int
    nginx_upstream_http: str  # protocol version towards the app server
    nginx_upstream_connection: str  # the Connection header towards it: empty keeps connections alive
    nginx_connect_timeout_s: int
    nginx_read_timeout_s: int


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="fair",
            locustfile="vote.py",
            db="pool",
            db_pool_size=8,
            db_pool_timeout_s=10.0,
            db_connections=100,
            threads=8,
            backlog=2048,
            questions=100,
            vote="atomic",
            debug=False,
            timeout_s=10.0,
            nginx_connections=8192,
            nginx_open_files=16384,
            nginx_backlog=4096,
            nginx_upstream_http="1.1",
            nginx_upstream_connection="",
            nginx_connect_timeout_s=5,
            nginx_read_timeout_s=60,
        ),
        Profile(
            name="article",
            locustfile="article.py",
            db="per-request",
            db_pool_size=8,
            db_pool_timeout_s=10.0,
            db_connections=100,
            threads=1,
            backlog=2048,
            questions=1,
            vote="read-then-save",
            debug=True,
            timeout_s=None,
            nginx_connections=1024,
            nginx_open_files=16384,
            nginx_backlog=511,
            nginx_upstream_http="1.0",
            nginx_upstream_connection="close",
            nginx_connect_timeout_s=60,
            nginx_read_timeout_s=60,
        ),
    )
}

SPAWN_RATE = 50
"""Users started a second, at most. Locust warns over 100; bursts are no part of what is measured."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """A run, resolved: every knob has its value. run.json holds it as it stands here."""

    interface: Interface
    server: str
    profile: str
    stack: str
    db: str
    workers: int
    users: tuple[int, ...]
    settle_s: float
    hold_s: float
    timeout_s: float | None
    headless: bool
    port: int
    ui_port: int
    results: str
    server_args: str = ""  # added to the server's command line
    overrides: Mapping[str, Any] = field(default_factory=dict)  # settings that differ from the profile's
    pin: bool = True  # the app server gets cores of its own
    env: Mapping[str, str] = field(default_factory=dict)  # added to the app's environment
    app: str = POLLS.name

    @property
    def label(self) -> str:
        """How a run is called in tables and charts, for example `WSGI gunicorn`."""
        changes = [f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
                   for name, value in self.overrides.items()]  # fmt: skip
        changes += [f"{name}={value}" for name, value in without_secrets(self.env).items()]
        marks = ["article"] * (self.profile == "article") + [self.server_args] * bool(self.server_args) + changes
        return f"{self.interface.upper()} {self.server}" + (f" ({', '.join(marks)})" if marks else "")

    def server_row(self) -> Server:
        return SERVERS[self.server]

    def profile_row(self) -> Profile:
        return replace(PROFILES[self.profile], **self.overrides)

    def to_json(self) -> dict[str, Any]:
        """Every knob, and what follows from them: what a reader would otherwise have to look up in the code."""
        app = {"vote_name": POLLS.vote_name, "round_name": POLLS.round_name, "think_s": POLLS.think_s}
        settings = asdict(self.profile_row())
        env = without_secrets(self.env)
        return {**asdict(self), "env": env, "label": self.label, "settings": settings, "workload": app}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunConfig:
        values = {row.name: data[row.name] for row in fields(cls) if row.name in data}
        return cls(**{**values, "interface": Interface(data["interface"]), "users": tuple(data["users"])})


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing a person can set. `parse` takes the text and the knob's name, and raises UsageError."""

    name: str
    parse: Callable[[str, str], Any]
    default: str
    help: str


def _number(low: float, high: float, unit: str) -> Callable[[str, str], float]:
    def parse(text: str, name: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise UsageError(
                f"{name}={text} is not a number of {unit} from {low:g} to {high:g}: give one, as in {name}={low:g}."
            )
        return value

    return parse


def _whole(low: int, high: int, what: str) -> Callable[[str, str], int]:
    def parse(text: str, name: str) -> int:
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            raise UsageError(f"{name}={text} is not a {what} from {low} to {high}: give a whole number.")
        return int(text)

    return parse


def _one_of(*allowed: str) -> Callable[[str, str], str]:
    def parse(text: str, name: str) -> str:
        if text not in allowed:
            near = difflib.get_close_matches(text, allowed, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(f"{name}={text} is not known: it is one of {', '.join(allowed)}.{hint}")
        return text

    return parse


def _switch(text: str, name: str) -> bool:
    if text not in ("0", "1"):
        raise UsageError(f"{name}={text} is neither 0 nor 1: give {name}=1 to switch it on.")
    return text == "1"


def _folder(text: str, _name: str) -> str:
    return str(Path(text).expanduser().resolve())


_FIXED = ("name", "locustfile", "db", "timeout_s", "vote", "debug")
"""What makes a profile, and what has a knob of its own."""

SETTINGS = tuple(row.name for row in fields(Profile) if row.name not in _FIXED)


def parse_settings(text: str, name: str = "SET") -> dict[str, Any]:
    """`nginx_connections=64 db_pool_size=1`: settings of the profile by name, each with its own type."""
    changed = {}
    for word in text.split():
        setting, _, value = word.partition("=")
        if setting not in SETTINGS:
            near = difflib.get_close_matches(setting, SETTINGS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SETTINGS)}."
            raise UsageError(f"{name}={text} is not understood, {setting} is no setting: {hint}")
        kind = type(getattr(PROFILES["fair"], setting))
        try:
            changed[setting] = kind(value)
        except ValueError:
            raise UsageError(f"{name}={text} is not understood: {setting} takes a {_KINDS[kind]}.") from None
    return changed


_KINDS = {int: "whole number", float: "number", str: "word"}

OWN_VARIABLES = {
    "SERVER", "PROFILE", "WORKERS", "THREADS", "BACKLOG", "SERVER_ARGS", "APP_HOST", "APP_PORT", "APP_ENV",
    "DJANGO_SECRET_KEY", "DJANGO_DEBUG", "DJANGO_STATIC_ROOT", "POLLS_DB", "POLLS_DB_POOL_SIZE",
    "POLLS_DB_POOL_TIMEOUT", "POLLS_VOTE", "POLLS_QUESTIONS", "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE",
    "PYTHONPATH", "PYTHONUNBUFFERED",
}  # fmt: skip
"""What Gatebench itself tells the app by its environment."""


def parse_environment(text: str, name: str = "ENV") -> dict[str, str]:
    """`PYTHONMALLOC=malloc GUNICORN_CMD_ARGS='--threads 4'`: variables and their values, quoted as in a shell."""
    try:
        words = [word.partition("=") for word in shlex.split(text)]
    except ValueError as error:
        raise UsageError(f"{name}={text} is not understood: it has a quotation mark without its other half.") from error
    for variable, equals, _ in words:
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
            raise UsageError(f"{name}={text} is not understood: give variables as in {name}='PYTHONMALLOC=malloc'.")
        if variable in OWN_VARIABLES:
            raise UsageError(
                f"{name}={text} gives {variable}, which Gatebench gives itself: see its knobs in `make help`."
            )
    return {variable: value for variable, _, value in words}


_SECRET = re.compile("SECRET|PASSWORD|TOKEN|KEY|CREDENTIAL|DSN|PROXY", re.IGNORECASE)


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """As it may be written down: of a variable that may hold a secret only that it was set."""
    return {name: "set" if value and _SECRET.search(name) else value for name, value in environment.items()}


MOST_USERS = 20_000


def parse_users(text: str, name: str = "USERS") -> tuple[int, ...]:
    """The users of each step, rising: `100:700:100` (first:last:step, last included) or a comma list `20,40`."""
    how = f"give first:last:step as in {name}=100:700:100, or a rising comma list as in {name}=20,40"
    try:
        numbers = [int(part) for part in text.replace(":", ",").split(",")]
    except ValueError:
        raise UsageError(f"{name}={text} does not parse: {how}.") from None
    if ":" in text:
        if "," in text or len(numbers) != 3 or numbers[2] < 1:
            raise UsageError(f"{name}={text} does not parse: {how}.")
        numbers = list(range(numbers[0], numbers[1] + 1, numbers[2]))
    if not numbers or numbers[0] < 1 or numbers[-1] > MOST_USERS or numbers != sorted(set(numbers)):
        raise UsageError(f"{name}={text} is not a rising row of numbers from 1 to {MOST_USERS}: {how}.")
    return tuple(numbers)


parse_server = _one_of(*SERVERS)

KNOBS = (
    Knob("STACK", _one_of(*STACKS), "", "compose (the default where a Docker engine answers) or native"),
    Knob("SERVER", parse_server, "", "gunicorn under WSGI; uvicorn (default), daphne or hypercorn under ASGI"),
    Knob("PROFILE", _one_of(*PROFILES), "fair", "fair: equal footing; article: the article's settings"),
    Knob("DB", _one_of(*DB_MODES), "", "pool (psycopg 3; the default of fair), persistent or per-request (psycopg2)"),
    Knob("WORKERS", _whole(1, 64, "number of processes"), "2", "processes of the app server"),
    Knob("USERS", parse_users, "100:700:100", "users of each step: first:last:step, or a comma list"),
    Knob(
        "SETTLE", _number(0, 3600, "seconds"), "10", "seconds of each step that are not measured, after its users run"
    ),
    Knob("HOLD", _number(1, 3600, "seconds"), "20", "seconds of each step that are measured"),
    Knob("TIMEOUT", _number(0.1, 600, "seconds"), "", "seconds a client waits for an answer (10; article: no limit)"),
    Knob("TRIALS", _whole(1, 100, "number of trials"), "1", "runs of each side; bench shuffles the sides of a trial"),
    Knob("QUICK", _switch, "0", "1: SETTLE=3 HOLD=8, a whole ramp in under two minutes"),
    Knob("HEADLESS", _switch, "0", "1: no web UI"),
    Knob(
        "SERVER_ARGS", lambda text, _: text, "", "added to the server's command line, as in SERVER_ARGS='--threads 4'"
    ),
    Knob("SET", parse_settings, "", "settings that differ from the profile's, as in SET='nginx_connections=64'"),
    Knob("ENV", parse_environment, "", "added to the app's environment, as in ENV='PYTHONMALLOC=malloc'"),
    Knob("PIN", _switch, "1", "0: the app server shares all cores with everything else"),
    Knob("PORT", _whole(1, 65535, "port"), "8080", "where Nginx listens, on loopback"),
    Knob("UI_PORT", _whole(1, 65535, "port"), "8089", "where Locust's web UI listens, on loopback"),
    Knob("RESULTS", _folder, str(ROOT / "results"), "the folder that run folders are made in"),
)
_BY_NAME = {knob.name: knob for knob in KNOBS}
_QUICK = {"SETTLE": "3", "HOLD": "8"}


def check_names(names: list[str], others: Sequence[str] = ()) -> None:
    """Raises UsageError for the first name that is no knob, and none of the others that are understood here."""
    known = [*_BY_NAME, *others]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else "`make help` lists the knobs."
            raise UsageError(f"{name} is not a knob: {hint}")


def resolve(interface: Interface, given: Mapping[str, str], engine_answers: Callable[[], bool]) -> RunConfig:
    """The run that an interface and the given knobs ask for. An empty value is as good as none.

    `engine_answers` is asked only when STACK is not given.
    """
    values = _parsed(given)
    profile = PROFILES[values["PROFILE"]]
    if values["PORT"] == values["UI_PORT"]:
        raise UsageError(f"PORT and UI_PORT are both {values['PORT']}: give each a port of its own.")
    if interface is Interface.ASGI and values["DB"] == "persistent":
        raise UsageError(
            "DB=persistent leaks connections under ASGI, where each request has a thread of its own (Django's manual "
            "says so): give DB=pool or DB=per-request."
        )
    return RunConfig(
        interface=interface,
        server=_server_for(interface, values["SERVER"]),
        profile=profile.name,
        stack=values["STACK"] or ("compose" if engine_answers() else "native"),
        db=values["DB"] or profile.db,
        workers=values["WORKERS"],
        users=values["USERS"],
        settle_s=values["SETTLE"],
        hold_s=values["HOLD"],
        timeout_s=values["TIMEOUT"] or profile.timeout_s,
        headless=values["HEADLESS"],
        port=values["PORT"],
        ui_port=values["UI_PORT"],
        results=values["RESULTS"],
        server_args=values["SERVER_ARGS"] or "",
        overrides=values["SET"] or {},
        pin=values["PIN"],
        env=values["ENV"] or {},
    )


def trials_of(given: Mapping[str, str]) -> int:
    """How many trials the given knobs ask for."""
    knob = _BY_NAME["TRIALS"]
    return int(knob.parse(given.get(knob.name) or knob.default, knob.name))


def _parsed(given: Mapping[str, str]) -> dict[str, Any]:
    """Every knob's value by its name; None where it is not given and has no default."""
    given = {name: text for name, text in given.items() if text != ""}
    if given.get("QUICK") == "1":
        given = {**_QUICK, **given}
    return {
        knob.name: knob.parse(text, knob.name) if (text := given.get(knob.name, knob.default)) else None
        for knob in KNOBS
    }


def _server_for(interface: Interface, name: str | None) -> str:
    server = SERVERS[name or DEFAULTS[interface]]
    if server.interface is not interface:
        fitting = ", ".join(row.name for row in SERVERS.values() if row.interface is interface)
        raise UsageError(
            f"SERVER={name} speaks {server.interface.upper()}: run `make bench-{server.interface}` for it, "
            f"or give {interface.upper()} one of {fitting}."
        )
    return server.name
