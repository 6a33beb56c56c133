"""Whether three witnesses agree: the client's record, Nginx's log and Locust's own total."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gatebench.analysis.failures.causes import UNKNOWN
from gatebench.analysis.reading.frames import ended, failed
from gatebench.analysis.schema import LATENCY, framed
from gatebench.records import STATISTICS_RESET, Run

Ids: TypeAlias = npt.NDArray[np.uint64]

TOLERANCE_PCT = 5.0
TOLERANCE_MS = 3.0
"""Two percentiles agree within either."""

COUNTED = 4
"""Ids that span no more than so many times their number were counted up."""

UNEXPLAINED = "answered, and yet not in Nginx's log"


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of a whole run, by witness. None where a witness is missing."""

    recorded: int
    unfinished: int  # of those recorded
    locust: int | None  # Locust's own total, which leaves unfinished requests out; None when it was reset
    logged: int | None  # of those recorded, in Nginx's log by their id
    log_only: int | None  # in Nginx's log while the load ran, and not recorded
    unlogged: dict[str, int]  # recorded and not in Nginx's log, by cause

    @property
    def agree(self) -> bool:
        """Every difference has its cause. What has no witness disagrees with nobody."""
        locust_agrees = self.locust is None or self.recorded == self.locust + self.unfinished
        return locust_agrees and not self.log_only and not self.unexplained

    @property
    def unexplained(self) -> bool:
        return any(cause == UNEXPLAINED or cause.startswith(UNKNOWN) for cause in self.unlogged)


@dataclass(frozen=True, slots=True)
class Match:
    """proxy.log against the record, by request id."""

    nginx_ms: npt.NDArray[np.float32]  # Nginx's time for each request; missing where its log has none
    log_only: npt.NDArray[np.float64]  # when Nginx logged what is not recorded, s since the epoch


def match(requests: pd.DataFrame, proxy: pd.DataFrame) -> Match:
    """A redirect that was followed is two lines with one id: their times are added."""
    if requests.empty:
        return Match(np.empty(0, np.float32), np.empty(0))
    place, size = _places(requests["request_id"].to_numpy())
    of_line, of_request = place(proxy["request_id"].to_numpy()), place(requests["request_id"].to_numpy())
    known = (of_line >= 0) & (of_line < size)
    request_ms = np.full(size, np.nan, np.float32)
    request_ms[of_line[known]] = 0
    np.add.at(request_ms, of_line[known], proxy["request_ms"].to_numpy()[known])
    recorded = np.zeros(size, dtype=bool)
    recorded[of_request] = True
    known[known] = recorded[of_line[known]]
    others = proxy.loc[~known, ["request_id", "time"]].drop_duplicates("request_id")
    return Match(nginx_ms=request_ms[of_request], log_only=others["time"].to_numpy())


def _places(ids: Ids) -> tuple[Callable[[Ids], npt.NDArray[np.int64]], int]:
    """What gives each of these ids a place of its own among so many; another id has another place, or one beyond them.

    The load generator counts its requests up, so how far an id is from the lowest is place enough. To look ten million
    up takes ten times as long.
    """
    lowest, span = ids.min(), int(ids.max() - ids.min()) + 1
    if span <= COUNTED * len(ids):
        return lambda some: (some - lowest).view(np.int64), span
    known = pd.Index(pd.unique(ids))
    return lambda some: known.get_indexer(some).astype(np.int64), len(known)


def counts(requests: pd.DataFrame, pushed: int, matched: Match | None, failures: pd.DataFrame, run: Run) -> Counts:
    """`failures` has their diagnosis, `matched` is None without proxy.log. Locust's total has the `pushed` in it."""
    unfinished = int((requests["cause"] == "unfinished").sum())
    reset = run.load is None or STATISTICS_RESET in run.load.interference
    locust = None if run.load is None or reset else run.load.locust_requests - pushed
    if matched is None:
        return Counts(len(requests), unfinished, locust, None, None, {})
    logged = ~np.isnan(matched.nginx_ms)
    unlogged = {
        str(failure): int(n) for failure, n in failures.loc[~failures["logged"], "failure"].value_counts().items() if n
    }
    if answered := int((~logged & ~failed(requests).to_numpy()).sum()):
        unlogged[UNEXPLAINED] = answered
    log_only = _during_load(matched.log_only, requests)
    return Counts(len(requests), unfinished, locust, int(logged.sum()), log_only, unlogged)


def _during_load(moments: npt.NDArray[np.float64], requests: pd.DataFrame) -> int:
    """The runner's own checks are not recorded either, and come before the load."""
    if requests.empty or not len(moments):
        return 0
    return int(((moments >= requests["started"].min()) & (moments <= ended(requests).max())).sum())


def latency(requests: pd.DataFrame, run: Run) -> pd.DataFrame:
    """LATENCY, a row a step and percentile."""
    rows: list[dict[str, Any]] = []
    answered = requests["measured"] & ~failed(requests) & requests["nginx_ms"].notna()
    # A slow reader has much of an answer in its kernel, Nginx is done.
    both = (answered & requests["timed"] & requests["comparable"]).to_numpy()
    step_numbers = requests["step"].to_numpy()
    for step in run.steps:
        chosen = both & (step_numbers == step.number)
        if not chosen.any():
            continue
        percentiles = [50, 95, 99]
        client = np.percentile(requests["elapsed_ms"].to_numpy()[chosen], percentiles)
        nginx = np.percentile(requests["nginx_ms"].to_numpy()[chosen], percentiles)
        for percentile, client_ms, nginx_ms in zip(percentiles, client, nginx, strict=True):
            difference_ms = float(client_ms - nginx_ms)
            pct = 100 * difference_ms / float(nginx_ms) if nginx_ms > 0 else np.nan
            rows.append(
                {
                    "step": step.number,
                    "users": step.users,
                    "percentile": f"p{percentile}",
                    "client_ms": float(client_ms),
                    "nginx_ms": float(nginx_ms),
                    "generator_cpu_pct": step.generator_cpu_pct,
                    "difference_ms": difference_ms,
                    "difference_pct": pct,
                    "agrees": abs(difference_ms) <= TOLERANCE_MS or abs(pct) <= TOLERANCE_PCT,
                }
            )
    return framed(rows, LATENCY)
