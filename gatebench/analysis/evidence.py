"""What each step is judged by, in numbers: the load generator, its users, and the machine around the server."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gatebench.analysis.frames import hold
from gatebench.analysis.resources import ROLES, RUNNER
from gatebench.analysis.samples import Samples, growth, rate, within
from gatebench.records import Run, Step

SLEEP_MS = 50
"""How long a sleep is, on average, by which the generator tells how late its clock runs."""

_COUNTS = ("step", "users", "users_running", "listen_overflows", "retransmits", "unfinished")
_NUMBERS = (
    "settled_s",
    "generator_cpu_pct",
    "late_p95_ms",
    "p95_ms",
    "run_delay_pct",
    "users_estimated",
    "users_at_edges",
    "rounds_per_s",
    "offered_rounds_per_s",
    "steal_pct",
    "others_cpu_pct",
    "runner_cpu_pct",
    "pressure_pct",
    "rps_drift_pct",
    "p50_drift_pct",
)


def evidence(
    run: Run, steps: pd.DataFrame, flow: pd.DataFrame, samples: Samples, resources: pd.DataFrame, until: float
) -> pd.DataFrame:
    """A row a step, from frames that are described where they are made. What was not recorded is missing.

    settled_s from when all users ran until the hold began, and whether the step was steady by then; users_estimated by
    Little's law, to within users_at_edges, as rounds are counted whole; rounds_per_s begun, beside
    offered_rounds_per_s that users and think time would give; late_p95_ms of the generator's clock beside the step's
    p95_ms; CPU in percent of one core, of Gatebench's runner and of others' programs too; steal in percent of all
    cores; run_delay_pct and pressure_pct in percent of the hold's seconds; drift from the hold's first half to its
    second; unfinished requests. `until` is where a step that was cut off ends, s since the epoch.
    """
    lines = [
        {
            "step": step.number,
            "users": step.users,
            "users_running": step.users_running,
            "steady": step.steady,
            "settled_s": _settled_s(step),
            "generator_cpu_pct": step.generator_cpu_pct,
            "late_p95_ms": _late_p95_ms(samples, bounds),
            "run_delay_pct": 100 * rate(samples.generator, "run_delay_s", bounds),
            **_machine(samples, resources[resources["step"] == step.number], run, bounds),
        }
        for step in run.steps
        for bounds in [hold(step, until)]
    ]
    table = pd.DataFrame(lines, columns=[*_COUNTS, "steady", *_NUMBERS]).set_index("step")
    table = table.assign(**steps.set_index("step")[["p95_ms"]])
    through = flow.set_index("step")
    table = table.assign(
        **through[["unfinished", "rps_drift_pct", "p50_drift_pct"]], **_load(through, run, table["users"])
    )
    kinds = {**dict.fromkeys(_COUNTS, "Int64"), "steady": "boolean", **dict.fromkeys(_NUMBERS, "float64")}
    return table.reset_index().astype(kinds)


def _settled_s(step: Step) -> float:
    return np.nan if step.running is None or step.hold_started is None else step.hold_started - step.running


def _late_p95_ms(samples: Samples, bounds: tuple[float, float] | None) -> float:
    """How late the generator was with what was due in the hold, 95 % of it at most.

    A loop that is held up for a second tells of one sleep, 950 ms late, and has missed nineteen others: they are added
    as they would have been late.
    """
    held = within(samples.clock, bounds)
    if held is None:
        return np.nan
    late_ms = held["late_ms"].to_numpy()
    missed = (late_ms.clip(0) // SLEEP_MS).astype(int)
    nth = np.arange((missed + 1).sum()) - np.repeat(np.cumsum(missed + 1) - missed - 1, missed + 1)
    return float(np.percentile(np.repeat(late_ms, missed + 1) - SLEEP_MS * nth, 95))


def _machine(
    samples: Samples, resources: pd.DataFrame, run: Run, bounds: tuple[float, float] | None
) -> dict[str, float]:
    machine, cores = samples.machine, run.machine.get("cores") or np.nan
    used = resources.set_index("role")["cpu_pct"].reindex([*ROLES, RUNNER])
    ours = used[list(ROLES)].sum(skipna=False) + (0 if pd.isna(used[RUNNER]) else used[RUNNER])
    return {
        "steal_pct": 100 * rate(machine, "steal_s", bounds) / cores,
        "others_cpu_pct": 100 * rate(machine, "busy_s", bounds) - ours,
        "runner_cpu_pct": used[RUNNER],
        "pressure_pct": 100 * rate(machine, "pressure_s", bounds),
        "listen_overflows": np.rint(growth(machine, "listen_overflows", bounds)[0]),
        "retransmits": np.rint(growth(machine, "retransmits", bounds)[0]),
    }


def _load(flow: pd.DataFrame, run: Run, users: pd.Series[Any]) -> dict[str, pd.Series[Any]]:
    """Little's law: users are those in requests and those who think, and a think time follows each round.

    A round that begins in the hold counts with all of its think time, and one that began before with none: half a think
    time a user, one in all at least, is what that may be off by.
    """
    think_s = run.config.get("workload", {}).get("think_s", np.nan)
    round_s = flow["request_s"] / flow["rounds"].where(flow["rounds"] > 0)
    return {
        "users_estimated": (flow["request_s"] + flow["rounds"] * think_s) / flow["hold_s"],
        "users_at_edges": (think_s / flow["hold_s"]) * (users / 2).clip(lower=1),
        "rounds_per_s": flow["rounds"] / flow["hold_s"],
        "offered_rounds_per_s": users / (think_s + round_s),
    }
