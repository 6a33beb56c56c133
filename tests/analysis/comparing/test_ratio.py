"""A ratio with its interval keeps its promise at few trials, and says when it cannot make one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gatebench.analysis.comparing.ratio import ONE_RUN, Ratio, paired_ratio, unpaired_ratio

EXPERIMENTS, TRIALS = 2000, 5
SEED = 1
"""Chosen before any result was seen."""

CHANCE = 0.01
"""2,000 experiments leave a share of 5 % a standard error of 0.5 %: this is two of them."""


@dataclass(frozen=True)
class Experiments:
    """Figures of both sides: a row an experiment, a column a trial."""

    a: np.ndarray[Any, Any]
    b: np.ndarray[Any, Any]
    truth: float


def experiments(truth: float, heavy_tails: bool = False, pairs: bool = True) -> Experiments:
    """Each with a noise of its own, 5 to 15 % a run, and a drift of 20 % that the two runs of a pair share."""
    random = np.random.default_rng(SEED)
    shape = (EXPERIMENTS, TRIALS)
    sd = random.uniform(0.05, 0.15, (EXPERIMENTS, 1))
    drift = random.normal(0, 0.2, shape)
    drift_b = drift if pairs else random.normal(0, 0.2, shape)

    def noise() -> np.ndarray[Any, Any]:
        # Student's t with 4 degrees of freedom has a variance of 2.
        return sd * (random.standard_t(4, shape) / math.sqrt(2) if heavy_tails else random.normal(size=shape))

    a = 400 * np.exp(drift + noise())
    return Experiments(a, 400 * truth * np.exp(drift_b + noise()), truth)


def coverage(of: Experiments, method: Any) -> float:
    """The share of experiments whose interval covers the truth."""
    intervals = [method(a, b).interval for a, b in zip(of.a, of.b, strict=True)]
    return sum(low <= of.truth <= high for low, high in intervals) / EXPERIMENTS


def bootstrap_coverage(of: Experiments) -> float:
    """Of the plain percentile bootstrap of the pairs' log ratios."""
    random = np.random.default_rng(SEED)
    logs = np.log(of.b / of.a)
    means = logs[:, random.integers(0, TRIALS, (1000, TRIALS))].mean(axis=2)
    low, high = np.percentile(means, [2.5, 97.5], axis=1)
    return float(((low <= math.log(of.truth)) & (math.log(of.truth) <= high)).mean())


@pytest.mark.parametrize("truth", [1.0, 1.1, 1.9])
def test_an_interval_of_five_pairs_covers_in_93_to_97_of_a_hundred(truth: float) -> None:
    assert 0.93 <= coverage(experiments(truth), paired_ratio) <= 0.97


def test_an_interval_of_runs_that_are_no_pairs_does_too() -> None:
    assert 0.93 <= coverage(experiments(1.9, pairs=False), unpaired_ratio) <= 0.97


def test_heavier_tails_make_it_wider_and_not_wrong() -> None:
    assert 0.93 <= coverage(experiments(1.1, heavy_tails=True), paired_ratio) <= 0.985


def test_equal_sides_are_told_apart_by_mistake_in_five_of_a_hundred() -> None:
    """Student's t is exact for this noise, so exactly 5 % are expected; the rest is what chance allows."""
    equal = experiments(1.0)
    mistaken = sum(paired_ratio(a, b).clear for a, b in zip(equal.a, equal.b, strict=True)) / EXPERIMENTS
    assert mistaken <= 0.05 + CHANCE


def test_a_plain_bootstrap_of_five_does_not_keep_its_promise() -> None:
    assert bootstrap_coverage(experiments(1.9)) < 0.93


def test_pairs_shed_the_drift_that_unpaired_runs_keep() -> None:
    drifting = experiments(1.1)

    def found(method: Any) -> float:
        return sum(method(a, b).clear for a, b in zip(drifting.a, drifting.b, strict=True)) / EXPERIMENTS

    assert found(paired_ratio) > 1.5 * found(unpaired_ratio)


def test_three_pairs_by_hand() -> None:
    """Ratios 1.9, 2.0 and 2.1: mean log 0.692313, deviation 0.050047, Student's t of 2 degrees 4.302653."""
    ratio = paired_ratio([100, 200, 50], [190, 400, 105])
    assert ratio.value == pytest.approx(1.998332, rel=1e-6)
    reach = math.exp(4.302653 * 0.050047 / math.sqrt(3))
    assert ratio.interval == pytest.approx((ratio.value / reach, ratio.value * reach), rel=1e-4)
    assert (ratio.trials, ratio.paired, ratio.clear, ratio.doubt) == (3, True, True, None)


def test_a_ratio_turned_round_is_that_of_the_other_way_round() -> None:
    there, back = paired_ratio([1, 2, 3], [2, 3, 5]), paired_ratio([2, 3, 5], [1, 2, 3])
    turned = back.inverted()
    assert turned.value == pytest.approx(there.value)
    assert turned.interval == pytest.approx(there.interval)


@pytest.mark.parametrize("method", [paired_ratio, unpaired_ratio])
@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([2.0], [3.0], Ratio(1.5, None, 1, True, ONE_RUN)),
        ([2.0] * 3, [3.0] * 3, Ratio(1.5, None, 3, True, "3 trials gave the same figures, which gives no interval")),
        ([2.0, 0.0], [3.0, 3.0], Ratio(None, None, 2, True, "a figure is missing or zero: no ratio")),
        ([2.0, math.nan], [3.0, 3.0], Ratio(None, None, 2, True, "a figure is missing or zero: no ratio")),
        ([], [], Ratio(None, None, 0, True, "a figure is missing or zero: no ratio")),
    ],
    ids=["one run", "no spread", "zero", "missing", "none"],
)
def test_without_grounds_there_is_no_interval(method: Any, a: list[float], b: list[float], expected: Ratio) -> None:
    ratio = method(a, b)
    assert ratio.value == (None if expected.value is None else pytest.approx(expected.value))
    assert (ratio.interval, ratio.trials, ratio.doubt) == (None, expected.trials, expected.doubt)
    assert not ratio.clear


def test_one_run_against_five_gives_no_interval() -> None:
    assert unpaired_ratio([2.0], [3.0, 3.1, 3.2, 2.9, 3.0]).doubt == ONE_RUN
