"""The exact command that measures the same again, made from what the runs recorded of it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import pairwise
from typing import Any

from gatebench.analysis.comparing.sentences import listed
from gatebench.analysis.showing.page.html import Content, Markup, prose, tag
from gatebench.analysis.showing.page.subject import Part, Subject
from gatebench.records import HIDDEN, Run

Config = Mapping[str, Any]


def again(about: Subject) -> Part:
    trials, campaigns = trials_of([run.run for run in about.sides[0].runs])
    lines = commands([side.runs[0].run for side in about.sides], trials)
    code = [tag("code", _unbroken(line), "\n") for line in lines]
    body = [tag("pre", code, class_="copy")]
    if names := hidden_in([run.run for run in about.runs]):
        body.append(
            tag("p", prose(f"Secrets are not recorded: put your own in place of `{HIDDEN}` for {listed(names)}."))
        )
    if campaigns > 1:
        then = "gatebench analyze --campaigns=all" if _own(about) else "make analyze CAMPAIGNS=all"
        body.append(tag("p", prose(f"{campaigns} times, at different hours. Then `{then}` combines the campaigns.")))
    return Part("again", "Again", "Run it again", [*body, *_beside(about)])


def trials_of(runs: Sequence[Run]) -> tuple[int, int]:
    """How many trials a campaign of a side's runs had, at most, and how many campaigns there are."""
    of_campaigns = Counter(run.trial.campaign for run in runs if run.trial)
    return max(of_campaigns.values(), default=len(runs)), len(of_campaigns) or 1


def hidden_in(runs: Sequence[Run]) -> list[str]:
    """Variables that ENV gave and whose values were not recorded."""
    given = [(name, value) for run in runs for name, value in (run.config.get("env") or {}).items()]
    return list(dict.fromkeys(name for name, value in given if value == HIDDEN))


def _own(about: Subject) -> bool:
    return any(is_own(run.run.config) for run in about.runs)


def _unbroken(line: str) -> Content:
    """A command breaks between its words, and not within one."""
    first, *words = line.split(" ")
    return [first, *([" ", tag("span", word)] for word in words)]


def _beside(about: Subject) -> Iterator[Markup]:
    folders = [str(run.folder.path.name) for run in about.runs]
    if code := about.runs[0].run.code:
        revision = str(code.get("revision") or "")[:12]
        changed = ", with changes that were not committed" if code.get("changed") else ""
        at = f" at revision {revision}{changed}" if revision else ""
        yield tag(
            "p",
            f"Recorded by Gatebench {code.get('version', '')}{at}.",
            class_="small",
        )
    if len(about.sides) > 1:
        aa = "gatebench aa --trials=5" if _own(about) else "make aa TRIALS=5"
        yield tag("p", prose(f"To see the noise of your machine, measure one server against itself: `{aa}`."))
    where = "The run's folder" if len(folders) == 1 else f"The folders of the {len(folders)} runs"
    names = tag("p", ", ".join(folders), class_="small")
    yield tag("details", tag("summary", where), names)


def commands(runs: Sequence[Run], trials: int) -> list[str]:
    """One that measures all sides in turns where they differ in the server and in axes alone, else one a side."""
    own = any(is_own(run.config) for run in runs)
    times = {"TRIALS": str(trials)} if trials > 1 else {}
    if matrix := runs[0].config.get("matrix"):
        return [as_planned("matrix", runs[0].config, {"MATRIX": matrix, **times})]
    axes = set.intersection(*(set(run.config.get("axes", ())) for run in runs))
    shared = _shared(axes, runs)
    revisions = [str(run.config.get("revision") or "") for run in runs]
    along = _along({"SERVER", *axes}, runs)
    if shared is not None and own and any(revisions):
        at = " ".join(f"--at {shlex.quote(one)}" for one in revisions if one)
        return [f"{written('bench', {**along, **shared, **times}, own)} {at}"]
    if shared is not None and len(runs) > 1:
        servers = along["SERVER"].split(",")
        if axes or len(servers) == len(runs):
            return [written("bench", {**along, **shared, **times}, own)]
        if len(servers) == 1:
            return [written("aa", {**along, **shared, **times}, own)]
    return [written(f"bench-{run.config.get('interface')}", {**knobs_of(run.config), **times}, own) for run in runs]


OF_A_PLAN = ("STACK", "PYTHON", "WORKERS", "USERS", "SETTLE", "HOLD", "TIMEOUT", "ENV", "PIN")
"""Knobs that all sides of a ladder, or of a matrix, were given, beside THREADS."""


def as_planned(target: str, config: Config, more: Mapping[str, str]) -> str:
    """The command that measures a ladder or a matrix again, by the configuration of any of its runs."""
    knobs, overrides = knobs_of(config), config.get("overrides") or {}
    shared = {name: knobs[name] for name in OF_A_PLAN if name in knobs}
    threads = {"THREADS": str(overrides["threads"])} if "threads" in overrides else {}
    return written(target, {**shared, **threads, **more}, is_own(config))


OF_AXES: Mapping[str, Callable[[Config], str | None]] = {
    "SERVER": lambda config: config.get("server"),
    "VIEWS": lambda config: config.get("views"),
    "BRIDGE": lambda config: None if config.get("interface") == "wsgi" else config.get("bridge") or "shipped",
    "THREADS": lambda config: config["settings"]["threads"] if _has_threads(config) else None,
    "DB": lambda config: config.get("db"),
    "WORKERS": lambda config: config.get("workers"),
    "WITH": lambda config: config.get("with") or "locked",
}
"""Knob -> what a side has along it; None where it means nothing to the side. Along any other knob it is the setting of
the knob's own name.
"""


