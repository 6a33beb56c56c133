"""A matrix: servers, bridges, views and ways to connect to the database, ranked by the users that they hold.

Made of run.json and steps.csv alone, of one campaign.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from gatebench.analysis.comparing.held import NOTHING, Apart, apart, held, held_at, over_trials, users_or_bound
from gatebench.analysis.comparing.ratio import Ratio, paired_ratios
from gatebench.analysis.comparing.settings import configuration
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.schema import CHANGES, MATRIX, MATRIX_RUNS, framed
from gatebench.records import Run

AXES = {"server": "SERVER", "bridge": "BRIDGE", "views": "VIEWS", "db": "DB"}
"""What tells sides apart, as run.json calls it -> the knob."""

AT_THE_LIMIT = {
    "rss_bytes": "rss_bytes_app",
    "threads": "threads_app",
    "db_connections": "db_connections",
}
AT_THE_LOAD = {
    "p95_ms": "p95_ms",
    "cpu_ms": "cpu_ms_per_request_app",
    "db_opened_per_request": "db_opened_per_request",
}
"""Column of MATRIX_RUNS -> column of STEPS: at the most users that a side held, and at a load that all of them held."""

Measured = Sequence[tuple[Run, pd.DataFrame]]
"""Runs with their steps tables."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """`load` are the most users that every run with a valid step held; None where there are none. `cpu` has the ratio
    of CPU time per request there by the labels of two sides: the first's over the second's.
    """

    runs: pd.DataFrame  # MATRIX_RUNS
    table: pd.DataFrame  # MATRIX
    changes: pd.DataFrame  # CHANGES
    load: int | None
    held: Mapping[tuple[str, str], Apart]
    cpu: Mapping[tuple[str, str], Ratio]


def matrix_of(found: Measured) -> Matrix:
    load = common_load(found)
    runs = framed([_row(run, steps, load) for run, steps in found if len(steps)], MATRIX_RUNS)
    names = list(dict.fromkeys(runs.loc[runs["found"] != NOTHING, "side"]))
    pairs, cpu = apart(names, runs), _ratios(runs, "cpu_ms", names)
    table = _table(runs, pairs)
    others = {run.label: _beside_the_axes(run) for run, _ in found}
    return Matrix(runs, table, _changes(_one_apart(table, _usual(found), others), pairs, cpu), load, pairs, cpu)


def common_load(found: Measured) -> int | None:
    """The most users at which each run that has a valid step has one that held."""
    each = [held_at(run, steps) for run, steps in found if steps["valid"].any()]
    return max(set.intersection(*each), default=None) if each else None


def _row(run: Run, steps: pd.DataFrame, load: int | None) -> dict[str, Any]:
    assert run.trial is not None
    of_run, config = held(run, steps), run.config
    there = steps[(steps["users"] == load) & steps["valid"]]
    at_load = there.iloc[0] if len(there) else None
    return {
        "side": run.label,
        "interface": config["interface"],
        **{axis: config.get(axis) or "" for axis in AXES},
        "trial": run.trial.number,
        "run": run.id,
        "found": of_run.found,
        "users": of_run.users,
        "tried": of_run.tried,
        "low_users": of_run.low_users,
        **_known(of_run.at, AT_THE_LIMIT),
        **_known(at_load, AT_THE_LOAD),
    }


def _known(step: pd.Series[Any] | None, columns: Mapping[str, str]) -> dict[str, float]:
    if step is None:
        return {}
    return {name: float(step[column]) for name, column in columns.items() if pd.notna(step.get(column))}


def _table(runs: pd.DataFrame, pairs: Mapping[tuple[str, str], Apart]) -> pd.DataFrame:
    """Who holds the most users first; sides of which no trial is valid last, without a rank."""
    lines = []
    for side, trials in runs.groupby("side", sort=False):
        known = trials[trials["found"] != NOTHING]
        medians = {name: trials[name].median() for name in (*AT_THE_LIMIT, *AT_THE_LOAD)}
        first = {name: trials[name].iloc[0] for name in ("interface", *AXES)}
        ranks = _ranks(str(side), pairs) if len(known) else {}
        lines.append({"side": side, **first, **over_trials(trials), **medians, **ranks})
    table = framed(lines, MATRIX)
    order = users_or_bound(table).where(table["best"].notna()).sort_values(ascending=False, na_position="last")
    return table.loc[order.index].reset_index(drop=True)


def _ranks(side: str, pairs: Mapping[tuple[str, str], Apart]) -> dict[str, int]:
    """From how many sides are clearly better to how many are not clearly worse: 2 to 3 is a tie of two."""
    others = {b for a, b in pairs if a == side}
    better = sum(pairs[other, side].clear for other in others)
    worse = sum(pairs[side, other].clear for other in others)
    return {"best": better + 1, "worst": len(others) + 1 - worse}


def _ratios(runs: pd.DataFrame, column: str, names: Sequence[str]) -> dict[tuple[str, str], Ratio]:
    """Of each two sides, both ways. Their intervals hold together."""
    logs = np.log(runs.pivot(index="trial", columns="side", values=column).reindex(columns=list(names)))
    pairs = list(combinations(names, 2))
    if not pairs:
        return {}
    differences = np.column_stack([logs[a] - logs[b] for a, b in pairs])
    found = dict(zip(pairs, paired_ratios(differences, len(names)), strict=True))
    return found | {(b, a): ratio.inverted() for (a, b), ratio in found.items()}


def _changes(
    each: Iterable[tuple[Any, Any, str]],
    pairs: Mapping[tuple[str, str], Apart],
    cpu: Mapping[tuple[str, str], Ratio],
) -> pd.DataFrame:
    """CHANGES, of two sides each and the axis in which they differ."""
    lines = []
    for side, before, axis in each:
        if (side.side, before.side) not in pairs:
            continue
        users, times = pairs[side.side, before.side], cpu[side.side, before.side]
        low, high = users.ratio.interval or (None, None)
        cpu_low, cpu_high = times.interval or (None, None)
        lines.append(
            {
                "knob": AXES[axis],
                "value": getattr(side, axis),
                "usual": getattr(before, axis),
                "side": side.side,
                "before": before.side,
                "times": users.ratio.value,
                "low": low,
                "high": high,
                "at_least": users.at_least,
                "at_most": users.at_most,
                "clear": users.clear or pairs[before.side, side.side].clear,
                "cpu_times": times.value,
                "cpu_low": cpu_low,
                "cpu_high": cpu_high,
                "cpu_clear": times.clear,
            }
        )
    return framed(lines, CHANGES)


def _usual(found: Measured) -> dict[tuple[str, str], str]:
    """By interface and axis: no bridge, the workload's own views, and the database as most sides have it; of ways that
    equally many have, the first in the campaign's order.
    """
    usual: dict[tuple[str, str], str] = {}
    in_order = sorted((run for run, _ in found), key=lambda run: _place(run))
    of_sides = {run.label: str(run.config["db"]) for run in in_order}
    db = Counter(of_sides.values()).most_common(1)[0][0] if found else ""
    for interface in {str(run.config["interface"]) for run, _ in found}:
        views = found[0][0].config.get("workload", {}).get("usual_views", {}).get(interface, "")
        usual |= {(interface, "bridge"): "", (interface, "views"): views, (interface, "db"): db}
    return usual


def _place(run: Run) -> tuple[int, str]:
    """Of the run's side in its campaign: AA comes after Z."""
    side = run.trial.side if run.trial else ""
    return len(side), side


def _beside_the_axes(run: Run) -> str:
    """Everything else that a side was asked for."""
    return str({name: text for name, text in configuration(run).items() if name not in {"label", "interface", *AXES}})


def _one_apart(
    table: pd.DataFrame, usual: Mapping[tuple[str, str], str], others: Mapping[str, str]
) -> Iterator[tuple[Any, Any, str]]:
    """A side in which one thing is not usual, the side that differs from it in that alone, and the axis. `others` is
    what a side was asked for beside the axes, by its label.
    """
    sides = list(rows(table))
    by_values = {(others[side.side], *(getattr(side, axis) for axis in AXES)): side for side in sides}
    for axis in ("bridge", "views", "db"):
        for side in sides:
            value = usual[side.interface, axis]
            values = (value if name == axis else getattr(side, name) for name in AXES)
            other = by_values.get((others[side.side], *values))
            if other is not None and getattr(side, axis) != value:
                yield side, other, axis
