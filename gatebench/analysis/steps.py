"""One row a step: how many requests, how many failed, how fast the others were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gatebench.analysis.frames import failed, hold, last_start
from gatebench.records import Cause, Outcome, Run, Step

LATE_MS = 1000
"""The objective: a success slower than this is late."""

BUSY_PCT = 90
"""Of one core. Above it the load generator is measured, and not the server."""

_DTYPES = {
    "step": "int64",
    "users": "int64",
    "requests": "int64",
    "failures": "int64",
    "failure_pct": "float64",
    "late_or_failed_pct": "float64",
    "rps": "float64",
    "p50_ms": "float64",
    "p95_ms": "float64",
    "p99_ms": "float64",
    "max_ms": "float64",
}


def steps_table(requests: pd.DataFrame, run: Run, votes: pd.DataFrame) -> pd.DataFrame:
    """A row a step of the run, over the requests that started while it was held. steps.csv has these columns.

    `rps` is successful requests a second of the hold: a failure is no throughput. Percentiles are of successes.
    `votes_…` are the ledger's, cumulative since the ramp began. What is not known is missing.
    """
    until = last_start(requests)
    rows = [_row(requests, step, hold(step, until)) for step in run.steps]
    table = pd.DataFrame(rows, columns=list(_DTYPES)).astype(_DTYPES)
    readings = votes.dropna(subset="step").astype({"step": "int64"}).drop_duplicates("step", keep="last")
    counted = ["votes_attempted", "votes_acknowledged", "votes_stored"]
    table = table.merge(readings[["step", *counted]], on="step", how="left")
    waiting = requests.loc[requests["measured"] & (requests["cause"] == Cause.UNFINISHED), "step"].value_counts()
    reasons = {step.number: invalid_reason(step, run, int(waiting.get(step.number, 0))) for step in run.steps}
    reason = table["step"].map(reasons)
    return table.assign(valid=reason.isna(), invalid_reason=reason.astype("str"))


def _row(requests: pd.DataFrame, step: Step, bounds: tuple[float, float] | None) -> dict[str, Any]:
    counted = requests["measured"].to_numpy() & (requests["step"].to_numpy() == step.number)
    failures = failed(requests).to_numpy() & counted
    elapsed_ms = requests["elapsed_ms"].to_numpy()[counted & ~failures]
    n, n_failed = int(counted.sum()), int(failures.sum())
    row: dict[str, Any] = {"step": step.number, "users": step.users, "requests": n, "failures": n_failed}
    if n:
        late = int((elapsed_ms > LATE_MS).sum())
        row |= {"failure_pct": 100 * n_failed / n, "late_or_failed_pct": 100 * (n_failed + late) / n}
    if bounds and bounds[1] > bounds[0]:
        row["rps"] = len(elapsed_ms) / (bounds[1] - bounds[0])
    if len(elapsed_ms):
        p50, p95, p99, highest = np.percentile(elapsed_ms, [50, 95, 99, 100])
        row |= {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "max_ms": highest}
    return row


def invalid_reason(step: Step, run: Run, unfinished: int) -> str | None:
    """Why the step's numbers cannot be trusted; None when nothing speaks against them.

    `unfinished` requests of the step are failures when the run was drained, and only cut off when it ended early.
    """
    reasons = []
    if step.hold_ended is None:
        how = {Outcome.RUNNING: "when the runner was killed", Outcome.FAILED: "when the run failed"}
        reasons.append(f"cut off {how.get(run.outcome, 'when the run was interrupted')}")
    if unfinished and run.outcome is not Outcome.COMPLETE:
        reasons.append(f"{unfinished:,} requests were still waited for when the run ended early")
    if step.users_running is not None and step.users_running != step.users:
        reasons.append(f"{step.users_running} of {step.users} users were running")
    if step.generator_cpu_pct is not None and step.generator_cpu_pct > BUSY_PCT:
        reasons.append(f"the load generator used {step.generator_cpu_pct:.0f} % of its core")
    if run.load:
        reasons += run.load.interference
    return "; ".join(reasons) or None
