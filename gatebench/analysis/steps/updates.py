"""How late what the server sent unasked came, step by step."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gatebench.analysis.reading.holds import Holds, measured
from gatebench.analysis.schema import UPDATES, framed
from gatebench.records import Run

PERCENTILES = {"update_p50_ms": 50, "update_p95_ms": 95, "update_p99_ms": 99, "update_max_ms": 100}
"""By their column."""


def updates_table(pushes: pd.DataFrame, run: Run, holds: Holds) -> pd.DataFrame:
    """`step` and UPDATES, a row a step that was held, of a run whose workload pushes; else without a row.

    An update is counted when its news was made, and not when it came: those that came late are not lost at the end of a
    hold.
    """
    lines = []
    if run.config.get("workload", {}).get("pushed"):
        chosen, step = measured(pushes, holds), pushes["step"].to_numpy()
        for number in holds:
            late_ms = pushes["elapsed_ms"].to_numpy()[chosen & (step == number)]
            line = {"step": number, "updates": len(late_ms)}
            if len(late_ms):
                line |= dict(zip(PERCENTILES, np.percentile(late_ms, list(PERCENTILES.values())), strict=True))
            lines.append(line)
    return framed(lines, {"step": "int64", **UPDATES})
