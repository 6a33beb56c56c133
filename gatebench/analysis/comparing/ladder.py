"""The ladder: what each change on the way from WSGI to ASGI adds to the app server's CPU time per request.

Made of run.json and steps.csv alone. The most users of a run are meant to saturate every rung: there its CPU time and
its requests/s are compared, rung by rung, within each trial. The other steps are loads that people run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from gatebench.analysis.comparing.measures import SATURATED
from gatebench.analysis.comparing.ratio import Ratio, paired_ratios
from gatebench.analysis.comparing.spending import spending_table
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.reading.stacks import Stacks
from gatebench.analysis.schema import COUNTS, LADDER, LADDER_RUNS, LADDER_STEPS, REMEDIES, framed
from gatebench.records import Run

OF_A_STEP = {
    "rps": "rps",
    "asked_rps": "asked_rps",
    "cpu_ms": "cpu_ms_per_request_app",
    "p50_ms": "p50_ms",
    "p95_ms": "p95_ms",
    "threads": "threads_app",
    "rss_bytes": "rss_bytes_app",
    "db_connections": "db_connections",
}
"""Column of LADDER_RUNS -> column of STEPS."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """What runs of the rungs, and those that counted, say together. `served` has the ratio of requests/s at saturation
    by the names of two rungs: the second's over the first's.
    """

    runs: pd.DataFrame  # LADDER_RUNS
    table: pd.DataFrame  # LADDER
    steps: pd.DataFrame  # LADDER_STEPS
    counts: pd.DataFrame  # COUNTS
    remedies: pd.DataFrame  # REMEDIES
    spending: pd.DataFrame  # SPENDING
    stacks: Mapping[str, Stacks]  # by rung, where they were sampled
    sampled_ms: Mapping[str, float]  # by rung, the CPU ms per request that the stacks are samples of
    served: Mapping[tuple[str, str], Ratio]

    @property
    def unsaturated(self) -> list[str]:
        """Rungs that serve nearly all that the most users ask for: how much they can serve is not known."""
        full = _saturated(self.runs)
        shares = (full["rps"] / full["asked_rps"]).groupby(full["rung"]).median()
        return [rung for rung in self.table["rung"] if shares.get(rung, 0.0) > SATURATED]


def ladder_of(
    found: Sequence[tuple[Run, pd.DataFrame]], counted: Sequence[Run], sampled: Sequence[tuple[Run, Stacks]] = ()
) -> Ladder:
    """Of runs with their steps tables, of runs that counted, and of those whose stacks were sampled."""
    rungs = rungs_of([run for run, _ in found])
    runs = ladder_runs(found)
    by_rung = {str(run.config["rung"]["name"]): (run, stacks) for run, stacks in sampled if SAMPLED_MS in run.counts}
    order = [str(rung["name"]) for rung in rungs if rung["name"] in by_rung]
    stacks = {name: by_rung[name][1] for name in order}
    sampled_ms = {name: float(by_rung[name][0].counts[SAMPLED_MS]) for name in order}
    return Ladder(
        runs,
        ladder_table(runs, rungs),
        ladder_steps(runs, rungs),
        counts_table(counted, rungs),
        remedies_table(runs, rungs),
        spending_table(stacks, sampled_ms),
        stacks,
        sampled_ms,
        _ratios(_saturated(runs), "rps", [str(rung["name"]) for rung in rungs]),
    )


def ladder_runs(found: Sequence[tuple[Run, pd.DataFrame]]) -> pd.DataFrame:
    """LADDER_RUNS, of runs with their steps tables."""
    return framed([line for run, steps in found for line in _lines(run, steps)], LADDER_RUNS)


def _lines(run: Run, steps: pd.DataFrame) -> list[dict[str, Any]]:
    assert run.trial is not None
    of_run = {
        "rung": run.config["rung"]["name"],
        "campaign": run.trial.campaign,
        "trial": run.trial.number,
        "run": run.id,
    }
    known = steps.reindex(columns=["users", "valid", *OF_A_STEP.values()])
    return [
        {
            **of_run,
            "users": int(step["users"]),
            "valid": bool(step["valid"]),
            **{name: step[column] for name, column in OF_A_STEP.items() if pd.notna(step[column])},
        }
        for _, step in known.iterrows()
    ]


def ladder_table(runs: pd.DataFrame, rungs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """LADDER, of LADDER_RUNS and the rungs as run.json has them, in their order."""
    full = _saturated(runs)
    times = _ratios(full, "cpu_ms", [str(rung["name"]) for rung in rungs])
    lines = []
    for rung in rungs:
        own = full[full["rung"] == rung["name"]]
        cpu_ms = _mean(own["cpu_ms"])
        line: dict[str, Any] = {
            "rung": rung["name"],
            "change": rung["change"],
            "before": rung["before"] or None,
            "trials": len(own),
            "campaigns": own["campaign"].nunique(),
            "cpu_ms": cpu_ms,
            "cpu_low_ms": own["cpu_ms"].min(),
            "cpu_high_ms": own["cpu_ms"].max(),
            "rps": _mean(own["rps"]),
            "threads": own["threads"].max(),
            "db_connections": own["db_connections"].max(),
            "rss_bytes": own["rss_bytes"].median(),
        }
        if (rung["before"], rung["name"]) in times:
            before_ms = _mean(full.loc[full["rung"] == rung["before"], "cpu_ms"])
            line |= _added(before_ms, times[rung["before"], rung["name"]])
        lines.append(line)
    return framed(lines, LADDER)


def ladder_steps(runs: pd.DataFrame, rungs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """LADDER_STEPS: medians over the valid trials, of each rung at each number of users."""
    valid = runs[runs["valid"]]
    lines: list[dict[str, Any]] = []
    for rung in rungs:
        for users, of_one in valid[valid["rung"] == rung["name"]].groupby("users"):
            medians = of_one.median(numeric_only=True).to_dict()
            lines.append({**medians, "rung": rung["name"], "users": users, "trials": len(of_one)})
    return framed(lines, LADDER_STEPS)


SAMPLED_MS = "CPU ms, sampled"
"""What run.json calls the CPU ms per request while stacks were sampled."""

OF_COUNTS = {
    "submissions": "executor submissions",
    "threads": "threads started",
    "wakeups": "loop wakeups",
    "switches": "context switches",
}
"""Column of COUNTS -> what run.json calls it."""


def counts_table(runs: Sequence[Run], rungs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """COUNTS, of runs that counted: the median where there are several."""
    found = pd.DataFrame([{"rung": run.config["rung"]["name"], **run.counts} for run in runs])
    if found.empty:
        return framed([], COUNTS)
    medians = found.groupby("rung").median().to_dict("index")
    names = [str(rung["name"]) for rung in rungs if rung["name"] in medians]
    lines = [{"rung": name, **{column: medians[name].get(of) for column, of in OF_COUNTS.items()}} for name in names]
    return framed(lines, COUNTS)


def remedies_table(runs: pd.DataFrame, rungs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """REMEDIES: a row for each two rungs of which the second has one remedy more. So what a remedy brings alone stands
    beside what it brings where others are there.
    """
    remedied = {str(rung["name"]): tuple(rung["remedies"]) for rung in rungs if rung.get("remedies") is not None}
    times = _ratios(_saturated(runs), "cpu_ms", [str(rung["name"]) for rung in rungs])
    lines = [
        {
            "remedy": (set(remedied[after]) - set(remedied[before])).pop(),
            "beside": ", ".join(remedied[before]) or None,
            "rung": after,
            "before": before,
            **_interval(times[before, after]),
        }
        for before in remedied
        for after in remedied
        if set(remedied[before]) < set(remedied[after]) and len(remedied[after]) == len(remedied[before]) + 1
    ]
    return framed(lines, REMEDIES)


def _saturated(runs: pd.DataFrame) -> pd.DataFrame:
    """The step with the most users of each run, where it is valid."""
    found: pd.DataFrame = runs[(runs["users"] == runs["users"].max()) & runs["valid"]]
    return found


def _mean(values: pd.Series[float]) -> float:
    """The geometric one, as ratios are: missing where there are none."""
    return float(np.exp(np.log(values).mean()))


def _ratios(full: pd.DataFrame, column: str, names: Sequence[str]) -> dict[tuple[str, str], Ratio]:
    """Of each two rungs, both ways; the intervals of all hold together. A campaign of several is one observation."""
    if len(names) < 2:
        return {}
    logs = np.log(full.pivot(index=["campaign", "trial"], columns="rung", values=column).reindex(columns=list(names)))
    pairs = list(combinations(names, 2))
    differences = pd.DataFrame({pair: logs[pair[1]] - logs[pair[0]] for pair in pairs})
    by_campaign = differences.groupby(level="campaign").mean()
    observed = by_campaign if len(by_campaign) > 1 else differences
    found = dict(zip(pairs, paired_ratios(observed.to_numpy(float), len(names)), strict=True))
    return found | {(b, a): ratio.inverted() for (a, b), ratio in found.items()}


def _added(before_ms: float, times: Ratio) -> dict[str, Any]:
    """What a ratio to the rung before is in milliseconds."""
    found = _interval(times)
    of_ms = {"times": "added_ms", "low": "added_low_ms", "high": "added_high_ms"}
    return found | {ms: before_ms * (found[name] - 1) for name, ms in of_ms.items() if name in found}


def _interval(times: Ratio) -> dict[str, Any]:
    if times.value is None:
        return {"clear": False}
    ends = dict(zip(("low", "high"), times.interval, strict=True)) if times.interval else {}
    return {"times": times.value, **ends, "clear": times.clear}


def rungs_of(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """As the runs have them, each once, in the order of their sides in a campaign."""
    in_order = sorted((run.trial.side, n) for n, run in enumerate(runs) if run.trial)
    found = {runs[n].config["rung"]["name"]: dict(runs[n].config["rung"]) for _, n in in_order}
    return list(found.values())


def on_the_way(table: pd.DataFrame, end: str) -> list[Any]:
    """The rows of LADDER from the first rung to the one that is named, by what is before each."""
    by_name = {row.rung: row for row in rows(table)}
    way = [by_name[end]]
    while way[0].before in by_name:
        way.insert(0, by_name[way[0].before])
    return way
