"""A ratio with its interval keeps its promise at few trials and few campaigns, and says when it cannot make one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gatebench.analysis.comparing.ratio import EQUAL, NOTHING, ONE_RUN, Ratio, paired_ratios, unpaired_ratio

Floats = np.ndarray[Any, Any]

EXPERIMENTS, TRIALS = 2000, 5
SEED = 1
"""Chosen before any result was seen."""

CHANCE = 0.01
"""2,000 experiments leave a share of 5 % a standard error of 0.5 %: this is two of them."""

DRIFT = 0.2
"""What the runs of a trial share, a slow hour of the machine: it falls out of their ratio."""


def logs_of_trials(random: np.random.Generator, sides: int, trials: int = TRIALS, heavy_tails: bool = False) -> Floats:
    """Of equal sides, one campaign an experiment: logs by experiment, trial and side. Each side has a noise of its own,
    5 to 15 % a run.
    """
    sd = random.uniform(0.05, 0.15, (EXPERIMENTS, 1, sides))
    shape = (EXPERIMENTS, trials, sides)
    # Student's t with 4 degrees of freedom has a variance of 2.
    noise = random.standard_t(4, shape) / math.sqrt(2) if heavy_tails else random.normal(size=shape)
    return random.normal(0, DRIFT, (EXPERIMENTS, trials, 1)) + sd * noise


def logs_of_campaigns(
    random: np.random.Generator, sides: int, campaigns: int, wander: tuple[float, float] = (0.05, 0.2)
) -> Floats:
    """Of sides that are equal on the whole: logs by experiment, campaign and side, the mean of five trials each. In a
    campaign the true ratio of two sides is another: by 5 to 20 %, as far as `wander` says.
    """
    truth = random.uniform(*wander, (EXPERIMENTS, 1, 1)) / math.sqrt(2)  # of a side: a ratio has two
    trials = [logs_of_trials(random, sides).mean(axis=1) for _ in range(campaigns)]
    return np.stack(trials, axis=1) + truth * random.normal(size=(EXPERIMENTS, campaigns, sides))


def ratios(logs: Floats) -> list[Ratio]:
    """Of one experiment, by observation and side."""
    sides = logs.shape[1]
    return paired_ratios(np.column_stack([logs[:, j] - logs[:, i] for i, j in combinations(range(sides), 2)]), sides)


def false_winners(experiments: Floats) -> float:
    """The share of experiments in which any of the equal sides is called better than another. Of two sides, what is
    left of 1 is the coverage.
    """
    return sum(any(ratio.clear for ratio in ratios(logs)) for logs in experiments) / len(experiments)


def coverage(experiments: Floats) -> float:
    return 1 - false_winners(experiments)


@pytest.mark.parametrize("truth", [1.0, 1.1, 1.9])
def test_an_interval_of_five_trials_covers_that_campaign_s_ratio_in_93_to_97_of_a_hundred(truth: float) -> None:
    logs = logs_of_trials(np.random.default_rng(SEED), sides=2)
    logs[:, :, 1] += math.log(truth)
    intervals = [one.interval for (one,) in map(ratios, logs)]
    covered = sum(interval is not None and interval[0] <= truth <= interval[1] for interval in intervals)
    assert 0.93 <= covered / EXPERIMENTS <= 0.97


@pytest.mark.parametrize("campaigns", [3, 4, 5])
def test_an_interval_over_campaigns_that_differ_covers_in_93_to_97_of_a_hundred(campaigns: int) -> None:
    assert 0.93 <= coverage(logs_of_campaigns(np.random.default_rng(SEED), 2, campaigns)) <= 0.97


@pytest.mark.parametrize(("wander", "covers"), [(0.05, 0.90), (0.1, 0.79), (0.2, 0.56)])
def test_an_interval_of_one_campaign_does_not_hold_beyond_it(wander: float, covers: float) -> None:
    """That trials agree says nothing of the next campaign: where true ratios differ by 5, 10 or 20 %, intervals that
    promise 95 % cover in 90, 79 and 56 of a hundred.
    """
    random = np.random.default_rng(SEED)
    logs = logs_of_trials(random, sides=2)
    logs[:, :, 1] += wander * random.normal(size=(EXPERIMENTS, 1))
    assert coverage(logs) == pytest.approx(covers, abs=0.02)


def test_heavier_tails_make_it_wider_and_not_wrong() -> None:
    assert 0.93 <= coverage(logs_of_trials(np.random.default_rng(SEED), 2, heavy_tails=True)) <= 0.985


@pytest.mark.parametrize("trials", [3, 5])
def test_among_four_equal_sides_of_a_campaign_a_false_winner_is_called_in_five_of_a_hundred_at_most(
    trials: int,
) -> None:
    assert false_winners(logs_of_trials(np.random.default_rng(SEED), 4, trials)) <= 0.05


@pytest.mark.whole
@pytest.mark.parametrize("campaigns", [2, 3, 5])
def test_among_four_equal_sides_of_several_campaigns_neither(campaigns: int) -> None:
    assert false_winners(logs_of_campaigns(np.random.default_rng(SEED), 4, campaigns)) <= 0.05


@pytest.mark.whole
@pytest.mark.parametrize("noisy", [1, 2, 3])
@pytest.mark.parametrize("observations", [3, 5])
def test_nor_where_some_sides_are_three_times_as_noisy(noisy: int, observations: int) -> None:
    random = np.random.default_rng(SEED)
    sd = np.where(np.arange(4) < noisy, 0.15, 0.05)
    logs = sd * random.normal(size=(EXPERIMENTS, observations, 4))
    assert false_winners(logs) <= 0.05


@pytest.mark.whole
def test_nor_where_trials_are_missing() -> None:
    random = np.random.default_rng(SEED)
    logs = logs_of_trials(random, 4)
    logs[random.random(logs.shape) < 0.2] = np.nan
    assert false_winners(logs) <= 0.05


def test_tukey_s_own_rule_would_not_hold_there() -> None:
    """With the spread pooled at its full freedom: the noisy side is told from the others in 7 of 100 or more."""
    random = np.random.default_rng(SEED)
    logs = np.array([0.15, 0.05, 0.05, 0.05]) * random.normal(size=(EXPERIMENTS, 5, 4))
    residual = logs - logs.mean(1, keepdims=True) - logs.mean(2, keepdims=True) + logs.mean((1, 2), keepdims=True)
    error = np.sqrt((residual**2).sum((1, 2)) / 12 / 5)
    apart = np.ptp(logs.mean(axis=1), axis=1)
    assert (apart > stats.studentized_range.ppf(0.95, 4, 12) * error).mean() >= 0.07


def test_pairs_by_themselves_would_call_a_false_winner_in_every_fifth_ranking() -> None:
    equal = logs_of_trials(np.random.default_rng(SEED), sides=4)
    called = [
        any(paired_ratios(logs[:, [j]] - logs[:, [i]], 2)[0].clear for i, j in combinations(range(4), 2))
        for logs in equal
    ]
    assert 0.18 <= np.mean(called) <= 0.28


@pytest.mark.whole
@pytest.mark.parametrize(("campaigns", "found"), [(3, 0.65), (5, 0.95)])
def test_a_side_that_is_a_third_better_is_found_among_four(campaigns: int, found: float) -> None:
    """Where each side wanders by 5 % from campaign to campaign. Bonferroni's rule finds it in three of ten of three."""
    random = np.random.default_rng(SEED)
    logs = 0.05 * random.normal(size=(EXPERIMENTS, campaigns, 4)) + [0, 0, 0, math.log(4 / 3)]
    with_last = [n for n, (_, j) in enumerate(combinations(range(4), 2)) if j == 3]
    assert np.mean([ratios(one)[n].clear for one in logs for n in with_last]) >= found


