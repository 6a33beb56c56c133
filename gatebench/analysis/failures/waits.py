"""What PostgreSQL's sessions waited for, as periods (trouble.py), from samples of those at it for long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from gatebench.analysis.failures.trouble import NONE, SAMPLE_S, WAITED_S, as_periods, clock


def awake(sessions: pd.DataFrame | None, stalls: pd.DataFrame) -> pd.DataFrame | None:
    """The samples at the moment of their answer, their query_s and lock_s without what PostgreSQL itself was silent for
    (trouble.stalls): until it went on, no session could come to the end of its wait.
    """
    if sessions is None or stalls.empty:
        return sessions
    seen = sessions["time"].replace(dict(zip(stalls["start"], stalls["end"], strict=True)))
    since = {name: sessions[name] for name in ("query_s", "lock_s")}
    for start, end in zip(stalls["start"], stalls["end"], strict=True):
        for name in since:
            silent_s = seen.clip(upper=end) - (seen - sessions[name]).clip(lower=start)
            since[name] = since[name] - silent_s.clip(lower=0)
    return sessions.assign(time=seen, **since)


def lock_waits(sessions: pd.DataFrame | None) -> pd.DataFrame:
    """From when PostgreSQL's sessions waited for one that held a lock, and did not itself wait for the disk, to the
    last sample in which they did.
    """
    if sessions is None:
        return NONE
    waits = sessions[(sessions["wait_type"] == "Lock") & sessions["lock_s"].notna() & ~for_disk(sessions)]
    found = []
    for _, of_blocker in waits.groupby("blocker", dropna=False):
        for start, end, samples in _episodes(of_blocker, of_blocker["lock_s"]):
            line = f"sessions.csv: {_sessions(samples, 'lock_s')} for a lock between {clock(start)} and {clock(end)}"
            found.append((start, end, f"{line}; {_blocker(samples)}"))
    return as_periods(found)


def disk_waits(sessions: pd.DataFrame | None) -> pd.DataFrame:
    """From when sessions were at a query, seen waiting for PostgreSQL's disk or for another one that did, to the last
    sample in which they were.
    """
    if sessions is None:
        return NONE
    waits = sessions[for_disk(sessions)]
    found = []
    for start, end, samples in _episodes(waits, waits["query_s"]):
        longest = _longest(samples[samples["wait_type"] != "Lock"])
        line = (
            f"sessions.csv: {_sessions(samples, 'query_s')} for the disk between {clock(start)} and {clock(end)} "
            f"({longest['wait_type']} {longest['wait_event']}): {longest['query']}"
        )
        found.append((start, end, line))
    return as_periods(found)


def for_disk(sessions: pd.DataFrame) -> pd.Series[bool]:
    """Also those that wait until another session has written the log (LWLock WALWrite), or for a lock that such a one
    holds until its commit is on the disk.
    """
    behind = (sessions["wait_type"] == "LWLock") & sessions["wait_event"].str.startswith("WAL")
    waiting = (sessions["wait_type"] == "IO") | behind
    held = pd.MultiIndex.from_frame(sessions[["time", "blocker"]])
    while True:
        holders = pd.MultiIndex.from_frame(sessions.loc[waiting, ["time", "pid"]])
        more = waiting | ((sessions["wait_type"] == "Lock") & held.isin(holders))
        if more.equals(waiting):
            return waiting
        waiting = more


def queries(sessions: pd.DataFrame | None) -> pd.DataFrame:
    """From the start of a long query to the last sample of it, when it waited for neither a lock nor a disk."""
    if sessions is None:
        return NONE
    others = sessions[(sessions["wait_type"] != "Lock") & ~for_disk(sessions)]
    found = []
    for pid, of_session in others.groupby("pid"):
        for start, end, samples in _episodes(of_session, of_session["query_s"]):
            longest = _longest(samples)
            waits = " ".join(word for word in (longest["wait_type"], longest["wait_event"]) if word)
            line = (
                f"sessions.csv: session {pid:.0f} was at one query for {longest['query_s']:.1f} s"
                f"{f' ({waits})' if waits else ''}, seen last at {clock(longest['time'])}: {longest['query']}"
            )
            found.append((start, end, line))
    return as_periods(found)


def _episodes(samples: pd.DataFrame, since_s: pd.Series[float]) -> Iterator[tuple[float, float, pd.DataFrame]]:
    """(start, end, samples) of each time in which there was one, each held to have begun so many seconds before; of
    those the ones that lasted.
    """
    ordered = samples.assign(began=samples["time"] - since_s, end=samples["time"] + SAMPLE_S, since_s=since_s)
    ordered = ordered.sort_values("began", kind="stable")
    alone = ordered["began"] > ordered["end"].cummax().shift()
    for _, rows in ordered.groupby(alone.cumsum()):
        if rows["since_s"].max() >= WAITED_S:
            yield rows["began"].min(), rows["end"].max(), rows


def _longest(samples: pd.DataFrame) -> pd.Series[Any]:
    """The sample of whoever was at a query for longest."""
    return samples.sort_values("query_s").iloc[-1]


def _sessions(samples: pd.DataFrame, waited: str) -> str:
    """As "up to 16 sessions waited (the longest 7.9 s)"."""
    n = int(samples.groupby("time")["pid"].nunique().max())
    longest = f"the longest {samples[waited].max():.1f} s"
    return f"up to {n} sessions waited ({longest})" if n > 1 else f"a session waited ({longest})"


def _blocker(samples: pd.DataFrame) -> str:
    known = samples.dropna(subset="blocker")
    if known.empty:
        return "who held it is not known"
    one = known.iloc[-1]
    who = f"session {one['blocker']:.0f}" + (f" of {one['blocker_application']}" if one["blocker_application"] else "")
    return f"{who} held it, {one['blocker_state']} after {one['blocker_query']}"
