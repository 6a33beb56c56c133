"""When each step was held, and so which requests are measured. Found once a run, and given to whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gatebench.records import Run


class Hold(NamedTuple):
    """A span of time, s since the epoch: its start is in it, its end is not."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


Holds: TypeAlias = Mapping[int, Hold]
"""By number of the step. A step that never held, or of which nothing is recorded, has none."""


def holds_of(run: Run, requests: pd.DataFrame) -> dict[int, Hold]:
    """A step that was cut off ends just after the last request started that is recorded."""
    cut_off = float(np.nextafter(requests["started"].max(), np.inf)) if len(requests) else 0.0
    spans = {
        step.number: Hold(step.hold_started, cut_off if step.hold_ended is None else step.hold_ended)
        for step in run.steps
        if step.hold_started is not None
    }
    return {number: hold for number, hold in spans.items() if hold.end > hold.start}


def measured(requests: pd.DataFrame, holds: Holds) -> npt.NDArray[np.bool_]:
    """Whether each request started while its step was held."""
    started = requests["started"].to_numpy()
    step = requests["step"].to_numpy()
    marks = np.zeros(len(requests), dtype=bool)
    for number, hold in holds.items():
        marks |= (step == number) & (started >= hold.start) & (started < hold.end)
    return marks
