"""How evenly requests were shared among the app server's processes while a step was held."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gatebench.analysis.reading.holds import Holds
from gatebench.analysis.reading.samples import within
from gatebench.analysis.schema import BALANCE, framed
from gatebench.records import Run

UNEVEN = 1.25
"""Times its even share that the busiest process answered: from here on it is worth a sentence."""


def balance(proxy: pd.DataFrame | None, run: Run, holds: Holds) -> pd.DataFrame:
    """BALANCE, a row a step, by the process that Nginx's log names; none without it."""
    lines: list[dict[str, Any]] = []
    for step in run.steps:
        held = within(proxy, holds.get(step.number))
        answered = pd.Series(dtype=int) if held is None else held["worker"].value_counts()
        answered = answered[answered > 0]
        if len(answered):
            processes = max(len(answered), int(run.config.get("workers", 0)))
            busiest = 100 * float(answered.max()) / float(answered.sum())
            lines.append({"step": step.number, "users": step.users, "processes": processes, "busiest_pct": busiest})
    return framed(lines, BALANCE)


def uneven(balance: pd.DataFrame) -> pd.DataFrame:
    """The rows of steps at which one process answered clearly more than its share."""
    return balance[balance["busiest_pct"] * balance["processes"] / 100 > UNEVEN]
