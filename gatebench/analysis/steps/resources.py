"""What each role used while a step was held: CPU, memory, threads, sockets, and the database's connections."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gatebench.analysis.reading.frames import rows
from gatebench.analysis.reading.holds import Hold, Holds
from gatebench.analysis.reading.samples import Samples, rate, within
from gatebench.analysis.schema import CONNECTIONS, RESOURCES, framed
from gatebench.records import PGBOUNCER, RUNNER, Run

PEAKS = ("rss_bytes", "processes", "threads", "sockets")


def resources(samples: Samples, flow: pd.DataFrame, run: Run, holds: Holds) -> pd.DataFrame:
    """RESOURCES, a row a step and role; none without resources.csv."""
    ended = {row.step: row.ended for row in rows(flow)}
    lines: list[dict[str, Any]] = []
    by_role = {role: _of(role, samples) for role in (*run.roles, RUNNER)}
    for step in run.steps if samples.resources is not None else ():
        hold = holds.get(step.number)
        peaks = _peaks(samples.resources, hold)
        for role, of_role in by_role.items():
            line: dict[str, Any] = {"step": step.number, "users": step.users, "role": role, **peaks.get(role, {})}
            cpu_s_per_s = rate(of_role, "cpu_s", hold)
            line["cpu_pct"] = 100 * cpu_s_per_s
            if hold and ended[step.number]:
                line["cpu_ms_per_request"] = 1000 * cpu_s_per_s * hold.seconds / ended[step.number]
            lines.append(line)
    return framed(lines, RESOURCES)


def _of(role: str, samples: Samples) -> pd.DataFrame | None:
    return None if samples.resources is None else samples.resources[samples.resources["role"] == role]


def _peaks(samples: pd.DataFrame | None, hold: Hold | None) -> dict[Any, dict[Any, Any]]:
    """By role."""
    held = within(samples, hold)
    return {} if held is None else held.groupby("role")[list(PEAKS)].max().to_dict("index")


def connections(samples: Samples, flow: pd.DataFrame, run: Run, holds: Holds) -> pd.DataFrame:
    """CONNECTIONS, a row a step."""
    limits = _limits(run.config)
    ended = {row.step: row.ended for row in rows(flow)}
    lines: list[dict[str, Any]] = []
    for step in run.steps:
        line: dict[str, Any] = {"step": step.number, "users": step.users, **limits}
        if (held := within(samples.database, holds.get(step.number))) is not None:
            line |= {"db_connections": held["connections"].max(), "db_waiting": held["waiting"].max()}
            if (hold := holds.get(step.number)) and ended[step.number]:
                opened_per_s = rate(samples.database, "opened", hold)
                line["db_opened_per_request"] = opened_per_s * hold.seconds / ended[step.number]
        lines.append(line)
    return framed(lines, CONNECTIONS)


def _limits(config: dict[str, Any]) -> dict[str, int]:
    settings = config.get("settings") or {}
    limits = {"db_limit": settings["db_connections"]} if "db_connections" in settings else {}
    if config.get("db") in ("pool", PGBOUNCER) and "db_pool_size" in settings:
        limits["db_pool_limit"] = config["workers"] * settings["db_pool_size"]
    return limits
