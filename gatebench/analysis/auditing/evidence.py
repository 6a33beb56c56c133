"""What each step is judged by, in numbers: the load generator, its users, and the machine around the server."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gatebench.analysis.reading.holds import Hold, Holds
from gatebench.analysis.reading.samples import Samples, growth, rate, within
from gatebench.analysis.schema import EVIDENCE, framed
from gatebench.records import CLOCK_S, RUNNER, Run, Step


def evidence(
    run: Run, holds: Holds, steps: pd.DataFrame, flow: pd.DataFrame, samples: Samples, resources: pd.DataFrame
) -> pd.DataFrame:
    """EVIDENCE, a row a step. What was not recorded is missing."""
    lines = [
        {
            "step": step.number,
            "users": step.users,
            "users_running": step.users_running,
            "steady": step.steady,
            "settled_s": _settled_s(step),
            "generator_cpu_pct": step.generator_cpu_pct,
            "late_p95_ms": _late_p95_ms(samples, hold),
            "run_delay_pct": 100 * rate(samples.generator, "run_delay_s", hold),
            **_machine(samples, resources[resources["step"] == step.number], run, hold),
        }
        for step in run.steps
        for hold in [holds.get(step.number)]
    ]
    table = framed(lines, EVIDENCE).set_index("step")
    through = flow.set_index("step")
    return table.assign(
        p95_ms=steps.set_index("step")["p95_ms"],
        unfinished=through["unfinished"].astype("Int64"),
        **through[["rps_drift_pct", "p50_drift_pct"]],
        **_load(through, table["users"].astype("float64")),
    ).reset_index()


def _settled_s(step: Step) -> float:
    return np.nan if step.running is None or step.hold_started is None else step.hold_started - step.running


def _late_p95_ms(samples: Samples, hold: Hold | None) -> float:
    """How late the generator was with what was due in the hold, 95 % of it at most.

    A loop that is held up for a second tells of one sleep, 950 ms late, and has missed nineteen others: they are added
    as they would have been late.
    """
    held = within(samples.clock, hold)
    if held is None:
        return np.nan
    late_ms = held["late_ms"].to_numpy()
    sleep_ms = 1000 * CLOCK_S
    missed = (late_ms.clip(0) // sleep_ms).astype(int)
    nth = np.arange((missed + 1).sum()) - np.repeat(np.cumsum(missed + 1) - missed - 1, missed + 1)
    return float(np.percentile(np.repeat(late_ms, missed + 1) - sleep_ms * nth, 95))


def _machine(samples: Samples, resources: pd.DataFrame, run: Run, hold: Hold | None) -> dict[str, float]:
    machine, cores = samples.machine, run.machine.get("cores") or np.nan
    used = resources.set_index("role")["cpu_pct"].reindex([*run.roles, RUNNER])
    ours = used[list(run.roles)].sum(skipna=False) + (0 if pd.isna(used[RUNNER]) else used[RUNNER])
    return {
        "steal_pct": 100 * rate(machine, "steal_s", hold) / cores,
        "others_cpu_pct": 100 * rate(machine, "busy_s", hold) - ours,
        "runner_cpu_pct": used[RUNNER],
        "pressure_pct": 100 * rate(machine, "pressure_s", hold),
        "listen_overflows": np.rint(growth(machine, "listen_overflows", hold)[0]),
        "retransmits": np.rint(growth(machine, "retransmits", hold)[0]),
    }


def _load(flow: pd.DataFrame, users: pd.Series[Any]) -> dict[str, pd.Series[Any]]:
    """Little's law: users are those in requests and those who think, and a think time follows each round."""
    rounds = flow["rounds"].where(flow["rounds"] > 0)
    return {
        "users_estimated": (flow["request_s"] + flow["thought_s"]) / flow["hold_s"],
        "users_at_edges": flow["edge_s"] / flow["hold_s"],
        "thinking_share": (flow["thought_s"] + flow["paced_s"]) / flow["hold_s"] / users,
        "rounds_per_s": flow["rounds"] / flow["hold_s"],
        "offered_rounds_per_s": users * rounds / (flow["thought_s"] + flow["request_s"]),
    }
