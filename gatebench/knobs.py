"""What a person can set: the knobs, their defaults and their validation. Every mistake is one UsageError sentence.

A knob has one name everywhere: `make bench-wsgi USERS=20,40`, `python -m gatebench bench-wsgi --users 20,40`, and
GATEBENCH_USERS in the environment. Here alone a name becomes a value: a server, a workload, a profile.
"""

from __future__ import annotations

import difflib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gatebench.bridges import BRIDGES, SHIPPED
from gatebench.errors import UsageError
from gatebench.profiles import PROFILES, Profile
from gatebench.run_folder import RESULTS
from gatebench.servers import DEFAULTS, SERVERS
from gatebench.values.bridge import Bridge
from gatebench.values.codec import without_secrets
from gatebench.values.footing import DB_MODES, SETTINGS, Footing
from gatebench.values.guided import Guided
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface, Server
from gatebench.values.side import Side
from gatebench.values.virtual_environment import VirtualEnvironment
from gatebench.values.workload import Workload
from gatebench.workloads import GUIDED, WORKLOADS

STACKS = ("compose", "native")
VALUES_OF_BRIDGE = (SHIPPED, *BRIDGES)


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing a person can set. `parse` takes the text and the knob's name, and raises UsageError.

    An `axis` may have several values with commas between in `bench`: they are sides.
    """

    name: str
    parse: Callable[[str, str], Any]
    default: str
    help: str
    axis: bool = False
    only: Interface | None = None  # it means nothing to the other


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


SEED_SIZE = "seed_size"
"""The setting that every workload has."""

_OF_A_WORKLOAD: Mapping[str, Mapping[str, Any]] = {
    name: {"bounds": setting.bounds, "allowed": setting.allowed}
    for workload in WORKLOADS.values()
    for name, setting in workload.settings.items()
}
_BOUNDS: Mapping[str, Mapping[str, Any]] = {**SETTINGS, SEED_SIZE: {"bounds": (1, 100_000)}, **_OF_A_WORKLOAD}


def parse_settings(text: str, name: str = "SET") -> dict[str, Any]:
    """`nginx_connections=64 db_pool_size=1`: settings by name, each of its own type and within its bounds."""
    changed = {}
    for word in text.split():
        setting, _, value = word.partition("=")
        if setting not in _BOUNDS:
            near = difflib.get_close_matches(setting, _BOUNDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_BOUNDS)}."
            raise UsageError(f"{name}={text} is not understood, {setting} is no setting: {hint}")
        changed[setting] = _setting(value, **_BOUNDS[setting])
        if changed[setting] is None:
            raise UsageError(f"{name}={text} is not understood: {setting} takes {_what(**_BOUNDS[setting])}.")
    return changed


def of_setting(text: str, name: str) -> dict[str, Any]:
    """Of a setting that has a knob beside SET, as those have that most people change: the knob has its name."""
    setting = name.lower()
    value = _setting(text, **_BOUNDS[setting])
    if value is None:
        raise UsageError(f"{name}={text} is not understood: give {_what(**_BOUNDS[setting])}.")
    return {setting: value}


def _setting(text: str, bounds: tuple[float, ...] = (0, 0), allowed: tuple[str, ...] = ()) -> Any:
    """The value, of the bounds' type; None when it is not one that is allowed."""
    if allowed:
        return text if text in allowed else None
    low, high = bounds
    try:
        value = type(low)(text)
    except ValueError:
        return None
    return value if low <= value <= high else None


def _what(bounds: tuple[float, ...] = (0, 0), allowed: tuple[str, ...] = ()) -> str:
    if allowed:
        return " or ".join(word or "nothing" for word in allowed)
    low, high = bounds
    return f"a {'whole number' if isinstance(low, int) else 'number'} from {low:g} to {high:.0f}"


def parse_environment(text: str, name: str = "ENV") -> dict[str, str]:
    """`PYTHONMALLOC=malloc GUNICORN_CMD_ARGS='--threads 4'`: variables and their values, quoted as in a shell."""
    try:
        words = [word.partition("=") for word in shlex.split(text)]
    except ValueError as error:
        raise UsageError(f"{name}={text} is not understood: it has a quotation mark without its other half.") from error
    if any(not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable) for variable, equals, _ in words):
        raise UsageError(f"{name}={text} is not understood: give variables as in {name}='PYTHONMALLOC=malloc'.")
    return {variable: value for variable, _, value in words}


LOCKED = "locked"
"""WITH's value for the packages as requirements/app.txt has them."""

