"""What the runs share and where they differ, so that a difference in numbers is not put down to the wrong thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.words import MISSING
from gatebench.records import Run

THE_SERVER = (
    "interface", "server", "bridge", "server_args", "revision",
    "app command", "app loop", "app parser", "app processes",
)  # fmt: skip
"""What a comparison of servers, or of revisions, is about. Everything else that differs is warned of."""

THREADS = "app threads"
"""Follows from the interface and from the load: said beside the verdict, and no reason not to compare."""

OF_AXES = {
    "DB": {"db", "app driver"},
    "WORKERS": {
        "workers",
        "app cores",
        "app physical cores",
        "postgres cores",
        "nginx cores",
        "pgbouncer cores",
        "generator cores",
    },
}
"""Knob -> settings that follow from it: what a campaign compares whose sides differ in it. From any other knob the
setting of its own name follows.
"""

VERSION = " version"
"""What the name of a program's or a package's version ends with. WITH decides them, of dependencies too."""

VIEWS = "views"
"""Where each side has those that are usual under its interface they are a part of what is compared, and stand in its
label.
"""

_OF_NO_EFFECT = {"axes", "matrix", "rung", "headless", "port", "ui_port", "results", "label", "app"}
_IDENTITY = {"boot"}
"""Of the machine: tells sittings apart, and has no effect of its own."""
_SAID_TWICE = {"ready", "interface", "db"}
_TOLD_APART = {"settings", "workload", "overrides", "server_row", "bridge_row", "environment_row"}
"""Settings have a line each, and overrides are among them; of the server, its command and what it loads are."""

_SAID_ELSEWHERE = {"name", "about", "db", "timeout_s", "workers", "vote", "debug", "users", "views"}
"""Of the settings: by a knob, or by the live app."""

_RECORDED_LATER = {
    "pin", "env", "views", "bridge", "with", "python", "revision",
    "machine id", "code version", "code revision", "code changed",
}  # fmt: skip
"""With the sheet and the settings, what older runs do not say."""


Runs = list[AnalysedRun]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Settings by name. `differing` has a value a run, in the runs' order; "–" where a run has no such setting."""

    shared: dict[str, str]
    differing: dict[str, list[str]]
    sheet: frozenset[str] = frozenset()  # the names that are of the fairness sheet
    recorded_later: frozenset[str] = frozenset()  # the names that runs of an older Gatebench do not have
    as_usual: bool = False  # each run's views are those that are usual under its interface
    asked: frozenset[str] = frozenset()  # the names of settings in which the sides of a campaign were to differ

    @property
    def besides_server(self) -> list[str]:
        """What differs and is not the server. A program that only one run used is part of its server, and what an
        older run did not record is not known to differ.
        """
        return [
            name
            for name, values in self.differing.items()
            if name not in (*THE_SERVER, THREADS, *[VIEWS] * self.as_usual, *self.asked)
            and not _own_program(name, values)
            and not self._unknown(name, values)
        ]

    def _unknown(self, name: str, values: list[str]) -> bool:
        return name in self.recorded_later and len(set(values) - {MISSING}) < 2


def compare_settings(runs: Sequence[AnalysedRun]) -> Comparison:
    settings = [settings_of(analysed.run) for analysed in runs]
    names = list(dict.fromkeys(name for one in settings for name in one))
    rows = {name: [one.get(name, MISSING) for one in settings] for name in names}
    shared = {name: values[0] for name, values in rows.items() if len(set(values)) == 1}
    sheet = frozenset(name for analysed in runs for name in analysed.run.sheet)
    later = sheet | _RECORDED_LATER | {name for analysed in runs for name in _profile_settings(analysed.run)}
    differing = {name: values for name, values in rows.items() if name not in shared}
    as_usual = all(_as_usual(analysed.run) for analysed in runs)
    return Comparison(shared, differing, sheet, later, as_usual, _asked(runs, names))


def _asked(runs: Sequence[AnalysedRun], names: Sequence[str]) -> frozenset[str]:
    """By all of them: what only one was to differ in is no axis."""
    axes = [set(analysed.run.config.get("axes", ())) for analysed in runs]
    shared = set.intersection(*axes) if axes else set()
    versions = [name for name in names if name.endswith(VERSION)] if "WITH" in shared else []
    return frozenset([name for axis in shared for name in OF_AXES.get(axis, {axis.lower()})] + versions)


