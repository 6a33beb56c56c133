"""How many times as much one side has as another, and how sure that is: log ratios in, ratios with intervals out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
"""An interval covers the true ratio in this share of experiments, and of sides that are equal none is called the better
in as many: tests/analysis/comparing/test_ratio.py holds both.
"""

ERROR = 1 - LEVEL

SAME = 0.001
"""Trials whose ratios spread by less than a thousandth are equal but for rounding: no machine is that steady, and few
requests often give the same count. An interval made of that would look sure and know nothing.
"""

ONE_RUN = "one run a side proves nothing, TRIALS=5 says how sure it is"
NOTHING = "they have no valid trial in common"
EQUAL = "all trials gave the same figures, which gives no interval"


@dataclass(frozen=True, slots=True)
class Ratio:
    """B over A. Where `value` is None, or there is no interval, `doubt` says why."""

    value: float | None
    interval: tuple[float, float] | None = None
    doubt: str | None = None

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 1: the sides differ by more than chance explains."""
        return self.interval is not None and not self.interval[0] <= 1 <= self.interval[1]

    def inverted(self) -> Ratio:
        """A over B."""
        value = None if self.value is None else 1 / self.value
        interval = None if self.interval is None else (1 / self.interval[1], 1 / self.interval[0])
        return replace(self, value=value, interval=interval)


def paired_ratios(differences: Floats, sides: int, error: float = ERROR) -> list[Ratio]:
    """Of each pair of so many sides: a row of log ratios an observation (a trial or a campaign), a column a pair, NaN
    where one of the two sides is missing. The intervals of all pairs hold together, but for the error.

    What the sides of an observation share, such as a slow hour of the machine, falls out of their ratio. Two sides get
    Student's t, more of them Tukey's studentized range: a pair's own spread or that of all pairs, whichever is wider,
    at half the freedom that these have together. Tukey's own rule pools the spread at the full freedom, and where one
    side is three times as noisy as the others it calls a false winner in 9 of 100 instead of 5.
    """
    columns = [column[np.isfinite(column)] for column in differences.T]
    spreads = [float(column.std(ddof=1)) if len(column) > 1 else math.nan for column in columns]
    known = [(spread, len(column) - 1) for spread, column in zip(spreads, columns, strict=True) if len(column) > 1]
    if not known:
        return [_without_interval(column) for column in columns]
    scattered = [one for one in known if one[0] > SAME] or known
    pooled = math.sqrt(np.mean([spread**2 for spread, _ in scattered]))
    freedom = float(np.mean([n for _, n in scattered])) * max(1.0, (sides - 1) / 2)
    reach = _reach(sides, freedom, error)
    return [
        _ratio(float(column.mean()), max(spread, pooled), reach / math.sqrt(len(column)))
        if len(column) > 1
        else _without_interval(column)
        for column, spread in zip(columns, spreads, strict=True)
    ]


def unpaired_ratio(a: Sequence[float], b: Sequence[float], error: float = ERROR) -> Ratio:
    """Of sides that were not measured together, from the logarithm of each observation: Welch's interval."""
    if not a or not b:
        return Ratio(None, doubt=NOTHING)
    value = math.exp(np.mean(b) - np.mean(a))
    if min(len(a), len(b)) < 2:
        return Ratio(value, doubt=ONE_RUN)
    if max(np.std(a, ddof=1), np.std(b, ddof=1)) < SAME:
        return Ratio(value, doubt=EQUAL)
    from scipy import stats  # imported where it is asked for: it takes half a second, and few reports do

    interval = stats.ttest_ind(b, a, equal_var=False).confidence_interval(1 - error)
    return Ratio(value, (math.exp(interval.low), math.exp(interval.high)))


def _without_interval(column: Floats) -> Ratio:
    return Ratio(math.exp(column.mean()), doubt=ONE_RUN) if len(column) else Ratio(None, doubt=NOTHING)


def _ratio(difference: float, spread: float, reach: float) -> Ratio:
    """`reach` in spreads of one observation."""
    if spread < SAME:
        return Ratio(math.exp(difference), doubt=EQUAL)
    interval = math.exp(difference - reach * spread), math.exp(difference + reach * spread)
    return Ratio(math.exp(difference), interval)


@lru_cache
def _reach(sides: int, freedom: float, error: float) -> float:
    """How many standard errors an interval reaches to each side."""
    if sides == 2:
        return float(stdtrit(freedom, 1 - error / 2))
    from scipy import stats  # as above

    return float(stats.studentized_range.ppf(1 - error, sides, freedom)) / math.sqrt(2)
