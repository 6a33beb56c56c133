"""One row a step: how many requests, how many failed, how fast the others were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gatebench.analysis.reading.frames import failed
from gatebench.analysis.schema import MEASURED, framed
from gatebench.analysis.steps.objective import Objective
from gatebench.records import Run, Step

OF_CONNECTIONS = ("db_connections", "db_opened_per_request")

PERCENTILES = {"p50_ms": 50, "p75_ms": 75, "p90_ms": 90, "p95_ms": 95, "p99_ms": 99, "p999_ms": 99.9, "max_ms": 100}
"""By their column."""

OF_THE_APP = ("cpu_ms_per_request", "rss_bytes", "threads")
"""Columns of RESOURCES."""


def steps_table(
    requests: pd.DataFrame,
    run: Run,
    flow: pd.DataFrame,
    votes: pd.DataFrame,
    updates: pd.DataFrame,
    objective: Objective,
) -> pd.DataFrame:
    """MEASURED, the votes and UPDATES of STEPS, a row a step of the run."""
    rows = [_row(requests, step, objective.p95_ms) for step in run.steps]
    table = framed(rows, MEASURED).assign(rps=flow["rps"])
    table["asked_rps"] = table["users"] * _asked_a_user(flow)
    readings = votes.dropna(subset="step").astype({"step": "int64"}).drop_duplicates(["name", "step"], keep="last")
    counted = ["votes_attempted", "votes_acknowledged", "votes_stored"]
    table = table.merge(readings.groupby("step", as_index=False)[counted].sum(), on="step", how="left")
    return table.merge(updates, on="step", how="left")


def judged(
    steps: pd.DataFrame, validity: pd.DataFrame, resources: pd.DataFrame, connections: pd.DataFrame
) -> pd.DataFrame:
    """STEPS."""
    app = resources.loc[resources["role"] == "app"].set_index("step")[list(OF_THE_APP)].add_suffix("_app")
    found = validity[["step", "rps_drift_pct", "valid", "invalid_reason"]].astype({"step": "int64"})
    found = found.rename(columns={"rps_drift_pct": "drift_pct"}).merge(app, on="step", how="left")
    found = found.merge(connections[["step", *OF_CONNECTIONS]], on="step", how="left")
    columns = ["step", "drift_pct", *app.columns, *OF_CONNECTIONS, "valid", "invalid_reason"]
    return steps.merge(found[columns], on="step")


def _row(requests: pd.DataFrame, step: Step, late_ms: float) -> dict[str, Any]:
    """How long a request took is judged where it is timed; whether it failed, of all."""
    counted = requests["measured"].to_numpy() & (requests["step"].to_numpy() == step.number)
    failures = failed(requests).to_numpy() & counted
    elapsed_ms = requests["elapsed_ms"].to_numpy()[counted & ~failures & requests["timed"].to_numpy()]
    n, n_failed = int(counted.sum()), int(failures.sum())
    row: dict[str, Any] = {"step": step.number, "users": step.users, "requests": n, "failures": n_failed}
    if n:
        late = int((elapsed_ms > late_ms).sum())
        row |= {"failure_pct": 100 * n_failed / n, "late_or_failed_pct": 100 * (n_failed + late) / n}
    if len(elapsed_ms):
        found = np.percentile(elapsed_ms, list(PERCENTILES.values()))
        row |= dict(zip(PERCENTILES, found, strict=True))
    return row


def _asked_a_user(flow: pd.DataFrame) -> float:
    """Requests that a user asks for in each second of their own, thinking or pacing a request, in the first step: there
    answers take the least time, and no failure has cut a round short.
    """
    own_s = flow["thought_s"] + flow["paced_s"]
    asked = (flow["ended"] / own_s.where(own_s > 0)).dropna()
    return float(asked.iloc[0]) if len(asked) else np.nan