def _as_usual(run: Run) -> bool:
    usual = run.config.get("workload", {}).get("usual_views", {})
    return bool(run.config.get("views")) and run.config["views"] == usual.get(run.config.get("interface"))


def settings_of(run: Run) -> dict[str, str]:
    """Everything that may bear on the numbers, by a name a reader knows."""
    return {
        **{name: _text(value) for name, value in run.config.items() if name not in _OF_NO_EFFECT | _TOLD_APART},
        **_profile_settings(run),
        **{f"app {name}": _text(value) for name, value in run.app.items() if name not in _SAID_TWICE},
        **{f"{name}{VERSION}": _text(value) for name, value in run.versions.items()},
        **{f"machine {name}": _text(value) for name, value in run.machine.items() if name not in _IDENTITY},
        **{f"code {name}": _text(value) for name, value in run.code.items()},
        **{name: _text(value) for name, value in run.sheet.items()},
    }


def _profile_settings(run: Run) -> dict[str, str]:
    settings, workload = run.config.get("settings", {}), run.config.get("workload", {})
    told = {name: value for name, value in (*settings.items(), *workload.items()) if name not in _SAID_ELSEWHERE}
    told |= _workload(workload)
    return {name: _text(value) for name, value in told.items() if not isinstance(value, dict)}


def _workload(workload: dict[str, Any]) -> dict[str, Any]:
    """Of the whole Workload: its name, what it promises, what it tells the app, and its settings."""
    if "name" not in workload:  # of a run that did not record it whole
        return {}
    objective = {f"objective {name}": value for name, value in workload["objective"].items()}
    settings = {name: setting["value"] for name, setting in workload.get("settings", {}).items()}
    return {"workload": workload["name"], **objective, **workload["environment"], **settings}


def _own_program(name: str, values: list[str]) -> bool:
    return name.endswith(VERSION) and MISSING in values


def _text(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={one}" for name, one in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def same_configuration(one: Run, other: Run) -> bool:
    """Whether the same was asked for. What the older of the two does not say is not known to differ."""
    first, second = configuration(one), configuration(other)
    return all(first[name] == second[name] for name in first.keys() & second.keys())


def configuration(run: Run) -> dict[str, str]:
    """What was asked for, without what has no effect on the numbers."""
    asked = {name: _text(value) for name, value in run.config.items() if name not in _OF_NO_EFFECT | _TOLD_APART}
    return {"label": str(run.config.get("label")), **asked, **_profile_settings(run)}


def between(a: Sequence[AnalysedRun], b: Sequence[AnalysedRun]) -> dict[str, str]:
    """What differs between two sides besides the server: the values of A / those of B by name. Where campaigns measured
    both, within each of them: what is another in another campaign, and the same for both there, is no difference.
    """
    found: dict[str, str] = {}
    for of_a, of_b in _by_common_campaign(a, b):
        comparison = compare_settings([*of_a, *of_b])
        for name in comparison.besides_server:
            values = comparison.differing[name]
            first, second = dict.fromkeys(values[: len(of_a)]), dict.fromkeys(values[len(of_a) :])
            if first.keys() != second.keys():
                found.setdefault(name, " / ".join(dict.fromkeys([*first, *second])))
    return found


def across(runs: Sequence[AnalysedRun]) -> dict[str, str]:
    """What differs between campaigns, and in none of them from run to run: its values by name."""
    campaigns: dict[str, list[int]] = {}
    for n, run in enumerate(runs):
        if run.run.trial:
            campaigns.setdefault(run.run.trial.campaign, []).append(n)
    found = {}
    for name, values in compare_settings(runs).differing.items():
        of_campaigns = [{values[n] for n in places} - {MISSING} for places in campaigns.values()]
        if all(len(one) == 1 for one in of_campaigns) and len(set.union(*of_campaigns)) > 1:
            found[name] = " / ".join(dict.fromkeys(value for value in values if value != MISSING))
    return found


def _by_common_campaign(a: Sequence[AnalysedRun], b: Sequence[AnalysedRun]) -> list[tuple[Runs, Runs]]:
    def of(campaign: str, runs: Sequence[AnalysedRun]) -> Runs:
        return [run for run in runs if run.run.trial and run.run.trial.campaign == campaign]

    of_a, of_b = ({run.run.trial.campaign for run in runs if run.run.trial} for runs in (a, b))
    return [(of(name, a), of(name, b)) for name in sorted(of_a & of_b)] or [(list(a), list(b))]
