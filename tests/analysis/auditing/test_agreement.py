"""Three witnesses: the client's record, Nginx's log and Locust's own total."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.auditing.agreement import UNEXPLAINED, Counts, match
from gatebench.records import Cause, LoadSummary
from tests.analysis.synthetic import OUT_OF_CONNECTIONS, Recorded, error_line, proxy_line, request, step, vote

Analysed = Callable[..., AnalysedRun]


def test_differences_are_explained_by_cause(analysed: Analysed) -> None:
    ok, closed, unfinished = request(15), request(15, 5, Cause.CLOSED), request(16, 9000, Cause.UNFINISHED)
    run = analysed(
        Recorded(
            [ok, closed, unfinished],
            [step(1)],
            proxy_lines=[proxy_line(ok), proxy_line(unfinished)],
            error_log=[error_line(15, OUT_OF_CONNECTIONS, "alert")],
        )
    )
    assert run.counts == Counts(
        recorded=3, unfinished=1, locust=2, logged=2, log_only=0, unlogged={"Nginx out of connections": 1}
    )
    assert run.counts.agree


def test_a_success_that_nginx_did_not_log_is_a_disagreement(analysed: Analysed) -> None:
    run = analysed(Recorded([request(15), request(5)], [step(1)], proxy_lines=[]))
    assert run.counts.unlogged == {UNEXPLAINED: 2}
    assert not run.counts.agree


def test_a_total_of_locust_that_differs_is_a_disagreement(analysed: Analysed) -> None:
    row = request(15)
    for total, agree in ((1, True), (2, False)):
        load = LoadSummary(total, 0, 0, 1.0)
        recorded = Recorded([row], [step(1)], proxy_lines=[proxy_line(row)], run={"load": load})
        assert analysed(recorded, f"run{total}").counts.agree == agree


def test_a_request_that_only_nginx_knows_counts_when_it_came_during_the_load(analysed: Analysed) -> None:
    first, last = request(1), request(15)
    check, stray = request(0.5), request(5)
    lines = [proxy_line(row) for row in (check, first, stray, stray, last)]
    run = analysed(Recorded([first, last], [step(1)], proxy_lines=lines))
    assert run.counts.log_only == 1
    assert not run.counts.agree


@pytest.mark.parametrize("apart", [1, 2**61], ids=["counted up", "far apart"])
def test_lines_find_their_request_by_its_id(apart: int) -> None:
    def ids(*numbers: int) -> pd.Series[int]:
        return pd.Series([number * apart for number in numbers], dtype="uint64")

    requests = pd.DataFrame({"request_id": ids(3, 2, 5, 5)})  # a stream's opening and staying share one
    proxy = pd.DataFrame({"request_id": ids(1, 5, 3, 4, 3, 7, 7), "time": np.arange(7.0), "request_ms": 10.0})
    found = match(requests, proxy)
    np.testing.assert_array_equal(found.nginx_ms, [20, np.nan, 10, 10])  # the first is a redirect that was followed
    assert sorted(found.log_only) == [0, 3, 5]


def test_a_total_of_locust_that_was_reset_is_no_witness(analysed: Analysed) -> None:
    row = request(15)
    summary = LoadSummary(0, 0, 0, 1.0, interference=("the statistics were reset in the web UI",))
    recorded = Recorded([row], [step(1)], proxy_lines=[proxy_line(row)], run={"load": summary})
    counts = analysed(recorded).counts
    assert (counts.recorded, counts.locust, counts.agree) == (1, None, True)


def test_without_a_witness_nobody_disagrees(analysed: Analysed) -> None:
    counts = analysed(Recorded([request(15)], [step(1)], run={"load": None})).counts
    assert counts == Counts(recorded=1, unfinished=0, locust=None, logged=None, log_only=None, unlogged={})
    assert counts.agree


def test_percentiles_are_compared_over_the_same_successes(analysed: Analysed) -> None:
    rows = [request(15, 100), request(16, 300)]
    slow_failure = request(15, 9000, Cause.STATUS, status=502)
    settling = request(5, 9000)
    unlogged = request(15, 9000)
    lines = [
        proxy_line(settling),
        proxy_line(rows[1], request_time=0.290),  # joined by id, not by position
        proxy_line(rows[0], request_time=0.098),
        proxy_line(slow_failure),
    ]
    run = analysed(
        Recorded([*rows, slow_failure, settling, unlogged], [step(1, generator_cpu_pct=33.0)], proxy_lines=lines)
    )
    expected = pd.DataFrame(
        {
            "step": [1, 1, 1],
            "users": [100, 100, 100],
            "percentile": ["p50", "p95", "p99"],
            "client_ms": [200.0, 290.0, 298.0],
            "nginx_ms": [194.0, 280.4, 288.08],
            "generator_cpu_pct": [33.0, 33.0, 33.0],
            "difference_ms": [6.0, 9.6, 9.92],
            "difference_pct": [3.0927835, 3.4236804, 3.4434879],
            "agrees": [True, True, True],
        }
    )
    assert run.latency is not None
    pd.testing.assert_frame_equal(run.latency, expected, rtol=1e-5)


def test_they_agree_within_five_percent_or_three_milliseconds(analysed: Analysed) -> None:
    cases = {"3 ms": (13, 10, True), "3.5 ms": (13.5, 10, False), "5 %": (1050, 1000, True), "6 %": (1060, 1000, False)}
    for name, (client_ms, nginx_ms, agrees) in cases.items():
        row = request(15, client_ms)
        lines = [proxy_line(row, request_time=nginx_ms / 1000)]
        run = analysed(Recorded([row], [step(1)], proxy_lines=lines), name)
        assert run.latency is not None
        assert run.latency["agrees"].tolist() == [agrees] * 3, name


def test_a_redirect_that_was_followed_is_two_lines_of_nginx_and_one_request(analysed: Analysed) -> None:
    row = replace(vote(15, 500), status=200)
    lines = [proxy_line(row, status=302, request_time=0.2), proxy_line(row, request_time=0.3)]
    run = analysed(Recorded([row], [step(1)], proxy_lines=lines))
    assert run.counts.logged == 1
    assert run.counts.agree
    assert run.latency is not None
    assert run.latency["nginx_ms"].round(3).tolist() == [500.0] * 3
