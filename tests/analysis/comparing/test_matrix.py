"""The matrix: ranks, a load that all held, and what one change brings, of trials whose figures are known."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from gatebench.analysis.comparing.matrix import Matrix, common_load, matrix_of
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.matrix import changes_table, findings, rank, ranking
from gatebench.analysis.words import MISSING
from gatebench.records import Run, Trial

USERS = [30, 100, 200, 340]
OTHERS = {
    "gunicorn": {"interface": "wsgi"},
    "uvicorn": {"interface": "asgi"},
    "uvicorn (one-hop)": {"interface": "asgi", "bridge": "one-hop"},
    "gunicorn (persistent)": {"interface": "wsgi", "db": "persistent"},
}
"""Label -> its settings, but for the server, which the label begins with."""

SCATTER = (0.99, 1.0, 1.01)


def measured(label: str, trial: int, held: float, cpu_ms: float = 3.0, invalid: int | None = None) -> Any:
    """A run that holds so many users: its p95 rises tenfold from none to as many as that."""
    config = {"server": label.split()[0], "db": "pool", "views": "", "bridge": "", "label": label, **OTHERS[label]}
    run = Run(f"{label}-{trial}", config, 0.0, trial=Trial("one", trial, label))
    p95_ms = [1000 * 10 ** ((users - held) / held) for users in USERS]
    first_missed = next((n for n, ms in enumerate(p95_ms) if ms > 1000), len(USERS) - 1)
    steps = pd.DataFrame(
        {
            "users": USERS,
            "requests": 500,
            "failure_pct": 0.0,
            "p95_ms": p95_ms,
            "valid": [users != invalid for users in USERS],
            "cpu_ms_per_request_app": cpu_ms,
            "rss_bytes_app": 1e8,
            "threads_app": [10, 12, 14, 16],
            "db_connections": 16,
            "db_opened_per_request": 0.0,
        }
    )
    return run, steps.head(first_missed + 1)  # as STOP_AT_LIMIT has it


def three(label: str, held: float, cpu_ms: float = 3.0) -> list[Any]:
    """Three trials of a side, which scatter otherwise than those of the others."""
    place = list(OTHERS).index(label)
    scatter = [SCATTER[(n + place) % 3] for n in range(3)]
    return [measured(label, n, held * times, cpu_ms * times) for n, times in enumerate(scatter, start=1)]


@pytest.fixture
def matrix() -> Matrix:
    return matrix_of(
        [
            *three("uvicorn", 120, cpu_ms=6.0),
            *three("gunicorn", 250, cpu_ms=3.0),
            *three("uvicorn (one-hop)", 255, cpu_ms=2.9),
            *three("gunicorn (persistent)", 310, cpu_ms=2.0),
        ]
    )


def test_sides_are_ranked_by_the_users_they_hold_and_tied_where_they_are_not_clearly_apart(matrix: Matrix) -> None:
    found = [(row.side, round(row.users), rank(row)) for row in rows(matrix.table)]
    assert found == [
        ("gunicorn (persistent)", 310, "1"),
        ("uvicorn (one-hop)", 255, "2–3"),
        ("gunicorn", 250, "2–3"),
        ("uvicorn", 120, "4"),
    ]


def test_p95_and_cpu_time_are_compared_at_the_most_users_that_every_run_held(matrix: Matrix) -> None:
    assert matrix.load == 100
    by_side = {row.side: row for row in rows(matrix.table)}
    assert by_side["uvicorn"].cpu_ms == 6.0
    assert by_side["uvicorn"].p95_ms == pytest.approx(1000 * 10 ** (-1 / 6), rel=0.02)
    assert by_side["gunicorn"].threads == 14  # at 200 users, its own most


def test_a_step_that_is_not_valid_is_no_load_that_every_run_held() -> None:
    found = [*three("uvicorn", 120), measured("gunicorn", 1, 250, invalid=100)]
    assert common_load(found) == 30
    assert common_load([*three("uvicorn", 20), *three("gunicorn", 250)]) is None


def test_one_change_is_told_beside_the_side_that_differs_in_it_alone(matrix: Matrix) -> None:
    found = [(row.knob, row.value, row.side, row.before, bool(row.clear)) for row in rows(matrix.changes)]
    assert found == [
        ("BRIDGE", "one-hop", "uvicorn (one-hop)", "uvicorn", True),
        ("DB", "persistent", "gunicorn (persistent)", "gunicorn", True),
    ]
    one_hop, persistent = rows(matrix.changes)
    assert one_hop.times == pytest.approx(255 / 120, rel=0.01)
    assert one_hop.cpu_times == pytest.approx(2.9 / 6.0, rel=0.01)
    assert persistent.low < 310 / 250 < persistent.high


def test_a_side_of_which_no_trial_is_valid_has_no_rank_and_comes_last() -> None:
    nothing = [(run, steps.assign(valid=False)) for run, steps in three("uvicorn (one-hop)", 255)]
    matrix = matrix_of([*nothing, *three("uvicorn", 120), *three("gunicorn", 250)])
    assert [(row.side, rank(row)) for row in rows(matrix.table)] == [
        ("gunicorn", "1"),
        ("uvicorn", "2"),
        ("uvicorn (one-hop)", MISSING),
    ]
    assert matrix.load == 100  # of those that have a valid step
    assert changes_table(matrix.changes).rows == []


def test_a_side_that_held_the_complete_ramp_is_a_bound() -> None:
    matrix = matrix_of([*three("gunicorn (persistent)", 1000), *three("gunicorn", 250), *three("uvicorn", 120)])
    (change,) = changes_table(matrix.changes).rows
    assert change[:2] == ["DB=persistent", "gunicorn"]
    assert re.fullmatch(r"at least 1\.\d\d", change[2])
    assert ranking(matrix).rows[0][:3] == ["1", "gunicorn (persistent)", "≥ 340"]


def test_what_it_says(matrix: Matrix) -> None:
    most, persistent, cheapest = findings(matrix)
    assert most.startswith("gunicorn (persistent) holds the most users, 310 (")
    assert persistent.startswith("Instead of a pool, persistent connections hold 1.24 (")
    assert persistent.endswith(") times the users behind gunicorn.")
    assert cheapest == "Of the usual sides gunicorn uses the least CPU time per request, 3.0 ms at 100 users."


def test_sides_that_differ_in_more_than_one_knob_are_no_pair(matrix: Matrix) -> None:
    """Of another axis, which the table has not, the same value is wanted."""
    four = [
        (replace(run, config={**run.config, "workers": 4, "label": f"{run.label}, 4 workers"}), steps)
        for run, steps in three("gunicorn", 400)
    ]
    found = matrix_of([*three("gunicorn", 250), *three("gunicorn (persistent)", 310), *four])
    assert [(row.side, row.before) for row in rows(found.changes)] == [("gunicorn (persistent)", "gunicorn")]
    assert len(matrix.changes) == 2


def test_where_no_step_is_valid_nothing_is_shown() -> None:
    nothing = [(run, steps.assign(valid=False)) for run, steps in three("uvicorn", 255)]
    assert findings(matrix_of(nothing)) == ["Nothing is shown yet: no step is valid."]


def test_where_no_side_held_its_first_step_none_is_said_to_hold_the_most() -> None:
    found = findings(matrix_of([*three("uvicorn", 20), *three("gunicorn", 25)]))
    assert found == ["Nothing is shown: no side held its first step in every trial."]


def test_where_every_side_held_the_complete_ramp_more_users_are_asked_for() -> None:
    first, *_ = findings(matrix_of([*three("uvicorn", 1000), *three("gunicorn", 2000)]))
    assert first == "Nothing is shown: every side held 340 users, the most that were tried. Give more USERS."
