"""One row a step: what counts, in which step, and as what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from gatebench.analysis.analysed_run import AnalysedRun, write_steps
from gatebench.records import Cause, Outcome
from tests.analysis.synthetic import BEGAN, Recorded, proxy_line, reading, request, requests, served, step, vote

Analysed = Callable[..., AnalysedRun]


def row_of(run: AnalysedRun, number: int = 1) -> dict[str, object]:
    (row,) = run.steps[run.steps["step"] == number].to_dict("records")
    return row


def test_steps_csv_is_one_row_a_step(analysed: Analysed) -> None:
    run = analysed(
        Recorded(
            requests=[vote(11, 100), vote(12, 200), vote(13, 1500), vote(14, 1, Cause.RESET), *requests(2, ok=2)],
            steps=[step(1), step(2)],
            votes=[reading(1, 20, stored=3)],
        )
    )
    write_steps(run)
    assert run.folder.steps_csv.read_text() == (
        "step,users,requests,failures,failure_pct,late_or_failed_pct,rps,asked_rps,"
        "p50_ms,p75_ms,p90_ms,p95_ms,p99_ms,p999_ms,max_ms,"
        "votes_attempted,votes_acknowledged,votes_stored,"
        "updates,update_p50_ms,update_p95_ms,update_p99_ms,update_max_ms,"
        "drift_pct,cpu_ms_per_request_app,rss_bytes_app,threads_app,"
        "db_connections,db_opened_per_request,valid,invalid_reason\n"
        "1,100,4,1,25.0,50.0,0.3,,200.0,850.0,1240.0,1370.0,1474.0,1497.4000000000003,1500.0,4,3,3,,,,,,-100.0,,,,,,True,\n"
        "2,200,2,0,0.0,0.0,0.2,,50.0,50.0,50.0,50.0,50.0,50.0,50.0,,,,,,,,,-100.0,,,,,,True,\n"
    )


def test_settling_is_not_measured_and_the_hold_ends_before_its_end(analysed: Analysed) -> None:
    moments = {9.999: "settling", 10.0: "first", 19.999: "last", 20.0: "the next step's"}
    run = analysed(Recorded([request(at, step=1) for at in moments], [step(1)]))
    assert row_of(run)["requests"] == 2


def test_a_request_belongs_to_the_step_in_which_it_started(analysed: Analysed) -> None:
    straddling = request(19.5, elapsed_ms=15_000)  # answered in the hold of the next step
    run = analysed(Recorded([straddling, *requests(2, ok=1)], [step(1), step(2)]))
    assert run.steps["requests"].tolist() == [1, 1]
    assert run.steps["max_ms"].tolist() == [15_000, 50]


def test_throughput_counts_the_answers_that_came_in_the_hold_whenever_they_were_asked_for(analysed: Analysed) -> None:
    rows = [
        request(9.5, 499),  # just before it
        request(9.5, 500),  # at its start
        request(-4, 15_000, step=1),
        request(15),
        request(15, 50, Cause.RESET),
        request(19.5, 499),
        request(19.5, 500),  # at its end
        request(19.5, 15_000),
    ]
    row = row_of(analysed(Recorded(rows, [step(1)])))
    assert (row["rps"], row["requests"], row["failures"]) == (0.4, 5, 1)


def test_throughput_drifts_by_answers_and_p50_by_starts(analysed: Analysed) -> None:
    """Halves of the hold meet at second 15: two answers, then three; 1000 ms for the first two starts, then 500."""
    rows = [request(9.9, 200), request(13, 1000), request(14.5, 1000), request(15, 500), request(16, 500)]
    run = analysed(Recorded(rows, [step(1)]))
    assert run.validity[["rps_drift_pct", "p50_drift_pct"]].iloc[0].tolist() == pytest.approx([50.0, -50.0])
    assert row_of(run)["drift_pct"] == pytest.approx(50.0)


def test_a_request_of_another_step_in_the_hold_is_not_counted(analysed: Analysed) -> None:
    run = analysed(Recorded([request(15), request(15, 5, Cause.RESET, step=2)], [step(1)]))
    assert row_of(run)["requests"] == 1
    assert run.causes.empty


def test_percentiles_are_of_successes_only(analysed: Analysed) -> None:
    fast_failures = [request(15, 1, Cause.RESET) for _ in range(100)]
    run = analysed(Recorded([*fast_failures, *(request(15, ms) for ms in range(1, 102))], [step(1)]))
    row = row_of(run)
    assert [row[name] for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms")] == [51, 96, 100, 101]


def test_a_step_without_a_success_has_no_percentile(analysed: Analysed) -> None:
    row = row_of(analysed(Recorded(requests(1, ok=0, failed=2), [step(1)])))
    assert row["failure_pct"] == 100
    assert row["rps"] == 0
    assert pd.isna(row["p50_ms"])
    assert pd.isna(row["max_ms"])


def test_a_step_without_a_request_has_no_failure_rate(analysed: Analysed) -> None:
    row = row_of(analysed(Recorded([], [step(1)])))
    assert row["requests"] == 0
    assert pd.isna(row["failure_pct"])
    assert pd.isna(row["late_or_failed_pct"])


def test_late_is_slower_than_a_second(analysed: Analysed) -> None:
    run = analysed(Recorded([request(15, 1000), request(15, 1001), request(15, 5000, Cause.TIMEOUT)], [step(1)]))
    assert row_of(run)["late_or_failed_pct"] == pytest.approx(200 / 3)


def test_what_its_client_paces_is_judged_by_its_failures_and_not_by_its_time(analysed: Analysed) -> None:
    """In no column of the step, no second of the timeline, no share of the slow requests, no comparison of clocks."""
    slowly = [request(15, 4000, name="upload, slowly"), request(15, 3000, Cause.RESET, name="upload, slowly")]
    rows = [request(15, 50), request(15.1, 60), *slowly]
    paced = {"workload": {"paced": ["upload, slowly"]}}
    run = analysed(Recorded(rows, [step(1)], proxy_lines=[proxy_line(row) for row in rows], config=paced))
    row = row_of(run)
    assert (row["requests"], row["failures"], row["max_ms"]) == (4, 1, 60)
    assert row["late_or_failed_pct"] == 25
    assert run.timeline["p95_ms"].max() <= 60
    assert run.timeline["ok"].sum() == 3
    assert run.splits is not None
    assert run.splits["requests"].tolist() == [1]
    assert run.latency is not None
    assert run.latency["client_ms"].max() <= 60


def test_unfinished_requests_are_failures(analysed: Analysed) -> None:
    run = analysed(Recorded([request(15), request(16, 20_000, Cause.UNFINISHED)], [step(1)]))
    assert row_of(run)["failures"] == 1


def test_a_step_that_was_cut_off_counts_what_was_recorded_and_is_invalid(analysed: Analysed) -> None:
    cut = replace(step(1), hold_ended=None, users_running=None, generator_cpu_pct=None)
    run = analysed(
        Recorded([request(10), request(12), request(14)], [cut], run={"outcome": Outcome.RUNNING, "ended": None})
    )
    row = row_of(run)
    assert row["requests"] == 3
    assert row["rps"] == pytest.approx(2 / 4)  # the third's answer came after the last start, where the hold ends
    assert row["invalid_reason"] == "it was cut off when the runner was killed: run it again"
    assert run.notes == (
        "This run has no end: the runner was killed, or is still at work.",
        "There is no proxy.log: causes are the client's view only, and Nginx's times cannot be compared.",
    )


def test_a_step_that_never_held_has_no_numbers(analysed: Analysed) -> None:
    settling = replace(step(1), hold_started=None, hold_ended=None)
    row = row_of(analysed(Recorded([request(3)], [settling], run={"outcome": Outcome.INTERRUPTED})))
    assert (row["requests"], row["invalid_reason"]) == (0, "it was cut off when the run was interrupted: run it again")
    assert pd.isna(row["rps"])


def test_the_timeline_has_a_row_a_second(analysed: Analysed) -> None:
    run = analysed(
        Recorded([request(0.5, 10), request(0.9, 30), request(1.2, 1, Cause.RESET), request(3.4, 20)], [step(1)])
    )
    expected = pd.DataFrame(
        {
            "time": [BEGAN + 0.5, BEGAN + 1.5, BEGAN + 2.5],
            "ok": [2, 0, 1],
            "failed": [1, 0, 0],
            "p95_ms": [29.0, None, 20.0],
            "step": pd.array([None, None, None], "Int64"),
        }
    )
    pd.testing.assert_frame_equal(run.timeline, expected)


def test_the_timeline_says_which_step_was_held(analysed: Analysed) -> None:
    run = analysed(Recorded([request(9), request(21)], [step(1)]))
    assert run.timeline["step"].tolist() == [pd.NA] + [1] * 10 + [pd.NA] * 2


def test_what_users_would_ask_for_is_what_they_ask_for_in_the_first_step_for_each_second_of_thinking(
    analysed: Analysed,
) -> None:
    """A hundred users think 1.5 s and wait 0.5 s for 50 answers a second: with no wait they would have 67."""
    workload = {"workload": {"round_name": "form", "think_s": 1.5}}
    rows = [*served(1, 100, 50), *served(2, 200, 50)]
    asked = analysed(Recorded(rows, [step(1), step(2)], config=workload)).steps["asked_rps"]
    assert asked.tolist() == pytest.approx([100 / 1.5, 200 / 1.5], rel=0.01)
