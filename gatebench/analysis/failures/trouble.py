"""What went wrong beside the requests, as periods of time: a frame with start, end (s since the epoch) and line.

The line is its proof. A period holds its start and not its end. Samples tell in which second something happened, and no
more than that.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gatebench.analysis.reading.logs import ENDED, KILLED, TIMED_OUT
from gatebench.analysis.reading.samples import Samples

STALLED_MS = 1000
"""A question to PostgreSQL that takes longer was not answered as a database that is up answers it."""

ROUNDED_S = 1
"""How far from a moment that a log has in whole seconds, or a sample of, a failure may be and still be its doing."""

SAMPLE_S = 1.0
"""From one sample to the next: what was seen in one may have been so until the other."""

WAITED_S = 1.0
"""A wait within PostgreSQL, or the silence of a worker, that is shorter is no trouble."""


def alerts(errors: pd.DataFrame, said: str) -> pd.DataFrame:
    """Around each second in which Nginx's error log says so."""
    found = errors[errors["message"].str.contains(said, regex=False)].drop_duplicates("time")
    return as_periods(
        zip(found["time"] - ROUNDED_S, found["time"] + 1 + ROUNDED_S, found["line"].astype("str"), strict=True)
    )


def overflows(machine: pd.DataFrame | None) -> pd.DataFrame:
    """Between two samples of which the second counts more connections turned away by a full listen backlog."""
    if machine is None:
        return NONE
    known = machine.dropna(subset="listen_overflows")
    start, end = known["time"].to_numpy()[:-1], known["time"].to_numpy()[1:]
    more = np.diff(known["listen_overflows"].to_numpy(float))
    return as_periods(
        (a, b, f"machine.csv: {int(n):,} connections met a full listen backlog between {clock(a)} and {clock(b)}")
        for a, b, n in zip(start, end, more, strict=True)
        if n > 0
    )


def stalls(database: pd.DataFrame | None) -> pd.DataFrame:
    """From a question that PostgreSQL answered late to its answer; or for good, where none came."""
    if database is None:
        return NONE
    slow = database[~(database["answer_ms"] <= STALLED_MS)]
    return as_periods(
        (asked, asked + ms / 1000, f"database.csv: what PostgreSQL was asked at {clock(asked)} took it {ms:,.0f} ms")
        if ms == ms
        else (asked, np.inf, f"database.csv: PostgreSQL never answered what it was asked at {clock(asked)}")
        for asked, ms in zip(slow["time"], slow["answer_ms"], strict=True)
    )


def leaks(database: pd.DataFrame | None, proxy: pd.DataFrame) -> pd.DataFrame:
    """Around each sample in which most of PostgreSQL's connections had nothing to do, and there were twice as many as
    requests at the app server: a request holds one at the most, and holds it while it waits.
    """
    if database is None:
        return NONE
    at = database["time"].to_numpy()
    begun = np.searchsorted(np.sort((proxy["time"] - proxy["upstream_ms"] / 1000).dropna().to_numpy()), at)
    at_the_app = begun - np.searchsorted(np.sort(proxy.loc[proxy["upstream_ms"].notna(), "time"].to_numpy()), at)
    many = database["connections"] > 2 * np.maximum(at_the_app, 1)
    leaked = database[many & (2 * database["idle"] > database["connections"])]
    return as_periods(
        (
            asked - SAMPLE_S,
            asked + SAMPLE_S + ROUNDED_S,
            f"database.csv: {idle:,.0f} of {of:,.0f} connections had nothing to do at {clock(asked)}",
        )
        for asked, idle, of in zip(leaked["time"], leaked["idle"], leaked["connections"], strict=True)
    )


def sent_away(clients: pd.DataFrame) -> pd.DataFrame:
    """Around each second in which PgBouncer sent a client away, with time and line."""
    return as_periods(zip(clients["time"] - ROUNDED_S, clients["time"] + 1 + ROUNDED_S, clients["line"], strict=True))


def refusals(said: pd.DataFrame) -> pd.DataFrame:
    """From each connection that PostgreSQL refused a pool to when that pool asked again, with time, pid and line.

    psycopg_pool waits 1 s, then twice as long each time, give or take a tenth: as long as it has tried, and 1 s.
    """
    tried_s = said["time"] - said.groupby("pid")["time"].transform("min")
    return as_periods(zip(said["time"], said["time"] + 1.1 * tried_s + 1 + ROUNDED_S, said["line"], strict=True))


