"""How many users a run held, by both measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.showing.text_tables import capacity_table
from tests.analysis.synthetic import Recorded, requests, step

Analysed = Callable[..., AnalysedRun]


def held(analysed: Analysed, *rows: list[object]) -> tuple[list[str], AnalysedRun]:
    """The run's row of the capacity table."""
    steps = [step(number) for number in range(1, len(rows) + 1)]
    run = analysed(Recorded([row for some in rows for row in some], steps))  # type: ignore[misc]
    (cells,) = capacity_table([run]).rows
    return cells[1:], run


def test_both_measures_end_before_the_first_step_that_did_not_hold(analysed: Analysed) -> None:
    cells, run = held(
        analysed,
        requests(1, ok=300),
        requests(2, ok=999, failed=1),  # 0.1 %: a failure, and within the objective
        requests(3, ok=500, elapsed_ms=1001),  # no failure, and late
        requests(4, ok=100),
    )
    assert cells == ["100", "300", "1%", "200", "1,000"]
    expected = pd.DataFrame(
        {
            "measure": ["no failure", "objective met"],
            "users": pd.array([100, 200], "Int64"),
            "requests": pd.array([300, 1000], "Int64"),
            "ramp_ended": [False, False],
            "invalid_reason": pd.array([None, None], "str"),
        }
    )
    pd.testing.assert_frame_equal(run.capacity, expected)


def test_one_percent_of_failures_misses_the_objective_and_one_second_meets_it(analysed: Analysed) -> None:
    cells, _ = held(analysed, requests(1, ok=10, elapsed_ms=1000), requests(2, ok=99, failed=1))
    assert cells[3:] == ["100", "10"]


def test_capacity_and_lateness_go_by_the_objective_that_the_run_recorded(analysed: Analysed) -> None:
    rows = [*requests(1, ok=97, failed=3, elapsed_ms=200), *requests(2, ok=100, elapsed_ms=201)]
    workload = {"objective": {"failures_pct": 5.0, "p95_ms": 200.0}}
    run = analysed(Recorded(rows, [step(1), step(2)], config={"workload": workload}))
    table = capacity_table([run])
    assert "Users within the objective (<5% failures, p95 ≤ 0.2 s)" in table.header
    assert table.rows[0][4:] == ["100", "100"]
    assert run.steps["late_or_failed_pct"].tolist() == [3, 100]


def test_a_ramp_that_held_to_its_end_may_have_held_more(analysed: Analysed) -> None:
    cells, _ = held(analysed, requests(1, ok=30), requests(2, ok=3000))
    assert cells == ["200 (end of the ramp)", "3,000", "0.1%", "200 (end of the ramp)", "3,000"]


def test_a_run_that_failed_from_its_first_step_held_none(analysed: Analysed) -> None:
    cells, _ = held(analysed, requests(1, ok=1, failed=1), requests(2, ok=100))
    assert cells == ["none of its steps", "–", "–", "none of its steps", "–"]


def test_a_run_without_a_measured_request_held_nothing_known(analysed: Analysed) -> None:
    cells, _ = held(analysed, [], [])
    assert cells == ["not measured", "–", "–", "not measured", "–"]


def test_a_decisive_step_that_is_not_valid_marks_the_capacity(analysed: Analysed) -> None:
    failing = requests(3, ok=1, failed=1)
    for invalid, mark in ((1, ""), (2, "*"), (3, "*")):
        steps = [step(1), step(2), step(3)]
        steps[invalid - 1] = replace(steps[invalid - 1], users_running=1)
        run = analysed(Recorded([*requests(1, ok=9), *requests(2, ok=9), *failing], steps), f"invalid{invalid}")
        assert capacity_table([run]).rows[0][1] == f"200{mark}"
