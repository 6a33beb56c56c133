"""What was sampled about once a second while the load ran, as data frames; and how far a counter rose in a hold."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gatebench.records import DatabaseSample, MachineSample, ProcessSample, RoleSample, SessionSample
from gatebench.run_folder import RunFolder, contents, packed

COVERED = 0.8
"""Of a hold. Samples come a second apart and may end a second before it; with less than this they tell too little."""


@dataclass(frozen=True, slots=True)
class Samples:
    """None where a run has no such file. Rows are in the order of their times; what is not known is missing, or ""."""

    resources: pd.DataFrame | None  # RoleSample's columns
    machine: pd.DataFrame | None  # MachineSample's
    database: pd.DataFrame | None  # DatabaseSample's
    processes: pd.DataFrame | None  # ProcessSample's
    sessions: pd.DataFrame | None  # SessionSample's
    clock: pd.DataFrame | None  # a row a sleep of the generator's event loop: time, late_ms
    generator: pd.DataFrame | None  # a row a line of its progress: time, run_delay_s (cumulative)
    damage: str | None  # one sentence on files that cannot be read


def read_samples(folder: RunFolder) -> Samples:
    """A half-written last line is dropped; a file that is damaged otherwise is left out, and said to be."""
    damaged: list[str] = []
    csv = {
        path.stem: _left_out_if_damaged(path, lambda text, kind=kind: _csv(text, kind), damaged)
        for path, kind in (
            (folder.resources_csv, RoleSample),
            (folder.machine_csv, MachineSample),
            (folder.database_csv, DatabaseSample),
            (folder.processes_csv, ProcessSample),
            (folder.sessions_csv, SessionSample),
        )
    }
    progress = _left_out_if_damaged(folder.load_events, _progress, damaged)
    clock, generator = progress or (None, None)
    are = "are damaged: what they" if len(damaged) > 1 else "is damaged: what it"
    sentence = f"{' and '.join(damaged)} {are} would tell is missing." if damaged else None
    return Samples(**csv, clock=clock, generator=generator, damage=sentence)


def growth(samples: pd.DataFrame | None, counter: str, bounds: tuple[float, float] | None) -> tuple[float, float]:
    """How far a cumulative counter rose in a hold, and over how many seconds of it; missing where samples do not tell.

    Between two samples a counter is taken to rise evenly.
    """
    if samples is None or bounds is None:
        return np.nan, np.nan
    times, values = samples["time"].to_numpy(float), samples[counter].to_numpy(float)
    known = ~np.isnan(values)
    if not known.any():
        return np.nan, np.nan
    times, values = times[known], values[known]
    start, end = max(bounds[0], times[0]), min(bounds[1], times[-1])
    if end <= start or end - start < COVERED * (bounds[1] - bounds[0]):
        return np.nan, np.nan
    before, after = np.interp([start, end], times, values)
    return float(after - before), float(end - start)


def rate(samples: pd.DataFrame | None, counter: str, bounds: tuple[float, float] | None) -> float:
    """Of a cumulative counter, a second of the hold."""
    rise, seconds = growth(samples, counter, bounds)
    return rise / seconds


def within(samples: pd.DataFrame | None, bounds: tuple[float, float] | None) -> pd.DataFrame | None:
    """The samples that were taken in a hold; None without any."""
    if samples is None or bounds is None:
        return None
    chosen = samples[(samples["time"] >= bounds[0]) & (samples["time"] <= bounds[1])]
    return None if chosen.empty else chosen


def _left_out_if_damaged(path: Path, parse: Any, damaged: list[str]) -> Any:
    try:
        text = contents(path).decode(errors="replace")
    except FileNotFoundError:
        return None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        damaged.append(packed(path).name)
        return None
    whole = text[: text.rfind("\n") + 1]
    try:
        return parse(whole) if whole else None
    except (ValueError, KeyError, TypeError, AttributeError):
        damaged.append(path.name)
        return None


def _csv(text: str, kind: type[Any]) -> pd.DataFrame:
    names = [field.name for field in fields(kind)]
    words = [field.name for field in fields(kind) if str(field.type).startswith("str")]
    types = {name: "str" if name in words else "float64" for name in names}
    frame = pd.read_csv(io.StringIO(text), usecols=lambda name: name in names, dtype=types)
    if missing := {field.name for field in fields(kind) if field.default is MISSING} - {*frame.columns}:
        raise ValueError(f"no column {missing.pop()}")
    frame = frame.reindex(columns=names)
    if frame["time"].isna().any():
        raise ValueError("a sample without a time")
    frame[words] = frame[words].fillna("")
    return frame.sort_values("time", kind="stable", ignore_index=True)


def _progress(text: str) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The generator's clock and its run delay; None when its progress does not tell of them."""
    events = [json.loads(line) for line in text.splitlines()]
    told = [event for event in events if event["event"] == "progress" and "late_ms" in event]
    if not told:
        return None
    times = np.array([event["time"] for event in told], float)
    sleeps = [len(event["late_ms"]) for event in told]
    late_ms = [late for event in told for late in event["late_ms"]]
    clock = pd.DataFrame({"time": np.repeat(times, sleeps), "late_ms": np.array(late_ms, float)})
    delays = np.array([event.get("run_delay_s") for event in told], float)
    return clock, pd.DataFrame({"time": times, "run_delay_s": delays})
