"""What went through each step: rounds begun, requests ended, how long users waited, and whether it was steady."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gatebench.analysis.reading.frames import failed
from gatebench.analysis.reading.holds import Hold, Holds
from gatebench.analysis.schema import FLOW, framed
from gatebench.records import Cause, Run, Step

Floats = npt.NDArray[np.float64]


def flow(requests: pd.DataFrame, run: Run, holds: Holds) -> pd.DataFrame:
    """FLOW, a row a step.

    Throughput is counted by answers and not by starts: users who were added together send in waves, and a hold has more
    or less than its share of them.
    """
    started, elapsed_ms = requests["started"].to_numpy(), requests["elapsed_ms"].to_numpy()
    longest_s = float(elapsed_ms.max()) / 1000 if len(requests) else 0.0
    begins_round = _begins_round(requests, run)
    is_paced = ~requests["timed"].to_numpy()
    ok, is_measured = ~failed(requests).to_numpy(), requests["measured"].to_numpy()
    unfinished = requests.loc[is_measured & (requests["cause"] == Cause.UNFINISHED), "step"].value_counts()
    lines: list[dict[str, Any]] = []
    for step in run.steps:
        line: dict[str, Any] = {"step": step.number, "unfinished": unfinished.get(step.number, 0)}
        if hold := holds.get(step.number):
            near = np.flatnonzero((started >= hold.start - longest_s) & (started < hold.end))
            start, took_ms = started[near], elapsed_ms[near]
            line |= _in_hold(start, start + took_ms / 1000.0, ok[near], is_paced[near], hold)
            begun = None if begins_round is None else int((begins_round[near] & (start >= hold.start)).sum())
            line |= _thinking(step, begun, run)
            counted = (ok & is_measured & ~is_paced)[near] & (start >= hold.start)
            line["p50_drift_pct"] = _p50_drift_pct(start[counted], took_ms[counted], hold.middle)
        lines.append(line)
    return framed(lines, FLOW)


def _thinking(step: Step, begun: int | None, run: Run) -> dict[str, float]:
    """Measured by the load generator; of an older run, what the rounds begun and a declared think time come to.

    A round that begins in the hold counts with all of its think time, and one that began before with none: half a think
    time a user, one in all at least, is what that may be off by.
    """
    if step.rounds is not None and step.thought_s is not None:
        return {"rounds": step.rounds, "thought_s": step.thought_s, "edge_s": 0.0}
    think_s = run.config.get("workload", {}).get("think_s")
    if begun is None or think_s is None:
        return {}
    return {"rounds": begun, "thought_s": begun * think_s, "edge_s": think_s * max(step.users / 2, 1)}


def _begins_round(requests: pd.DataFrame, run: Run) -> npt.NDArray[np.bool_] | None:
    name = run.config.get("workload", {}).get("round_name")
    return None if name is None else (requests["name"] == name).to_numpy()


def _in_hold(
    start: Floats, end: Floats, ok: npt.NDArray[np.bool_], is_paced: npt.NDArray[np.bool_], hold: Hold
) -> dict[str, float]:
    inside_s = (np.minimum(end, hold.end) - np.maximum(start, hold.start)).clip(0)
    ended = (end >= hold.start) & (end < hold.end)
    answers = end[ended & ok]
    first = int((answers < hold.middle).sum())
    return {
        "hold_s": hold.seconds,
        "ended": int(ended.sum()),
        "rps": len(answers) / hold.seconds,
        "request_s": float(inside_s.sum()),
        "paced_s": float(inside_s[is_paced].sum()),
        "rps_drift_pct": 100 * ((len(answers) - first) / first - 1) if first else np.nan,
    }


def _p50_drift_pct(start: Floats, took_ms: npt.NDArray[np.float32], middle: float) -> float:
    late = start >= middle
    first, second = took_ms[~late], took_ms[late]
    if not len(first) or not len(second) or not (before := float(np.median(first))):
        return np.nan
    return 100 * (float(np.median(second)) / before - 1)
