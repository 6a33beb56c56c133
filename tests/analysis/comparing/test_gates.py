"""Gates for CI: what passes, what misses, what cannot be judged, and the exit code of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatebench.analysis.comparing.gates import parse_gates
from gatebench.errors import UsageError
from tests.analysis.comparing.test_sides import write_trial
from tests.analysis.conftest import Command
from tests.analysis.showing.test_report import section, table_in
from tests.analysis.synthetic import Recorded, requests, step


def write(results: Path, **changes: object) -> None:
    """2 % failures at 200 users and a p95 of 1.5 s at 300."""
    rows = [*requests(1, ok=100), *requests(2, ok=98, failed=2), *requests(3, ok=100, elapsed_ms=1500)]
    Recorded(rows, [step(1), step(2), step(3, **changes)]).write(results / "run")


def judged(command: Command) -> list[str]:
    return table_in(section(command.report, "Gates")).splitlines()[2:]


def test_gates_that_are_kept_pass(results: Path, command: Command) -> None:
    write(results)
    assert command("--max-failures", "2%", "--max-p95", "1.5s", "--min-capacity", "100") == 0
    assert judged(command) == [
        "| MAX_FAILURES | WSGI gunicorn | 2% at 200 users | 2% | pass |",
        "| MAX_P95 | WSGI gunicorn | 1500 ms at 300 users | 1500 ms | pass |",
        "| MIN_CAPACITY | WSGI gunicorn | 100 users | 100 users | pass |",
    ]


def test_a_gate_that_is_missed_ends_with_9_and_is_named_with_its_value(results: Path, command: Command) -> None:
    write(results)
    assert command("--max-failures", "1%", "--max-p95", "1000ms", "--min-capacity", "200") == 9
    assert command.err.splitlines() == [
        "MAX_FAILURES was missed: WSGI gunicorn has 2% at 200 users, the limit is 1%.",
        "MAX_P95 was missed: WSGI gunicorn has 1500 ms at 300 users, the limit is 1000 ms.",
        "MIN_CAPACITY was missed: WSGI gunicorn has 100 users, the limit is 200 users.",
    ]
    assert "| MAX_P95 | WSGI gunicorn | 1500 ms at 300 users | 1000 ms | FAIL |" in judged(command)


def test_a_gate_that_rests_on_a_step_that_is_not_valid_ends_with_10(results: Path, command: Command) -> None:
    write(results, users_running=299)
    assert command("--max-p95", "1s") == 10
    assert command.err == (
        "MAX_P95 cannot be judged for WSGI gunicorn: the step of 300 users is not valid "
        "(299 of 300 users were running: logs/load.log says what became of the others).\n"
    )
    assert judged(command) == ["| MAX_P95 | WSGI gunicorn | 50 ms at 100 users | 1000 ms | not judged |"]


def test_a_gate_missed_at_a_valid_step_is_missed_whatever_the_others_are(results: Path, command: Command) -> None:
    write(results, users_running=299)
    assert command("--max-failures", "1%") == 9


def test_a_capacity_beyond_the_ramp_cannot_be_judged(results: Path, command: Command) -> None:
    Recorded(requests(1, ok=10), [step(1)]).write(results / "run")
    assert command("--min-capacity", "300") == 10
    assert "its ramp ends at 100 users: give USERS up to 300." in command.err
    assert command("--min-capacity", "100") == 0


def test_a_first_step_that_does_not_hold_is_a_capacity_of_none(results: Path, command: Command) -> None:
    Recorded(requests(1, ok=1, failed=1), [step(1)]).write(results / "run")
    assert command("--min-capacity", "100") == 9
    assert "WSGI gunicorn has 0 users, the limit is 100 users." in command.err


def test_a_step_without_a_success_has_no_p95_to_judge(results: Path, command: Command) -> None:
    Recorded(requests(1, ok=0, failed=5), [step(1)]).write(results / "run")
    assert command("--max-p95", "1s") == 10
    assert "the step of 100 users has no successful request" in command.err


def test_of_several_trials_the_median_is_judged(results: Path, command: Command) -> None:
    for number, ok in enumerate((10, 10, 10), start=1):
        write_trial(results, number, "A", (ok,))
    Recorded(requests(1, ok=1, failed=9), [step(1)]).write(results / "worse")
    paths = [path.parent for path in sorted(results.glob("*/run.json"))]
    assert command(*paths, "--max-failures", "1%") == 0
    assert judged(command) == ["| MAX_FAILURES | WSGI gunicorn | 0% at 100 users | 1% | pass |"]


def test_gates_come_from_the_environment_too(results: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    write(results)
    monkeypatch.setenv("GATEBENCH_MAX_FAILURES", "1%")
    assert command() == 9
    assert command("--max-failures", "5%") == 0


def test_without_gates_there_is_no_such_section(results: Path, command: Command) -> None:
    write(results)
    command()
    assert "## Gates" not in command.report


def test_a_check_looks_at_the_gates_and_nothing_else(results: Path, command: Command) -> None:
    assert command("--check", "--max-p95", "1s") == 0
    assert command("--check", "--max-p95", "soon") == 2
    assert not results.exists()


def test_limits_are_percents_milliseconds_and_users() -> None:
    assert parse_gates({"MAX_FAILURES": "0.5%", "MAX_P95": "1.5s", "MIN_CAPACITY": "300"}) == {
        "MAX_FAILURES": 0.5,
        "MAX_P95": 1500.0,
        "MIN_CAPACITY": 300.0,
    }
    assert parse_gates({"MAX_P95": "1000ms", "MAX_FAILURES": ""}) == {"MAX_P95": 1000.0}


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("MAX_FAILURES", "1", "give a share of requests, as in MAX_FAILURES=1%."),
        ("MAX_FAILURES", "101%", "give a share of requests"),
        ("MAX_FAILURES", "-1%", "give a share of requests"),
        ("MAX_P95", "1000", "give a time, as in MAX_P95=1000ms or MAX_P95=1s."),
        ("MAX_P95", "1 s", "give a time"),
        ("MAX_P95", "١s", "give a time"),
        ("MIN_CAPACITY", "0", "give a number of users, as in MIN_CAPACITY=300."),
        ("MIN_CAPACITY", "3e2", "give a number of users"),
    ],
)
def test_a_limit_that_is_not_understood_is_one_sentence(name: str, text: str, wanted: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_gates({name: text})
    assert str(caught.value).startswith(f"{name}={text} is not understood: {wanted}")
    assert "\n" not in str(caught.value)
