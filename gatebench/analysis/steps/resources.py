"""What each role used while a step was held: CPU, memory, threads, sockets, and the database's connections."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gatebench.analysis.reading.frames import rows
from gatebench.analysis.reading.holds import Hold, Holds
from gatebench.analysis.reading.samples import Samples, rate, within
from gatebench.records import ROLES, RUNNER, Run

PEAKS = ("rss_bytes", "processes", "threads", "sockets")

_COLUMNS = {
    "step": "int64",
    "users": "int64",
    "role": "str",
    "cpu_pct": "float64",
    "cpu_ms_per_request": "float64",
    **dict.fromkeys(PEAKS, "Int64"),
}


def resources(samples: Samples, flow: pd.DataFrame, run: Run, holds: Holds) -> pd.DataFrame:
    """A row a step and role: step, users, role, cpu_pct (of one core, over the hold), cpu_ms_per_request (of those
    that ended in the hold) and the hold's peaks of rss_bytes, processes, threads, sockets.

    No row without resources.csv.
    """
    ended = {row.step: row.ended for row in rows(flow)}
    lines: list[dict[str, Any]] = []
    for step in run.steps if samples.resources is not None else ():
        hold = holds.get(step.number)
        for role in (*ROLES, RUNNER):
            of_role = _of(role, samples)
            line: dict[str, Any] = {"step": step.number, "users": step.users, "role": role, **_peaks(of_role, hold)}
            cpu_s_per_s = rate(of_role, "cpu_s", hold)
            line["cpu_pct"] = 100 * cpu_s_per_s
            if hold and ended[step.number]:
                line["cpu_ms_per_request"] = 1000 * cpu_s_per_s * hold.seconds / ended[step.number]
            lines.append(line)
    return pd.DataFrame(lines, columns=list(_COLUMNS)).astype(_COLUMNS)


def _of(role: str, samples: Samples) -> pd.DataFrame | None:
    return None if samples.resources is None else samples.resources[samples.resources["role"] == role]


def _peaks(samples: pd.DataFrame | None, hold: Hold | None) -> dict[str, Any]:
    held = within(samples, hold)
    return {} if held is None else {name: held[name].max() for name in PEAKS}


def connections(samples: Samples, run: Run, holds: Holds) -> pd.DataFrame:
    """A row a step: step, users; the hold's peaks of db_connections and db_waiting (for a lock); db_limit, what
    PostgreSQL allows, and db_pool_limit, what the app's pools allow all together (missing without pools).
    """
    limits = _limits(run.config)
    lines: list[dict[str, Any]] = []
    for step in run.steps:
        line: dict[str, Any] = {"step": step.number, "users": step.users, **limits}
        if (held := within(samples.database, holds.get(step.number))) is not None:
            line |= {"db_connections": held["connections"].max(), "db_waiting": held["waiting"].max()}
        lines.append(line)
    counted = ("db_connections", "db_waiting", "db_limit", "db_pool_limit")
    table = pd.DataFrame(lines, columns=["step", "users", *counted])
    return table.astype({"step": "int64", "users": "int64", **dict.fromkeys(counted, "Int64")})


def _limits(config: dict[str, Any]) -> dict[str, int]:
    settings = config.get("settings") or {}
    limits = {"db_limit": settings["db_connections"]} if "db_connections" in settings else {}
    if config.get("db") == "pool" and "db_pool_size" in settings:
        limits["db_pool_limit"] = config["workers"] * settings["db_pool_size"]
    return limits
