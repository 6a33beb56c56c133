"""One failed request a cause, told from end to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.failures.examples import tell
from gatebench.analysis.reading.frames import rows
from gatebench.records import Cause
from tests.analysis.synthetic import OUT_OF_CONNECTIONS, Recorded, app_error, error_line, proxy_line, request, step

Analysed = Callable[..., AnalysedRun]


def told(run: AnalysedRun) -> dict[str, str]:
    """Cause -> its example."""
    return {row.failure: tell(row) for row in rows(run.examples)}


def test_an_error_of_the_app_is_told_from_the_client_to_its_exception(analysed: Analysed) -> None:
    row = request(15.25, 50, Cause.STATUS, name="vote", method="POST", status=500, bytes=100)
    run = analysed(
        Recorded([row], [step(1)], proxy_lines=[proxy_line(row)], app_log=[app_error(row, "ValueError: no")])
    )
    assert told(run) == {
        "ValueError": "POST vote at 22:13:35.250 UTC: the client saw “unexpected status 500” after 50 ms. Nginx logged "
        "500 after 50 ms; the app server was connected to in 0.0 ms and gave 500. The app's log: `ValueError: no "
        "(polls/views.py, line 12)`. So it failed in this layer: Django."
    }


def test_what_nginx_did_not_log_is_told_as_that(analysed: Analysed) -> None:
    alert = error_line(15, OUT_OF_CONNECTIONS, "alert")
    run = analysed(Recorded([request(15, 5, Cause.RESET)], [step(1)], proxy_lines=[], error_log=[alert]))
    assert told(run) == {
        "Nginx out of connections": "GET form at 22:13:35.000 UTC: the client saw “connection reset” after 5.0 ms. "
        f"Nginx's log has no line of it. What decides: `{alert}`. So it failed in this layer: nginx."
    }


def test_the_nginx_line_shows_an_app_server_that_was_not_reached(analysed: Analysed) -> None:
    row = request(15, 50, Cause.STATUS, status=502, bytes=100)
    line = error_line(15, "*17 connect() failed (111: Connection refused) while connecting to upstream")
    lines = [proxy_line(row, upstream_status="502", upstream_connect_time="-")]
    (sentence,) = told(analysed(Recorded([row], [step(1)], proxy_lines=lines, error_log=[line]))).values()
    assert f"the app server was not connected to and gave 502. Its error log: `{line}`. So it failed" in sentence


def test_without_nginx_s_log_there_is_the_client_s_view_and_no_verdict(analysed: Analysed) -> None:
    run = analysed(Recorded([request(15, 5, Cause.RESET)], [step(1)]))
    assert list(told(run).values()) == ["GET form at 22:13:35.000 UTC: the client saw “connection reset” after 5.0 ms."]


def test_there_is_one_example_a_cause_and_it_is_one_with_a_proof(analysed: Analysed) -> None:
    def late(at: float, **line: Any) -> Any:
        row = request(at, 50, Cause.STATUS, status=504, bytes=100)
        return row, proxy_line(row, upstream_status="504", **line)

    (first, one), (second, other), (settling, early) = late(15), late(16, connection=18), late(5)
    log = [error_line(16, "*18 upstream timed out (110: Connection timed out) while reading")]
    run = analysed(Recorded([first, second, settling], [step(1)], proxy_lines=[one, other, early], error_log=log))
    assert run.examples[["failure", "layer", "started", "proof"]].to_numpy().tolist() == [
        ["app server did not answer in time", "app server", second.started, log[0]]
    ]


def test_a_run_without_failures_has_no_example(analysed: Analysed) -> None:
    assert analysed(Recorded([request(15)], [step(1)], proxy_lines=[])).examples.empty
