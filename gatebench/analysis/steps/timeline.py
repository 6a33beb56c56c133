"""What happened second by second, over the whole run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gatebench.analysis.reading.frames import failed
from gatebench.analysis.reading.holds import Holds
from gatebench.analysis.schema import TIMELINE, framed


def timeline(requests: pd.DataFrame, holds: Holds) -> pd.DataFrame:
    """TIMELINE, a row a second from the first request on."""
    if requests.empty:
        return framed([], TIMELINE)
    started = requests["started"].to_numpy()
    second = (started - started.min()).astype(np.int32)
    bad = failed(requests).to_numpy()
    length = int(second.max()) + 1
    times = started.min() + np.arange(length)
    ok = np.bincount(second[~bad], minlength=length)
    timed = ~bad & requests["timed"].to_numpy()
    return pd.DataFrame(
        {
            "time": times,
            "ok": ok,
            "failed": np.bincount(second[bad], minlength=length),
            "p95_ms": _p95(second[timed], requests["elapsed_ms"].to_numpy()[timed], length),
            "step": _held(times, holds),
        }
    )


def binned(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """TIMELINE in no more than so many bins of whole seconds: `ok` and `failed` are means a second, `p95_ms` is the
    highest of a bin's seconds, `seconds` how many these are.
    """
    width = -(-len(table) // most) or 1
    bins = np.arange(len(table)) // width
    found = table.groupby(bins).agg(
        time=("time", "first"), ok=("ok", "mean"), failed=("failed", "mean"), p95_ms=("p95_ms", "max"),
        step=("step", "first"), seconds=("time", "size"),
    )  # fmt: skip
    return found.reset_index(drop=True)


def _held(times: np.ndarray, holds: Holds) -> pd.Series[Any]:
    steps = pd.Series(pd.NA, index=range(len(times)), dtype="Int64")
    for number, hold in holds.items():
        steps[(times >= hold.start) & (times < hold.end)] = number
    return steps


def _p95(second: np.ndarray, elapsed_ms: np.ndarray, length: int) -> np.ndarray:
    """Of each second; missing where it has no request."""
    counts = np.bincount(second, minlength=length)
    by_second = elapsed_ms[np.argsort(second, kind="stable")]
    ends = np.cumsum(counts)
    return np.array(
        [np.percentile(by_second[end - n : end], 95) if n else np.nan for end, n in zip(ends, counts, strict=True)]
    )
