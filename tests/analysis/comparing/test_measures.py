"""What sides are compared by: at which steps they are saturated, and what is said where they are not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.measures import CAPACITY, CPU, THROUGHPUT, Measure, measures, saturated_users
from gatebench.analysis.comparing.pairing import pairs
from gatebench.analysis.comparing.sides import Side, sides_of
from gatebench.records import Step, Trial
from tests.analysis.synthetic import ASGI, WORKLOAD, Recorded, requests, served, step

Analysed = OneTrial = Callable[..., AnalysedRun]


@pytest.fixture
def trial(analysed: Analysed) -> OneTrial:
    """A run of side A (WSGI) or B (ASGI): by users, the requests/s of its server. A round is one request; 20 users ask
    for 13.3 a second when answers take no time, 40 for 26.7.
    """

    def make(word: str, rps: Mapping[int, float], workload: bool = True, **changes: object) -> AnalysedRun:
        campaign, side, number = word[:-2], word[-2], int(word[-1])
        rows = [row for n, (users, each) in enumerate(rps.items(), start=1) for row in served(n, users, each)]
        steps: list[Step] = [step(n, users=users) for n, users in enumerate(rps, start=1)]
        config = (ASGI if side == "B" else {}) | ({"workload": WORKLOAD} if workload else {})
        run = {"trial": Trial(campaign, number, side)} | changes
        return analysed(Recorded(rows, steps, run=run, config=config), word)

    return make


def first(sides: list[Side]) -> Measure:
    return measures(sides)[0]


def ratio_of(sides: list[Side], name: str) -> float | None:
    (measure,) = (one for one in measures(sides) if one.name == name)
    (pair,) = pairs(sides, measure.figures)
    return pair.ratio.value


def test_a_step_is_one_of_saturation_where_every_side_serves_a_fifth_less_than_it_is_asked_for(trial: OneTrial) -> None:
    fast = {20: 13.0, 40: 20.0, 60: 20.0}  # of 13.3, 26.7 and 40
    slow = {20: 10.0, 40: 10.0, 60: 10.0}
    sides = sides_of([trial("oneA1", fast), trial("oneB1", slow)])
    assert saturated_users(sides) == {"one": frozenset({40, 60})}
    assert first(sides).name == THROUGHPUT
    assert first(sides).says.format("A", 2, "B") == (
        "A served 2 times the requests/s of B at saturation (40 to 60 users)"
    )
    assert ratio_of(sides, THROUGHPUT) == pytest.approx(0.5)


def test_most_trials_of_a_side_decide_whether_it_is_saturated(trial: OneTrial) -> None:
    runs = [trial(f"oneA{n}", {20: rps}) for n, rps in enumerate((10.0, 10.5, 13.0), start=1)]
    runs += [trial(f"oneB{n}", {20: 8.0}) for n in (1, 2, 3)]
    assert saturated_users(sides_of(runs)) == {"one": frozenset({20})}


def test_every_campaign_has_its_own_steps_of_saturation(trial: OneTrial) -> None:
    """A faster machine is saturated later; its ratio at saturation is an observation like any other."""
    runs = [trial("oneA1", {20: 10.0, 40: 10.0}), trial("oneB1", {20: 5.0, 40: 5.0})]
    runs += [trial("twoA1", {20: 13.0, 40: 20.0}), trial("twoB1", {20: 8.0, 40: 8.0})]
    sides = sides_of(runs)
    assert saturated_users(sides) == {"one": frozenset({20, 40}), "two": frozenset({40})}
    assert ratio_of(sides, THROUGHPUT) == pytest.approx(math.sqrt(0.5 * 0.4))


def test_a_campaign_that_was_nowhere_saturated_takes_no_part_and_that_is_said(trial: OneTrial) -> None:
    runs = [trial("oneA1", {20: 10.0}), trial("oneB1", {20: 5.0})]
    runs += [trial("twoA1", {20: 13.0}), trial("twoB1", {20: 13.0})]
    sides = sides_of(runs)
    assert ratio_of(sides, THROUGHPUT) == pytest.approx(0.5)
    assert first(sides).why == ("1 of 2 campaigns take no part: at none of their steps were all sides saturated.")


def test_a_step_that_is_not_valid_is_none_of_saturation(trial: OneTrial) -> None:
    a, b = trial("oneA1", {20: 10.0, 40: 10.0}), trial("oneB1", {20: 5.0, 40: 5.0})
    b = replace(b, validity=b.validity.assign(valid=b.validity["users"] == 20))
    assert saturated_users(sides_of([a, b])) == {"one": frozenset({20})}


def test_sides_that_are_not_saturated_are_compared_at_the_most_users_and_that_is_said(trial: OneTrial) -> None:
    sides = sides_of([trial("oneA1", {20: 13.0, 40: 26.0}), trial("oneB1", {20: 12.0, 40: 13.0})])
    measure = first(sides)
    assert (measure.name, measure.users) == ("rps", 40)
    assert measure.why == (
        "Not saturated: at no step were all sides asked for clearly more than they served, so requests/s at 40 users "
        "decide. More USERS would show which serves more."
    )
    assert ratio_of(sides, "rps") == pytest.approx(0.5)


def test_runs_that_do_not_say_what_a_round_is_are_compared_at_the_most_users(trial: OneTrial) -> None:
    runs = [trial("oneA1", {20: 10.0}, workload=False), trial("oneB1", {20: 5.0}, workload=False)]
    assert first(sides_of(runs)).why == (
        "Requests/s at 20 users decide: these runs do not record what a round is, and so not what saturates."
    )


def test_the_most_users_are_those_at_which_every_run_is_valid_if_there_are_any(analysed: Analysed) -> None:
    def run(name: str, side: str, lost: int | None) -> AnalysedRun:
        steps = [step(n, users_running=1) if n == lost else step(n) for n in (1, 2)]
        recorded = Recorded([*requests(1, ok=10), *requests(2, ok=10)], steps, config=ASGI if side == "B" else None)
        return analysed(recorded, name)

    assert first(sides_of([run("a", "A", None), run("b", "A", 2), run("c", "B", None)])).users == 100
    assert first(sides_of([run("d", "A", 1), run("e", "A", 2), run("f", "B", None)])).users == 200
    assert measures(sides_of([run("g", "A", 1), run("h", "B", 2)])) == []


def objective(analysed: Analysed, word: str, *p95_ms: float, lost: int | None = None) -> AnalysedRun:
    rows = [row for n, ms in enumerate(p95_ms, start=1) for row in requests(n, ok=20, elapsed_ms=ms)]
    steps = [step(n, users_running=1) if n == lost else step(n) for n in range(1, len(p95_ms) + 1)]
    run = {"trial": Trial("one", int(word[-1]), word[0])}
    return analysed(Recorded(rows, steps, run=run, config=ASGI if word[0] == "B" else None), word)


def test_users_within_the_objective_are_compared_where_every_ramp_shows_them(analysed: Analysed) -> None:
    a = objective(analysed, "A1", 500, 2000)  # 150 users
    b = objective(analysed, "B1", 500, 64000)  # 114.3
    assert ratio_of(sides_of([a, b]), CAPACITY) == pytest.approx(114.2857 / 150)
    endless = objective(analysed, "B2", 500, 900)
    assert CAPACITY not in {measure.name for measure in measures(sides_of([a, b, endless]))}


def test_a_trial_whose_step_that_decides_is_not_valid_takes_no_part(analysed: Analysed) -> None:
    runs = [objective(analysed, "A1", 500, 2000), objective(analysed, "B1", 500, 64000)]
    runs += [objective(analysed, "A2", 500, 2000, lost=2), objective(analysed, "B2", 500, 3000)]
    assert ratio_of(sides_of(runs), CAPACITY) == pytest.approx(114.2857 / 150)


def test_cpu_a_request_is_compared_at_the_steps_of_the_throughput(trial: OneTrial) -> None:
    a, b = trial("oneA1", {20: 13.0, 40: 20.0}), trial("oneB1", {20: 8.0, 40: 8.0})
    a = replace(a, steps=a.steps.assign(cpu_ms_per_request_app=[9.0, 2.0]))
    with_cpu = replace(b, steps=b.steps.assign(cpu_ms_per_request_app=[1.0, 5.0]))
    assert ratio_of(sides_of([a, with_cpu]), CPU) == pytest.approx(2.5)
    assert CPU not in {measure.name for measure in measures(sides_of([a, b]))}