def _setting(name: str, config: Config) -> str:
    """Of the footing's or the workload's."""
    of_workload = config["workload"]["settings"]
    return str(of_workload[name]["value"] if name in of_workload else config["settings"][name])


def _has_threads(config: Config) -> bool:
    commands = config["server_row"]["commands"].values()
    return any("{threads}" in command for command in commands) or bool((config.get("bridge_row") or {}).get("threads"))


def _along(axes: Set[str], runs: Sequence[Run]) -> dict[str, str]:
    """Each axis with its values, in the order in which a campaign takes them."""
    names = [name for name in OF_AXES if name in axes] + sorted(axes - OF_AXES.keys())
    values = {
        name: dict.fromkeys(OF_AXES.get(name, partial(_setting, name.lower()))(run.config) for run in runs)
        for name in names
    }
    return {name: ",".join(str(value) for value in some if value is not None) for name, some in values.items()}


def _shared(axes: Collection[str], runs: Sequence[Run]) -> dict[str, str] | None:
    """The knobs beside SERVER and the axes, which every side has that they mean something to; None where two sides
    differ in one.
    """
    found: dict[str, str] = {}
    knobs = [_without(axes, knobs_of(run.config)) for run in runs]
    if any("VIEWS" in one for one in knobs):  # usual for some interfaces, and not for others
        knobs = [{**one, "VIEWS": str(run.config.get("views"))} for one, run in zip(knobs, runs, strict=True)]
    for name in dict.fromkeys(name for one in knobs for name in one):
        given = [one.get(name) for one, run in zip(knobs, runs, strict=True) if not _means_nothing(name, run)]
        if len(set(given)) > 1:
            return None
        if given and given[0] is not None:
            found[name] = given[0]
    return found


def _means_nothing(name: str, run: Run) -> bool:
    return name == "BRIDGE" and run.config.get("interface") == "wsgi"


def _without(axes: Collection[str], knobs: Mapping[str, str]) -> dict[str, str]:
    """The knobs of a side that are no axes, nor SET's way to say what an axis says."""
    left = {name: value for name, value in knobs.items() if name not in {"SERVER", *axes}}
    kept = [one for one in left.pop("SET", "").split() if one.partition("=")[0].upper() not in axes]
    return left | ({"SET": " ".join(kept)} if kept else {})


def is_own(config: Config) -> bool:
    """Whether it measured a person's own project: those run in an interpreter of their own."""
    app = config.get("workload", {}).get("app")
    return isinstance(app, Mapping) and app.get("interpreter") is not None


def knobs_of(config: Config) -> dict[str, str]:
    """The knobs that a run was asked for with, by name; those that have no effect on the numbers are left out."""
    given = {
        "SERVER": config.get("server"),
        "PROFILE": None if config.get("profile") == "fair" else config.get("profile"),
        "WORKLOAD": None if is_own(config) else _workload_of(config),
        "VIEWS": _views_of(config),
        "BRIDGE": config.get("bridge"),
        "STACK": config.get("stack"),
        "WITH": config.get("with"),
        "PYTHON": config.get("python"),
        "DB": config.get("db"),
        "WORKERS": config.get("workers"),
        "USERS": users_of(config.get("users") or ()),
        "SETTLE": _number(config.get("settle_s")),
        "HOLD": _number(config.get("hold_s")),
        "TIMEOUT": _number(config.get("timeout_s")),
        "SERVER_ARGS": config.get("server_args"),
        "SET": " ".join(f"{name}={value}" for name, value in (config.get("overrides") or {}).items()),
        "ENV": " ".join(f"{name}={shlex.quote(str(value))}" for name, value in (config.get("env") or {}).items()),
        "PIN": "0" if config.get("pin") is False else None,
        "STOP_AT_LIMIT": "1" if config.get("stop_at_limit") else None,
        "HEADLESS": "1",
    }
    return {name: str(value) for name, value in given.items() if value not in (None, "")}


def _workload_of(config: Config) -> str | None:
    """None for the profile's own."""
    name = config.get("workload", {}).get("name")
    return None if name == ("article" if config.get("profile") == "article" else "vote") else name


def _views_of(config: Config) -> str | None:
    """None for those that are usual under the interface."""
    usual = config.get("workload", {}).get("usual_views", {}).get(config.get("interface"), "")
    return None if config.get("views") == usual else config.get("views")


def users_of(users: Sequence[int]) -> str:
    """As USERS takes them: 100:700:100 where they rise evenly."""
    if len(users) > 2 and len({b - a for a, b in pairwise(users)}) == 1:
        return f"{users[0]}:{users[-1]}:{users[1] - users[0]}"
    return ",".join(map(str, users))


def _number(value: Any) -> str | None:
    return None if value is None else f"{value:g}"


def written(target: str, knobs: Mapping[str, str], own: bool) -> str:
    """For make in Gatebench's own checkout, for `gatebench` in a project of one's own."""
    if own:
        return " ".join(
            [
                "gatebench",
                target,
                *(f"--{name.lower().replace('_', '-')}={shlex.quote(value)}" for name, value in knobs.items()),
            ]
        )
    return " ".join(["make", target, *(f"{name}={shlex.quote(value)}" for name, value in knobs.items())])