@pytest.mark.whole
def test_unpaired_campaigns_cover_too() -> None:
    random = np.random.default_rng(SEED)
    of_a, of_b = (logs_of_campaigns(random, 2, 5)[:, :, 0] for _ in "ab")
    found = [unpaired_ratio(a.tolist(), b.tolist()) for a, b in zip(of_a, of_b, strict=True)]
    assert 0.93 <= 1 - sum(ratio.clear for ratio in found) / EXPERIMENTS <= 0.97


def test_a_plain_bootstrap_of_five_does_not_keep_its_promise() -> None:
    random = np.random.default_rng(SEED)
    logs = logs_of_trials(random, sides=2)
    differences = logs[:, :, 1] - logs[:, :, 0]
    means = differences[:, random.integers(0, TRIALS, (1000, TRIALS))].mean(axis=2)
    low, high = np.percentile(means, [2.5, 97.5], axis=1)
    assert ((low <= 0) & (high >= 0)).mean() < 0.93


def column(*figures: float) -> Floats:
    """Ratios of one pair."""
    return np.log(np.array(figures))[:, None]


def test_three_pairs_by_hand() -> None:
    """Ratios 1.9, 2.0 and 2.1: mean log 0.692313, deviation 0.050047, Student's t of 2 degrees 4.302653."""
    (ratio,) = paired_ratios(column(1.9, 2.0, 2.1), 2)
    assert ratio.value == pytest.approx(1.998332, rel=1e-6)
    reach = math.exp(4.302653 * 0.050047 / math.sqrt(3))
    assert ratio.interval == pytest.approx((ratio.value / reach, ratio.value * reach), rel=1e-4)
    assert (ratio.clear, ratio.doubt) == (True, None)


