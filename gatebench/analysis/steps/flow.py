"""What went through each step: rounds begun, requests ended, how long users waited, and whether it was steady."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gatebench.analysis.reading.frames import failed
from gatebench.analysis.reading.holds import Hold, Holds
from gatebench.records import Cause, Run

Floats = npt.NDArray[np.float64]

_COLUMNS = ("step", "unfinished", "hold_s", "ended", "request_s", "rounds", "rps_drift_pct", "p50_drift_pct")


def flow(requests: pd.DataFrame, run: Run, holds: Holds) -> pd.DataFrame:
    """A row a step. Missing where it has no hold, all but the first two.

    step; unfinished, its requests without an answer at the run's end; hold_s; ended, the requests that ended in the
    hold, whenever they started; request_s, the seconds of the hold that users spent in requests, added up; rounds begun
    in it (missing where the run does not say which request begins one); rps_drift_pct and p50_drift_pct, by how much
    throughput and p50 of the successes changed from its first half to its second.
    """
    started, elapsed_ms = requests["started"].to_numpy(), requests["elapsed_ms"].to_numpy()
    longest_s = float(elapsed_ms.max()) / 1000 if len(requests) else 0.0
    begins_round = _begins_round(requests, run)
    good = requests["measured"].to_numpy() & ~failed(requests).to_numpy()
    unfinished = requests.loc[requests["measured"] & (requests["cause"] == Cause.UNFINISHED), "step"].value_counts()
    lines: list[dict[str, Any]] = []
    for step in run.steps:
        line: dict[str, Any] = {"step": step.number, "unfinished": unfinished.get(step.number, 0)}
        if hold := holds.get(step.number):
            near = np.flatnonzero((started >= hold.start - longest_s) & (started < hold.end))
            start, took_ms = started[near], elapsed_ms[near]
            line |= {"hold_s": hold.seconds, **_in_hold(start, start + took_ms / 1000.0, hold)}
            if begins_round is not None:
                line["rounds"] = int((begins_round[near] & (start >= hold.start)).sum())
            counted = good[near] & (start >= hold.start)
            line |= _drift(start[counted], took_ms[counted], hold.middle)
        lines.append(line)
    return pd.DataFrame(lines, columns=list(_COLUMNS)).astype({"step": "int64", **dict.fromkeys(_COLUMNS[1:], float)})


def _begins_round(requests: pd.DataFrame, run: Run) -> npt.NDArray[np.bool_] | None:
    name = run.config.get("workload", {}).get("round_name")
    return None if name is None else (requests["name"] == name).to_numpy()


def _in_hold(start: Floats, end: Floats, hold: Hold) -> dict[str, float]:
    inside = np.minimum(end, hold.end) - np.maximum(start, hold.start)
    return {
        "ended": int(((end >= hold.start) & (end < hold.end)).sum()),
        "request_s": float(inside[inside > 0].sum()),
    }


def _drift(start: Floats, took_ms: npt.NDArray[np.float32], middle: float) -> dict[str, float]:
    late = start >= middle
    first, second = took_ms[~late], took_ms[late]
    if not len(first):
        return {}
    drift = {"rps_drift_pct": 100 * (len(second) / len(first) - 1)}
    if len(second) and (before := float(np.median(first))) > 0:
        drift["p50_drift_pct"] = 100 * (float(np.median(second)) / before - 1)
    return drift
