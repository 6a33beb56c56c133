"""How many times as much one side has as the other, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

LEVEL = 0.95
"""An interval covers the true ratio in this share of experiments: tests/analysis/comparing/test_ratio.py holds it."""

SAME = 0.001
"""Trials whose ratios spread by less than a thousandth are equal but for rounding: no machine is that steady, and few
requests often give the same count. An interval made of that would look sure and know nothing.
"""

ONE_RUN = "one run a side proves nothing, TRIALS=5 says how sure it is"


@dataclass(frozen=True, slots=True)
class Ratio:
    """B over A. `value` is None where a figure is missing or zero; where there is no interval, `doubt` says why."""

    value: float | None
    interval: tuple[float, float] | None
    trials: int  # pairs; or runs of the side that has fewer
    paired: bool
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


def paired_ratio(a: Sequence[float], b: Sequence[float]) -> Ratio:
    """Of runs made one right after the other: the mean of the log ratios with Student's t, transformed back.

    What the runs of a pair share, such as a slow hour of the machine, falls out of their ratio. A plain bootstrap of
    five pairs promises 95 % and covers in 83.
    """
    logs = _logs(a, b)
    if logs is None:
        return _none(len(a), paired=True)
    differences = logs[1] - logs[0]
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    n = len(differences)
    return _ratio(float(differences.mean()), spread, spread / math.sqrt(n), n - 1, n, paired=True)


def unpaired_ratio(a: Sequence[float], b: Sequence[float]) -> Ratio:
    """Of runs that were made at any time: Welch's interval of the difference of the mean logs, transformed back."""
    logs = _logs(a, b)
    trials = min(len(a), len(b))
    if logs is None:
        return _none(trials, paired=False)
    difference = float(logs[1].mean() - logs[0].mean())
    if trials < 2:
        return _ratio(difference, 0.0, 0.0, 0, trials, paired=False)
    variances = [float(one.var(ddof=1)) for one in logs]
    parts = [variance / len(one) for variance, one in zip(variances, logs, strict=True)]
    shares = sum(part**2 / (len(one) - 1) for part, one in zip(parts, logs, strict=True))
    freedom = sum(parts) ** 2 / shares if shares else 0
    return _ratio(difference, math.sqrt(max(variances)), math.sqrt(sum(parts)), freedom, trials, paired=False)


def _ratio(difference: float, spread: float, error: float, freedom: float, trials: int, paired: bool) -> Ratio:
    """From logarithms: the difference of their means, the spread of trials, the standard error and its freedom."""
    value = math.exp(difference)
    if trials < 2:
        return Ratio(value, None, trials, paired, ONE_RUN)
    if spread < SAME:
        return Ratio(value, None, trials, paired, f"{trials} trials gave the same figures, which gives no interval")
    reach = float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
    return Ratio(value, (math.exp(difference - reach), math.exp(difference + reach)), trials, paired)


def _none(trials: int, paired: bool) -> Ratio:
    return Ratio(None, None, trials, paired, "a figure is missing or zero: no ratio")


def _logs(a: Sequence[float], b: Sequence[float]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """None where a logarithm has no meaning."""
    first, second = np.asarray(a, float), np.asarray(b, float)
    both = np.concatenate([first, second])
    if not len(first) or not len(second) or not (np.isfinite(both) & (both > 0)).all():
        return None
    return np.log(first), np.log(second)