def test_two_campaigns_give_a_wide_interval() -> None:
    """Student's t of one degree is 12.7062: ratios 2.0 and 2.2 might be anything from 1.14 to 3.85."""
    (ratio,) = paired_ratios(column(2.0, 2.2), 2)
    assert ratio.interval == pytest.approx((1.1450, 3.8429), rel=1e-3)


def test_three_sides_by_hand() -> None:
    """Two campaigns, log ratios of A to B 0.10 and 0.20, to C 0.30 and 0.60, of B to C the difference. The spreads are
    0.0707, 0.2121 and 0.1414, pooled 0.1528; the studentized range of 3 sides at one degree is 26.976.
    """
    first, second, third = paired_ratios(np.array([[0.1, 0.3, 0.2], [0.2, 0.6, 0.4]]), 3)
    reach = 26.976 / math.sqrt(2) / math.sqrt(2)
    assert first.interval == pytest.approx(tuple(np.exp(0.15 + np.array([-1, 1]) * reach * 0.152753)), rel=1e-3)
    assert second.interval == pytest.approx(tuple(np.exp(0.45 + np.array([-1, 1]) * reach * 0.212132)), rel=1e-3)
    assert third.value == pytest.approx(math.exp(0.3))


def test_a_larger_share_of_the_error_makes_it_narrower() -> None:
    (wide,), (narrow,) = (paired_ratios(column(1.9, 2.0, 2.1), 2, error) for error in (0.025, 0.05))
    assert wide.interval is not None
    assert narrow.interval is not None
    assert wide.interval[0] < narrow.interval[0] < narrow.interval[1] < wide.interval[1]


def test_a_ratio_turned_round_is_that_of_the_other_way_round() -> None:
    (there,), (back,) = paired_ratios(column(2, 1.5, 1.7), 2), paired_ratios(1 * -column(2, 1.5, 1.7), 2)
    assert back.inverted().value == pytest.approx(there.value)
    assert back.inverted().interval == pytest.approx(there.interval)


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ([1.5], Ratio(1.5, None, ONE_RUN)),
        ([1.5, math.nan], Ratio(1.5, None, ONE_RUN)),
        ([1.5, 1.5, 1.5], Ratio(1.5, None, EQUAL)),
        ([math.nan], Ratio(None, None, NOTHING)),
        ([], Ratio(None, None, NOTHING)),
    ],
    ids=["one", "one of two", "no spread", "missing", "none"],
)
def test_without_grounds_there_is_no_interval(figures: list[float], expected: Ratio) -> None:
    (ratio,) = paired_ratios(column(*figures), 2)
    assert ratio.value == (None if expected.value is None else pytest.approx(expected.value))
    assert (ratio.interval, ratio.doubt, ratio.clear) == (None, expected.doubt, False)


def test_a_side_that_was_tried_once_leaves_the_others_their_intervals() -> None:
    random = np.random.default_rng(SEED)
    logs = random.normal(size=(5, 3))
    logs[1:, 2] = np.nan
    first, *others = ratios(logs)
    assert first.interval is not None
    assert [one.doubt for one in others] == [ONE_RUN, ONE_RUN]


@pytest.mark.parametrize(
    ("a", "b", "doubt"),
    [([0.7], [1.1, 1.2], ONE_RUN), ([0.7] * 3, [1.1] * 3, EQUAL), ([], [1.1], NOTHING)],
)
def test_nor_where_the_sides_were_not_measured_together(a: Sequence[float], b: Sequence[float], doubt: str) -> None:
    ratio = unpaired_ratio(a, b)
    assert (ratio.interval, ratio.doubt) == (None, doubt)


def test_welch_s_interval_by_hand() -> None:
    """Logs 0, 0.1 against 0.5, 0.6, 0.7: a difference of 0.55, errors 0.05 and 0.057735, 2.882 degrees, t 3.2573."""
    ratio = unpaired_ratio([0.0, 0.1], [0.5, 0.6, 0.7])
    reach = 3.2573 * math.hypot(0.05, 0.057735)
    assert ratio.interval == pytest.approx((math.exp(0.55 - reach), math.exp(0.55 + reach)), rel=1e-4)
