"""The ledger: what clients were told of requests that write, against what the database holds, since the ramp began."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from gatebench.analysis.reading.frames import ended, failed, rows
from gatebench.analysis.schema import LEDGER, framed
from gatebench.records import LedgerReading, Run

VOTE = "vote"
"""What the request is called that writes, where the run does not say."""


def ledger(requests: pd.DataFrame, readings: Iterable[LedgerReading], run: Run) -> pd.DataFrame:
    """LEDGER, a row a reading, in order; of several requests that write, one after the other.

    A vote, or whatever is written, may be under way while the database is read, so a vote counts as attempted when it
    was sent before the reading ended, and as acknowledged when its answer had come before the reading began. Lost votes
    were acknowledged and are not stored; untold votes are stored and were never acknowledged, which is known after the
    drain only. Both are lower bounds: within one sum they hide each other. What was lost once stays lost.
    """
    of_name: dict[str, list[LedgerReading]] = {}
    for reading in readings:
        of_name.setdefault(reading.name or _vote_name(run), []).append(reading)
    return framed(
        [line for name, some in of_name.items() for line in _of_one(requests, name, _beside(run, name), some)], LEDGER
    )


def _of_one(
    requests: pd.DataFrame, name: str, beside: Iterable[str], readings: Iterable[LedgerReading]
) -> Iterator[dict[str, Any]]:
    votes = requests.loc[requests["name"].isin([name, *beside]), ["started", "elapsed_ms", "cause"]]
    sent, told = votes["started"].to_numpy(), ended(votes[~failed(votes)]).to_numpy()
    lost = 0
    for reading in readings:
        attempted = int(np.count_nonzero(sent <= reading.read_ended))
        acknowledged = int(np.count_nonzero(told <= reading.read_started))
        stored = reading.votes_stored
        lost = max(lost, acknowledged - stored)
        untold = stored - (acknowledged - lost) if reading.step is None else None
        counted = (attempted, acknowledged, stored, lost, untold)
        yield dict(zip(LEDGER, (name, reading.step, *counted), strict=True))


def _beside(run: Run, name: str) -> list[str]:
    """Other requests that raise the same number."""
    writes = run.config.get("workload", {}).get("writes", ())
    return [other for write in writes if write["name"] == name for other in write.get("beside", ())]


def _vote_name(run: Run) -> str:
    workload = run.config.get("workload", {})
    return str((workload.get("ledger") or workload).get("vote_name", VOTE))


def alarms(table: pd.DataFrame, run: Run) -> list[str]:
    """A sentence each for acknowledged ≤ stored and stored ≤ attempted, of the reading that breaks it most."""
    return [sentence for name in dict.fromkeys(table["name"]) for sentence in _alarms(table, str(name), run)]


def _alarms(table: pd.DataFrame, name: str, run: Run) -> Iterator[str]:
    readings = list(rows(table[table["name"] == name]))
    if lost := [row for row in readings if row.votes_lost > 0]:
        worst = max(lost, key=lambda row: row.votes_lost)
        yield f"“{name}”: at least {worst.votes_lost:,} acknowledged and not stored {_when(worst)}{_by_design(run)}."
    if extra := [row for row in readings if row.votes_stored > row.votes_attempted]:
        worst = max(extra, key=lambda row: row.votes_stored - row.votes_attempted)
        n = worst.votes_stored - worst.votes_attempted
        yield f"“{name}”: {n:,} more stored than attempted {_when(worst)}{_cut_off(run)}."


def _when(row: Any) -> str:
    return "after the drain" if pd.isna(row.step) else f"after step {row.step}"


def _by_design(run: Run) -> str:
    if run.app.get("vote") == "read-then-save" or run.config.get("profile") == "article":
        return ": the article's vote reads, adds one and saves, so that votes at the same time overwrite each other"
    return ": they were lost"


def _cut_off(run: Run) -> str:
    return "" if run.ended else ": this run was killed, and with it the record of its last requests"