def worker_ends(samples: Samples, said: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """TIMED_OUT, KILLED and ENDED -> around each end of a worker, from what the server said of it and from the samples.

    What a log says of a process counts for the sample that it is missing from: uvicorn writes no time.
    """
    words: dict[int, tuple[str, str]] = {}
    for how in (ENDED, KILLED, TIMED_OUT):  # gunicorn ends a worker that timed out by a signal, and says both
        of_how = said[said["how"] == how].drop_duplicates("pid")
        words |= {pid: (how, line) for pid, line in zip(of_how["pid"], of_how["line"], strict=True)}
    found: dict[str, list[tuple[float, float, str]]] = {TIMED_OUT: [], KILLED: [], ENDED: []}
    for moment, pid in said.dropna(subset="time")[["time", "pid"]].itertuples(index=False):
        how, line = words[pid]
        found[how].append((moment - ROUNDED_S, moment + 1 + ROUNDED_S, line))
    of_itself = {} if samples.processes is None else samples.processes.set_index("pid")["own_pid"].to_dict()
    for start, end, process in _gone(samples.resources, "app"):
        pid = int(of_itself.get(process, process))
        sentence = f"resources.csv: process {pid} of the app server, there at {clock(start)}, is gone at {clock(end)}"
        how, line = words.get(pid, (ENDED, sentence))
        found[how].append((start - ROUNDED_S, end + ROUNDED_S, line))
    return {how: as_periods(periods) for how, periods in found.items()}


def _gone(resources: pd.DataFrame | None, role: str) -> Iterator[tuple[float, float, int]]:
    """(the sample before, the sample without it, its id) of each process of a role that ended."""
    if resources is None:
        return
    samples = resources[resources["role"] == role]
    before = samples["time"].shift(1)
    for start, end, ended in zip(before, samples["time"], samples["ended"], strict=True):
        for pid in ended.split():
            yield start, end, int(pid)


def overlapping(periods: pd.DataFrame, started: npt.ArrayLike, ended: npt.ArrayLike) -> pd.Series[Any]:
    """For each life from `started` to `ended`, the line of a period that it has a moment in common with, or missing."""
    began, over = np.asarray(started, float), np.asarray(ended, float)
    if periods.empty:
        return nothing(len(began))
    reach = np.maximum.accumulate(periods["end"].to_numpy())
    farthest = np.maximum.accumulate(np.where(periods["end"].to_numpy() == reach, np.arange(len(periods)), 0))
    last = np.searchsorted(periods["start"].to_numpy(), over, side="right") - 1
    meets = (last >= 0) & (began < reach[np.maximum(last, 0)])
    codes, lines = pd.factorize(periods["line"])
    chosen = np.where(meets, codes[farthest[np.maximum(last, 0)]], -1)
    return pd.Series(pd.Categorical.from_codes(chosen, lines))


def covering(periods: pd.DataFrame, started: npt.ArrayLike, ended: npt.ArrayLike) -> pd.Series[Any]:
    """For each life from `started` to `ended`, the line of a period, where periods cover more than half of it."""
    began, over = np.asarray(started, float), np.asarray(ended, float)
    if periods.empty:
        return nothing(len(began))
    reach = np.maximum.accumulate(periods["end"].to_numpy())
    first = np.flatnonzero(np.append(True, periods["start"].to_numpy()[1:] > reach[:-1]))
    starts, ends = periods["start"].to_numpy()[first], reach[np.append(first[1:], len(reach)) - 1]
    knots = np.column_stack([starts, ends]).ravel()
    lengths = np.cumsum(np.column_stack([np.zeros(len(starts)), ends - starts]).ravel())
    covered = np.interp(over, knots, lengths) - np.interp(began, knots, lengths)
    return overlapping(periods, began, over).where(2 * covered > over - began)


def own(periods: pd.DataFrame, started: npt.ArrayLike, ended: npt.ArrayLike) -> pd.Series[Any]:
    """For each life, the line of the period that began last in its first half, where that outlived it."""
    began, over = np.asarray(started, float), np.asarray(ended, float)
    if periods.empty:
        return nothing(len(began))
    last = np.searchsorted(periods["start"].to_numpy(), (began + over) / 2, side="right") - 1
    one = periods.iloc[np.maximum(last, 0)]
    codes, lines = pd.factorize(periods["line"])
    found = (last >= 0) & (one["start"].to_numpy() >= began) & (one["end"].to_numpy() >= over)
    return pd.Series(pd.Categorical.from_codes(np.where(found, codes[np.maximum(last, 0)], -1), lines))


def nothing(rows: int) -> pd.Series[Any]:
    """So many lines that are all missing, in next to no time."""
    return pd.Series(pd.Categorical.from_codes(np.full(rows, -1, np.int8), pd.Index([], dtype="str")))


def as_periods(found: Iterable[tuple[float, float, str]]) -> pd.DataFrame:
    """A frame of (start, end, line), in the order of their starts."""
    frame = pd.DataFrame(found, columns=["start", "end", "line"]).astype({"start": float, "end": float, "line": object})
    return frame.sort_values("start", kind="stable", ignore_index=True)


NONE = as_periods(())


def clock(moment: float) -> str:
    """As Nginx's error log has it: in UTC."""
    return time.strftime("%H:%M:%S", time.gmtime(moment))
