"""How many users a run held: before its first failure (the article's measure), and within the objective."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

FAILURES_PCT = 1.0
P95_MS = 1000.0
"""The objective: fewer failures than the one, and a p95 up to the other."""


def capacity(steps: pd.DataFrame) -> pd.DataFrame:
    """Two rows, by `measure`: users held (missing when the first step did not hold), the requests of that step,
    `ramp_ended` when no step failed to hold, and the reason why one of the steps that decide is not valid.
    """
    no_failure = steps["failures"] == 0
    rows = [
        {"measure": "no failure", **_held(steps, no_failure)},
        {"measure": "objective met", **_held(steps, _within_objective(steps))},
    ]
    return pd.DataFrame(rows).astype({"users": "Int64", "requests": "Int64", "invalid_reason": "str"})


def interpolated(steps: pd.DataFrame) -> float | None:
    """Users within the objective, between the last step that held and the first that did not: where p95, log-linear in
    the users, reaches its limit, or where the failure rate does when that comes first.

    None when the ramp does not show it, or one of the two steps is not valid. Whole steps are too coarse for a ratio;
    the capacity table keeps to them.
    """
    if not shown(steps):
        return None
    steps = steps[steps["requests"] > 0]
    held = int(_within_objective(steps).to_numpy().argmin())
    last, first = steps.iloc[held - 1], steps.iloc[held]
    if not (last["valid"] and first["valid"]):
        return None
    ways = []
    if first["p95_ms"] > P95_MS:
        ways.append(math.log(P95_MS / last["p95_ms"]) / math.log(first["p95_ms"] / last["p95_ms"]))
    if first["failure_pct"] >= FAILURES_PCT:
        ways.append((FAILURES_PCT - last["failure_pct"]) / (first["failure_pct"] - last["failure_pct"]))
    return float(last["users"] + min(ways) * (first["users"] - last["users"]))


def shown(steps: pd.DataFrame) -> bool:
    """Whether the ramp shows how many users were within the objective: its first step held, and a later one did not."""
    good = _within_objective(steps[steps["requests"] > 0]).to_numpy()
    return bool(len(good) and good[0] and not good.all())


def _within_objective(steps: pd.DataFrame) -> pd.Series[bool]:
    return (steps["failure_pct"] < FAILURES_PCT) & (steps["p95_ms"] <= P95_MS)


def _held(steps: pd.DataFrame, good: pd.Series[bool]) -> dict[str, object]:
    """The last step before the first that was not good. A step without a request shows nothing, and ends the row."""
    steps, good = steps[steps["requests"] > 0], good[steps["requests"] > 0]
    held = int(good.to_numpy().argmin()) if not good.all() else len(good)
    deciding = steps.iloc[max(held - 1, 0) : held + 1]
    return {
        "users": steps["users"].iloc[held - 1] if held else pd.NA,
        "requests": steps["requests"].iloc[held - 1] if held else pd.NA,
        "ramp_ended": held == len(steps),
        "invalid_reason": _first(deciding["invalid_reason"]),
    }


def _first(reasons: Iterable[Any]) -> str | None:
    return next((str(reason) for reason in reasons if pd.notna(reason)), None)
