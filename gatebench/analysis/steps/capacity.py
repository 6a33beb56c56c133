"""How many users a run held: before its first failure (the article's measure), and within the objective."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from gatebench.analysis.reading.frames import rows
from gatebench.analysis.schema import CAPACITY, framed
from gatebench.analysis.steps.objective import Objective

NO_FAILURE, OBJECTIVE_MET = "no failure", "objective met"
"""The measures of CAPACITY."""


def capacity(steps: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    """CAPACITY, two rows. A step without a request shows nothing."""
    no_failure = steps["failures"] == 0
    measured = [
        {"measure": NO_FAILURE, **_held(steps, no_failure)},
        {"measure": OBJECTIVE_MET, **_held(steps, objective.kept(steps))},
    ]
    return framed(measured, CAPACITY)


def users_held(capacity: pd.DataFrame, measure: str = OBJECTIVE_MET) -> Any:
    """The row of CAPACITY that has this measure."""
    return next(row for row in rows(capacity) if row.measure == measure)


def or_zero(users: Any) -> int:
    """Users of CAPACITY, 0 where none of the steps held."""
    return 0 if pd.isna(users) else int(users)


def interpolated(steps: pd.DataFrame, objective: Objective) -> float | None:
    """Users within the objective, between the last step that held and the first that did not: where p95, or that of
    updates, log-linear in the users, reaches its limit, or where the failure rate does: whichever comes first.

    None when the ramp does not show it, or one of the two steps is not valid. Whole steps are too coarse for a ratio;
    the capacity table keeps to them.
    """
    if not shown(steps, objective):
        return None
    steps = steps[steps["requests"] > 0]
    held = int(objective.kept(steps).to_numpy().argmin())
    last, first = steps.iloc[held - 1], steps.iloc[held]
    if not (last["valid"] and first["valid"]):
        return None
    ways = [
        _between(last[late], objective.p95_ms, first[late])
        for late in ("p95_ms", "update_p95_ms")
        if late in steps and first[late] > objective.p95_ms
    ]
    if first["failure_pct"] >= objective.failures_pct:
        ways.append((objective.failures_pct - last["failure_pct"]) / (first["failure_pct"] - last["failure_pct"]))
    return float(last["users"] + min(ways, default=0.0) * (first["users"] - last["users"]))


def _between(low: float, limit: float, high: float) -> float:
    """How far the limit is on the way, on a logarithmic scale; at its beginning where that is not known."""
    return math.log(limit / low) / math.log(high / low) if low > 0 else 0.0


def shown(steps: pd.DataFrame, objective: Objective) -> bool:
    """Whether the ramp shows how many users were within the objective: its first step held, and a later one did not."""
    good = objective.kept(steps[steps["requests"] > 0]).to_numpy()
    return bool(len(good) and good[0] and not good.all())


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
