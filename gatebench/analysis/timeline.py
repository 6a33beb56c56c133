"""What happened second by second, over the whole run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gatebench.analysis.frames import failed


def timeline(requests: pd.DataFrame) -> pd.DataFrame:
    """A row a second from the first request on: time (s since the epoch), ok and failed requests that started in it,
    and p95_ms of the ok ones.
    """
    if requests.empty:
        return pd.DataFrame({"time": [], "ok": [], "failed": [], "p95_ms": []})
    started = requests["started"].to_numpy()
    second = (started - started.min()).astype(np.int32)
    bad = failed(requests).to_numpy()
    length = int(second.max()) + 1
    ok = np.bincount(second[~bad], minlength=length)
    return pd.DataFrame(
        {
            "time": started.min() + np.arange(length),
            "ok": ok,
            "failed": np.bincount(second[bad], minlength=length),
            "p95_ms": _p95(second[~bad], requests["elapsed_ms"].to_numpy()[~bad], ok),
        }
    )


def _p95(second: np.ndarray, elapsed_ms: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Of each second; missing where it has no request."""
    by_second = elapsed_ms[np.argsort(second, kind="stable")]
    ends = np.cumsum(counts)
    return np.array(
        [np.percentile(by_second[end - n : end], 95) if n else np.nan for end, n in zip(ends, counts, strict=True)]
    )