_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w,-]+\])?((===?|~=|!=|<=?|>=?)[\w.*+!-]+)?", re.ASCII)


def parse_packages(text: str, name: str = "WITH") -> tuple[str, ...]:
    """`django==6.1.* asgiref==3.11.1`: requirements as pip takes them; none for `locked`."""
    packages = tuple(text.split())
    if packages == (LOCKED,):
        return ()
    for package in packages:
        if not _REQUIREMENT.fullmatch(package):
            raise UsageError(
                f"{name}={text} is not understood at {package}: give packages with their versions, as in "
                f"{name}='django==6.1.* asgiref==3.11.1', or {LOCKED}."
            )
    return packages


def parse_python(text: str, name: str = "PYTHON") -> str:
    """The interpreter as it is named; empty where it is of the version that we run on."""
    python = shutil.which(text)
    if python is None:
        raise UsageError(f"{name}={text} is not found: give the name or the path of a Python, as in {name}=python3.13.")
    look = [python, "-c", "import sys; print(sys.version); sys.exit(sys.version_info < (3, 11))"]
    done = subprocess.run(look, capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout:
        raise UsageError(f"{name}={text} is no Python 3.11 or newer: give another, as in {name}=python3.13.")
    return "" if done.stdout.strip() == sys.version else text


def _check_own(env: Mapping[str, str], workload: Workload) -> None:
    """Raises UsageError for a variable that Gatebench itself gives the app."""
    told = [workload.service.told_by] if workload.service else []
    own = {*workload.app.environment, *workload.environment, *told, *STACK_VARIABLES}
    for name in env:
        if name in own:
            raise UsageError(f"ENV gives {name}, which Gatebench gives itself: see its knobs in `make help`.")


STACK_VARIABLES = (
    "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGBOUNCER_HOST", "PGBOUNCER_PORT", "PYTHONPATH",
    "PYTHONUNBUFFERED",
)  # fmt: skip
"""What the app is told by every stack."""

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


def _servers_in_words() -> str:
    """As in "gunicorn (default) under WSGI; uvicorn (default) or daphne under ASGI"."""
    return "; ".join(f"{_listed(interface)} under {interface.upper()}" for interface in Interface)


def _listed(interface: Interface) -> str:
    others = [server.name for server in SERVERS.values() if server.interface is interface and not server.is_default]
    return _or([f"{DEFAULTS[interface]} (default)", *others])


def _or(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


_VIEWS = tuple(dict.fromkeys(views for workload in WORKLOADS.values() for views in workload.views))
_CLIENTS = _OF_A_WORKLOAD["client"]["allowed"]

KNOBS = (
    Knob("STACK", _one_of(*STACKS), "", "compose (the default where a Docker engine answers) or native"),
    Knob("SERVER", parse_server, "", _servers_in_words()),
    Knob(
        "PROFILE",
        _one_of(*PROFILES),
        "fair",
        "fair: equal footing; defaults: as each server's documentation starts it; article: the article's",
    ),
    Knob("WORKLOAD", _one_of(*WORKLOADS), "", f"what users do: {', '.join(WORKLOADS)} (the profile's)"),
    Knob(
        "VIEWS",
        _one_of(*_VIEWS),
        "",
        f"how the page is written, where a workload has several ways: {', '.join(_VIEWS)}",
        axis=True,
    ),
    Knob(
        "BRIDGE",
        _one_of(*VALUES_OF_BRIDGE),
        "",
        f"how synchronous code runs under ASGI: {', '.join(VALUES_OF_BRIDGE)} ({SHIPPED})",
        axis=True,
        only=Interface.ASGI,
    ),
    Knob(
        "CLIENT",
        of_setting,
        "",
        f"with which asynchronous views ask services: {', '.join(_CLIENTS)} (fanout)",
        axis=True,
    ),
    Knob(
        "THREADS",
        of_setting,
        "",
        "threads of each process of a WSGI server, and of a bridge that has some (8)",
        axis=True,
    ),
    Knob(
        "DB",
        _one_of(*DB_MODES),
        "",
        "pool (psycopg 3; the default of fair), persistent, per-request or pgbouncer (psycopg2)",
        axis=True,
    ),
    Knob("WORKERS", _whole(1, 64, "number of processes"), "", "processes of the app server (2)", axis=True),
    Knob(
        "WITH",
        parse_packages,
        "",
        f"packages of the app in place of the locked ones, as in WITH='asgiref==3.11.1' ({LOCKED})",
        axis=True,
    ),
    Knob("PYTHON", parse_python, "", "the interpreter that the app runs on (that of .venv)"),
    Knob("USERS", parse_users, "", "users of each step: first:last:step, or a comma list (the workload's)"),
    Knob(
        "SETTLE", _number(0, 3600, "seconds"), "10", "seconds that a step settles, at the least, before it is measured"
    ),
    Knob("HOLD", _number(1, 3600, "seconds"), "20", "seconds of each step that are measured"),
    Knob("TIMEOUT", _number(0.1, 600, "seconds"), "", "seconds a client waits for an answer (10; article: no limit)"),
    Knob("TRIALS", _whole(1, 100, "number of trials"), "1", "runs of each side; bench shuffles the sides of a trial"),
    Knob("QUICK", _switch, "0", "1: SETTLE=5 HOLD=8, a whole ramp in about two minutes"),
    Knob("STOP_AT_LIMIT", _switch, "0", "1: the ramp ends with the first step that misses the objective"),
    Knob("HEADLESS", _switch, "0", "1: no web UI"),
    Knob(
        "SERVER_ARGS", lambda text, _: text, "", "added to the server's command line, as in SERVER_ARGS='--threads 4'"
    ),
    Knob("SET", parse_settings, "", "settings that differ from the profile's, as in SET='nginx_connections=64'"),
    Knob("ENV", parse_environment, "", "added to the app's environment, as in ENV='PYTHONMALLOC=malloc'"),
    Knob("PIN", _switch, "1", "0: the app server shares all cores with everything else"),
    Knob("PORT", _whole(1, 65535, "port"), "8080", "where Nginx listens, on loopback"),
    Knob("UI_PORT", _whole(1, 65535, "port"), "8089", "where Locust's web UI listens, on loopback"),
    Knob("RESULTS", _folder, str(RESULTS), "the folder that run folders are made in"),
)
_BY_NAME = {knob.name: knob for knob in KNOBS}
_QUICK = {"SETTLE": "5", "HOLD": "8"}


def resolve(
    interface: Interface, given: Mapping[str, str], engine_answers: Callable[[], bool], own: Workload | None = None
) -> RunConfig:
    """The run that an interface and the given knobs ask for. An empty value is as good as none.

    `engine_answers` is asked only when STACK is not given. `own` is the workload of a person's own project, taken where
    WORKLOAD names none.
    """
    values = _parsed(given)
    if values["PORT"] == values["UI_PORT"]:
        raise UsageError(f"PORT and UI_PORT are both {values['PORT']}: give each a port of its own.")
    side = _side(interface, values, own)
    return RunConfig(
        side=side,
        stack=values["STACK"] or ("compose" if engine_answers() else "native"),
        users=values["USERS"] or side.workload.users,
        settle_s=values["SETTLE"],
        hold_s=values["HOLD"],
        pin=values["PIN"],
        stop_at_limit=values["STOP_AT_LIMIT"],
        headless=values["HEADLESS"],
        port=values["PORT"],
        ui_port=values["UI_PORT"],
        results=values["RESULTS"],
    )


def resolve_server(
    name: str, given: Mapping[str, str], engine_answers: Callable[[], bool], own: Workload | None = None
) -> RunConfig:
    """The run of a server by its name, whatever its interface."""
    server = SERVERS[parse_server(name, "SERVER")]
    return resolve(server.interface, {**given, "SERVER": name}, engine_answers, own)


def axes_of(given: Mapping[str, str]) -> dict[str, list[str]]:
    """By knob, the values of those that have several; raises UsageError for one that is none."""
    axes = {}
    for knob in KNOBS:
        if knob.axis and "," in (text := given.get(knob.name, "")):
            axes[knob.name] = [value for value in text.split(",") if value]
            if not axes[knob.name]:
                raise UsageError(f"{knob.name}={text} has no value: give one, or several with commas between.")
            for value in axes[knob.name]:
                knob.parse(value, knob.name)
    return axes


def fitting(server: str, given: Mapping[str, str], axes: Collection[str]) -> dict[str, str]:
    """Without what means nothing to that server: knobs of the other interface, the axis THREADS where it has none."""
    row = SERVERS[server]
    foreign = {knob.name for knob in KNOBS if knob.only not in (None, row.interface)}
    fit = {name: text for name, text in given.items() if name not in foreign}
    bridge = BRIDGES.get(fit.get("BRIDGE", ""))
    if "THREADS" in axes and not (row.has_threads or (bridge and bridge.threads)):
        del fit["THREADS"]
    return fit


def every_server() -> list[Server]:
    """WSGI's first."""
    return sorted(SERVERS.values(), key=lambda server: (server.interface is not Interface.WSGI, server.name))


SPEAK_WEBSOCKETS = [name for name, server in SERVERS.items() if server.websockets]


def servers_of(given: Mapping[str, str]) -> list[str]:
    """Those that SERVER names, with commas. Where it names one only, and no axis has several values, or none, the other
    interface's default joins, and in a workload of WebSockets all that speak them.
    """
    named = [parse_server(name, "SERVER") for name in given.get("SERVER", "").split(",") if name]
    if len(set(named)) < len(named):
        raise UsageError(f"SERVER={given['SERVER']} names a server twice: `make aa` runs one against itself.")
    if len(named) > 1 or (named and axes_of(given)):
        return _that_take(given, named)
    workload = WORKLOADS.get(given.get("WORKLOAD", ""))
    if workload is not None and workload.websockets:
        return list(dict.fromkeys([*named, *SPEAK_WEBSOCKETS]))
    return list((DEFAULTS | {SERVERS[name].interface: name for name in named}).values())


def _that_take(given: Mapping[str, str], servers: list[str]) -> list[str]:
    """The servers; raises UsageError for a knob that means nothing to any of them."""
    for knob in KNOBS:
        if knob.only and given.get(knob.name) and all(SERVERS[name].interface is not knob.only for name in servers):
            raise UsageError(f"{knob.name} is for {knob.only.upper()}, and SERVER names no such server: leave it out.")
    return servers


def guided_of(given: Mapping[str, str]) -> list[Guided]:
    """Those that WORKLOAD names with commas between, else all."""
    names = [name for name in given.get("WORKLOAD", "").split(",") if name]
    if unknown := [name for name in names if name not in GUIDED]:
        raise UsageError(f"WORKLOAD={unknown[0]} is none of the guide's: it has {', '.join(GUIDED)}.")
    return [GUIDED[name] for name in names or GUIDED]


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


def _side(interface: Interface, values: Mapping[str, Any], own: Workload | None) -> Side:
    profile, server = PROFILES[values["PROFILE"]], _server(interface, values)
    usual = own or WORKLOADS[profile.workload]
    workload = WORKLOADS[values["WORKLOAD"]] if values["WORKLOAD"] else usual
    if workload.websockets and not server.websockets:
        raise UsageError(
            f"WORKLOAD={workload.name} needs WebSockets, and SERVER={server.name} speaks none: run `make bench-asgi` "
            f"with SERVER={_or(SPEAK_WEBSOCKETS)}, or give {interface.upper()} WORKLOAD=live, which needs none."
        )
    overrides = _overrides(values)
    footing = _footing(profile.footing, values, overrides)
    bridge = _bridge(values["BRIDGE"], interface, workload)
    if interface is Interface.ASGI and footing.db == "persistent" and not (bridge and bridge.keeps_threads):
        keeping = _or([name for name, one in BRIDGES.items() if one.keeps_threads])
        raise UsageError(
            "DB=persistent leaks connections under ASGI, where each request has a thread of its own (Django's manual "
            f"says so): give DB=pool or DB=per-request, or BRIDGE={keeping}."
        )
    server_args, env = values["SERVER_ARGS"] or "", values["ENV"] or {}
    _check_own(env, workload)
    views = _views(workload, interface, values["VIEWS"])
    environment = _environment(values, workload)
    changes = {**_in_words(overrides), **without_secrets(env)}
    as_usual = workload is usual and views == workload.usual_views.get(interface)
    more = ["" if as_usual else views, bridge.name if bridge else "", environment.label if environment else ""]
    more += [*_unusual(footing, profile.footing), server_args]
    more += map("=".join, changes.items())
    return Side(
        label=_label(server, profile, workload if workload is not usual else None, more),
        server=server,
        workload=_changed(workload, overrides),
        footing=footing,
        views=views,
        bridge=bridge,
        environment=environment,
        server_args=server_args,
        env=env,
        overrides=overrides,
    )


def _overrides(values: Mapping[str, Any]) -> dict[str, Any]:
    """What SET and the knobs of single settings say; raises UsageError where both do."""
    overrides: dict[str, Any] = dict(values["SET"] or {})
    for knob in KNOBS:
        if knob.parse is not of_setting:
            continue
        if values[knob.name] and knob.name.lower() in overrides:
            raise UsageError(f"SET gives {knob.name.lower()}, and so does {knob.name}: leave one of them out.")
        overrides |= values[knob.name] or {}
    return overrides


def _changed(workload: Workload, overrides: Mapping[str, Any]) -> Workload:
    """With the settings that are given; raises UsageError for one of another workload's."""
    for name in overrides:
        if name in _OF_A_WORKLOAD and name not in workload.settings:
            having = ", ".join(row.name for row in WORKLOADS.values() if name in row.settings)
            raise UsageError(f"WORKLOAD={workload.name} has no setting {name}: leave it out ({having} has it).")
    settings = {
        name: replace(setting, value=overrides.get(name, setting.value)) for name, setting in workload.settings.items()
    }
    return replace(workload, seed_size=overrides.get(SEED_SIZE, workload.seed_size), settings=settings)


def _views(workload: Workload, interface: Interface, named: str | None) -> str:
    if named is None:
        return workload.usual_views.get(interface, "")
    if named not in workload.views:
        there = f"give one of {', '.join(workload.views)}" if workload.views else "leave VIEWS out"
        raise UsageError(f"VIEWS={named} is nothing that WORKLOAD={workload.name} has: {there}.")
    return named


def _bridge(named: str | None, interface: Interface, workload: Workload) -> Bridge | None:
    if named in (None, SHIPPED):
        return None
    if interface is Interface.WSGI:
        raise UsageError(f"BRIDGE={named} is for ASGI: leave it out, or run `make bench-asgi`.")
    if workload.app.settings is None and "django" not in workload.app.packages:
        raise UsageError(f"BRIDGE={named} is for Django, and WORKLOAD={workload.name} has none: leave BRIDGE out.")
    return BRIDGES[named]


def _environment(values: Mapping[str, Any], workload: Workload) -> VirtualEnvironment | None:
    packages, python = values["WITH"] or (), values["PYTHON"] or ""
    if not (packages or python):
        return None
    if workload.app.interpreter:
        given = "WITH" if packages else "PYTHON"
        raise UsageError(
            f"{given} is for Gatebench's own sites, and {workload.name} has its own environment: change that."
        )
    return VirtualEnvironment(packages, python)


def _server(interface: Interface, values: Mapping[str, Any]) -> Server:
    name = values["SERVER"] or DEFAULTS[interface]
    server = SERVERS[name]
    if server.interface is not interface:
        fitting = ", ".join(row.name for row in SERVERS.values() if row.interface is interface)
        raise UsageError(
            f"SERVER={name} speaks {server.interface.upper()}: run `make bench-{server.interface}` for it, "
            f"or give {interface.upper()} one of {fitting}."
        )
    if values["PROFILE"] not in server.commands:
        there = " or ".join(f"PROFILE={name}" for name in server.commands)
        raise UsageError(f"SERVER={name} has no command line under PROFILE={values['PROFILE']}: give {there}.")
    if not server.takes_workers(values["PROFILE"]) and values["WORKERS"] not in (None, 1):
        raise UsageError(
            f"SERVER={name} is one process under PROFILE={values['PROFILE']}: leave WORKERS out, or give PROFILE=fair."
        )
    return server


def _footing(footing: Footing, values: Mapping[str, Any], overrides: Mapping[str, Any]) -> Footing:
    """The profile's, with what knobs of its own and SET say otherwise."""
    knobs = {"db": values["DB"], "workers": values["WORKERS"], "timeout_s": values["TIMEOUT"]}
    given = {name: value for name, value in knobs.items() if value is not None}
    return replace(footing, **given, **{name: value for name, value in overrides.items() if name in SETTINGS})


def _unusual(footing: Footing, usual: Footing) -> list[str]:
    """What knobs that have no setting's name say otherwise than the profile."""
    workers = f"{footing.workers} worker{'s' * (footing.workers > 1)}"
    return [footing.db] * (footing.db != usual.db) + [workers] * (footing.workers != usual.workers)


def _label(server: Server, profile: Profile, other: Workload | None, changes: list[str]) -> str:
    """`other` is the workload where it is not the usual one."""
    if other is not None:
        marks = [profile.name, other.name]
    else:
        marks = [profile.name] * (profile.name != _BY_NAME["PROFILE"].default)
    marks += [change for change in changes if change]
    return f"{server.interface.upper()} {server.name}" + (f" ({', '.join(marks)})" if marks else "")


def _in_words(overrides: Mapping[str, Any]) -> dict[str, str]:
    return {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in overrides.items()}
