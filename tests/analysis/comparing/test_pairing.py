"""What a ratio is an observation of: a step's, a trial's, a campaign's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.pairing import NO_FIGURE, ONE_CAMPAIGN, Figures, Pair, common_campaigns, pairs
from gatebench.analysis.comparing.ratio import NOTHING, ONE_RUN, paired_ratios, unpaired_ratio
from gatebench.analysis.comparing.sides import Side, given_sides, sides_of
from gatebench.records import Trial
from tests.analysis.comparing.test_ratio import column
from tests.analysis.synthetic import ASGI, Recorded, requests, step

Analysed = Callable[..., AnalysedRun]

NAN = math.nan

DAPHNE = {"interface": "asgi", "server": "daphne", "label": "ASGI daphne"}
SERVERS = {"A": {}, "B": ASGI, "C": DAPHNE}


@pytest.fixture
def runs_of(analysed: Analysed) -> Callable[[str], list[AnalysedRun]]:
    """Runs from words such as `oneA1`: campaign, side and trial; `A1` is a run by itself."""

    def make(words: str) -> list[AnalysedRun]:
        found = []
        for word in words.split():
            campaign, side, number = word[:-2], word[-2], int(word[-1])
            run = {"trial": Trial(campaign, number, side) if campaign else None}
            found.append(analysed(Recorded(requests(1, ok=1), [step(1)], run=run, config=SERVERS[side]), word))
        return found

    return make


RunsOf = Callable[[str], list[AnalysedRun]]


def figures(values: Mapping[str, float | Mapping[int, float]]) -> Figures:
    """By run, as its word has it; by users too where it has several."""

    def of(run: AnalysedRun) -> Mapping[int, float]:
        value = values.get(run.folder.path.name, {})
        return value if isinstance(value, Mapping) else {0: value}

    return of


def only(sides: list[Side], values: Mapping[str, float | Mapping[int, float]]) -> Pair:
    (pair,) = pairs(sides, figures(values))
    return pair


def test_within_one_campaign_each_trial_is_an_observation(runs_of: RunsOf) -> None:
    values = {"oneA1": 100, "oneB1": 190, "oneA2": 200, "oneB2": 400, "oneA3": 50, "oneB3": 105}
    pair = only(sides_of(runs_of(" ".join(values))), values)
    assert pair.ratio.interval == pytest.approx(paired_ratios(column(1.9, 2.0, 2.1), 2)[0].interval)
    assert (pair.campaigns, pair.trials, pair.apart) == (1, 3, "")


def test_of_several_campaigns_each_is_one_observation(runs_of: RunsOf) -> None:
    """Of however many trials: 2.0 and 2.2 in the first, 3.0 in the second, 2.5 in the third."""
    values = {"oneA1": 100, "oneB1": 200, "oneA2": 100, "oneB2": 220, "twoA1": 100, "twoB1": 300}
    values |= {"sixA1": 100, "sixB1": 250}
    pair = only(sides_of(runs_of(" ".join(values))), values)
    expected = paired_ratios(column(math.sqrt(2.0 * 2.2), 3.0, 2.5), 2)[0]
    assert pair.ratio.value == pytest.approx(expected.value)
    assert pair.ratio.interval == pytest.approx(expected.interval)
    assert (pair.campaigns, pair.trials) == (3, 4)


def test_a_trial_compares_the_steps_that_are_valid_on_both_sides(runs_of: RunsOf) -> None:
    values = {
        "oneA1": {300: 100.0, 400: 100.0, 500: 7.0},
        "oneB1": {300: 200.0, 400: 300.0, 600: 9.0},
        "oneA2": {300: 100.0},
        "oneB2": {300: 250.0},
    }
    pair = only(sides_of(runs_of(" ".join(values))), values)
    assert pair.ratio.value == pytest.approx(math.sqrt(math.sqrt(2.0 * 3.0) * 2.5))


def test_a_trial_of_which_one_run_is_not_valid_takes_no_part(runs_of: RunsOf) -> None:
    values = {"oneA1": 100, "oneB1": 200, "oneA2": 100, "oneB2": 210, "oneA3": 1, "oneB3": {}}
    pair = only(sides_of(runs_of(" ".join(values))), values)
    assert pair.ratio.value == pytest.approx(math.sqrt(2.0 * 2.1))
    assert pair.trials == 2


def test_a_campaign_of_one_side_takes_no_part_beside_one_of_both(runs_of: RunsOf) -> None:
    values = {"oneA1": 100, "oneB1": 200, "oneA2": 100, "oneB2": 210, "twoA1": 9, "sixB1": 1, "A4": 5}
    sides = sides_of(runs_of(" ".join(values)))
    assert common_campaigns(sides) == ["one"]
    pair = only(sides, values)
    assert pair.ratio.value == pytest.approx(math.sqrt(2.0 * 2.1))
    assert (pair.campaigns, pair.trials) == (1, 2)


def test_sides_that_no_campaign_has_both_of_are_compared_by_campaign(runs_of: RunsOf) -> None:
    values = {"oneA1": 90, "oneA2": 110, "twoA1": 120, "sixB1": 200, "tenB1": 240, "tenB2": 200}
    pair = only(sides_of(runs_of(" ".join(values))), values)
    logs_a = [math.log(90 * 110) / 2, math.log(120)]
    logs_b = [math.log(200), math.log(240 * 200) / 2]
    assert pair.ratio.interval == pytest.approx(unpaired_ratio(logs_a, logs_b).interval)
    assert (pair.campaigns, pair.apart) == (0, "2 and 2 campaigns")


def test_one_campaign_each_proves_nothing_however_many_trials_it_has(runs_of: RunsOf) -> None:
    values = {"oneA1": 90, "oneA2": 110, "twoB1": 200, "twoB2": 210}
    pair = only(sides_of(runs_of(" ".join(values))), values)
    assert (pair.ratio.interval, pair.ratio.doubt) == (None, ONE_CAMPAIGN)


def test_runs_by_themselves_are_observations_of_their_own(runs_of: RunsOf) -> None:
    values = {"A1": 100, "A2": 110, "B1": 200, "B2": 210, "B3": 220}
    runs = runs_of(" ".join(values))
    pair = only(given_sides(runs[:2], runs[2:]), values)
    assert pair.ratio.interval == pytest.approx(
        unpaired_ratio([math.log(n) for n in (100, 110)], [math.log(n) for n in (200, 210, 220)]).interval
    )
    assert (pair.trials, pair.apart) == (2, "2 and 3 runs")


def test_without_pairs_only_steps_that_every_run_has_are_compared(runs_of: RunsOf) -> None:
    values = {"A1": {300: 100.0, 400: 1.0}, "A2": {300: 100.0}, "B1": {300: 200.0, 400: 7.0}, "B2": {300: 200.0}}
    assert only(sides_of(runs_of(" ".join(values))), values).ratio.value == pytest.approx(2.0)


@pytest.mark.parametrize("figure", [0.0, NAN, math.inf])
def test_a_figure_that_is_missing_or_zero_gives_no_ratio(runs_of: RunsOf, figure: float) -> None:
    values = {"oneA1": 100, "oneB1": figure, "oneA2": 100, "oneB2": 210}
    pair = only(sides_of(runs_of(" ".join(values))), values)
    assert (pair.ratio.value, pair.ratio.doubt) == (None, NO_FIGURE)


def test_without_any_figure_there_is_no_ratio(runs_of: RunsOf) -> None:
    assert only(sides_of(runs_of("oneA1 oneB1")), {}).ratio.doubt == NOTHING
    assert only(sides_of(runs_of("A2 B2")), {}).ratio.doubt == NOTHING


def test_of_three_sides_each_pair_has_its_own_trials(runs_of: RunsOf) -> None:
    """C misses the second trial, and is compared by the first and the third."""
    values = {"oneA1": 100, "oneB1": 200, "oneC1": 300, "oneA2": 100, "oneB2": 210}
    values |= {"oneA3": 100, "oneB3": 190, "oneC3": 330}
    found = pairs(sides_of(runs_of(" ".join(values))), figures(values))
    assert [(pair.a.name + pair.b.name, pair.trials) for pair in found] == [("AB", 3), ("AC", 2), ("BC", 2)]
    assert found[1].ratio.value == pytest.approx(math.sqrt(3.0 * 3.3))
    assert all(pair.ratio.interval for pair in found)


def test_of_three_sides_two_that_share_no_trial_are_not_compared(runs_of: RunsOf) -> None:
    values = {"oneA1": 100, "oneB1": 200, "oneA2": 100, "oneB2": 210, "twoB1": 100, "twoC1": 150}
    values |= {"sixA1": 100, "sixB1": 205, "tenB1": 100, "tenC1": 160}
    found = {pair.a.name + pair.b.name: pair for pair in pairs(sides_of(runs_of(" ".join(values))), figures(values))}
    assert (found["AB"].campaigns, found["BC"].campaigns, found["AC"].ratio.doubt) == (2, 2, NOTHING)


def test_of_three_sides_apart_the_pairs_share_the_error(runs_of: RunsOf) -> None:
    values = {"A1": 100, "A2": 110, "B1": 200, "B2": 210, "C1": 300, "C2": 310}
    first, *_ = pairs(sides_of(runs_of(" ".join(values))), figures(values))
    logs = ([math.log(n) for n in (100, 110)], [math.log(n) for n in (200, 210)])
    assert first.ratio.interval == pytest.approx(unpaired_ratio(*logs, error=0.05 / 3).interval)


def test_one_run_a_side_proves_nothing(runs_of: RunsOf) -> None:
    assert only(sides_of(runs_of("oneA1 oneB1")), {"oneA1": 100, "oneB1": 200}).ratio.doubt == ONE_RUN
    assert only(sides_of(runs_of("A1 B1")), {"A1": 100, "B1": 200}).ratio.doubt == ONE_RUN
