"""What the runs share and where they differ, so that a difference in numbers is not put down to the wrong thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gatebench.analysis.runs import AnalysedRun
from gatebench.records import Run

THE_SERVER = ("interface", "server")
"""What a comparison of servers is about. Everything else that differs is warned of."""

_OF_NO_EFFECT = {"headless", "port", "ui_port", "results", "label", "app"}
_SAID_TWICE = {"ready", "interface", "db"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Settings by name. `differing` has a value a run, in the runs' order; "–" where a run has no such setting."""

    shared: dict[str, str]
    differing: dict[str, list[str]]

    @property
    def besides_server(self) -> list[str]:
        """What differs and is not the server. A program that only one run used is part of its server."""
        return [
            name for name, values in self.differing.items() if name not in THE_SERVER and not _own_program(name, values)
        ]


def compare(runs: Sequence[AnalysedRun]) -> Comparison:
    settings = [settings_of(analysed.run) for analysed in runs]
    names = list(dict.fromkeys(name for one in settings for name in one))
    rows = {name: [one.get(name, "–") for one in settings] for name in names}
    shared = {name: values[0] for name, values in rows.items() if len(set(values)) == 1}
    return Comparison(shared, {name: values for name, values in rows.items() if name not in shared})


def settings_of(run: Run) -> dict[str, str]:
    """Everything that may bear on the numbers, by a name a reader knows."""
    return {
        **{name: _text(value) for name, value in run.config.items() if name not in _OF_NO_EFFECT},
        **{f"app {name}": _text(value) for name, value in run.app.items() if name not in _SAID_TWICE},
        **{f"{name} version": _text(value) for name, value in run.versions.items()},
        **{f"machine {name}": _text(value) for name, value in run.machine.items()},
    }


def _own_program(name: str, values: list[str]) -> bool:
    return name.endswith(" version") and "–" in values


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def configuration(run: Run) -> dict[str, str]:
    """What was asked for, without what has no effect on the numbers."""
    return {name: _text(value) for name, value in run.config.items() if name not in _OF_NO_EFFECT}
