"""What failed and in which layer: from the request's id, through the logs, and never guessed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.failures.causes import CLIENT_VIEW, NO_RULE, RULES
from gatebench.records import Cause, Request
from tests.analysis.synthetic import (
    OUT_OF_CONNECTIONS,
    WHERE,
    Recorded,
    app_error,
    error_line,
    proxy_line,
    request,
    requests,
    step,
)

Analysed = Callable[..., AnalysedRun]


def causes(analysed: Analysed, rows: list[Request], **recorded: Any) -> list[tuple[str, str, int]]:
    """(cause, layer, failures) a step, most frequent cause first."""
    recorded.setdefault("proxy_lines", [])
    table = analysed(Recorded(rows, [step(1), step(2)], **recorded)).causes
    return list(zip(table["failure"], table["layer"], table["failures"], strict=True))


def answered(status: int, at: float = 15.0) -> Request:
    return request(at, cause=Cause.STATUS, status=status, bytes=100)


def refused(at: float = 15.0) -> str:
    return error_line(
        at,
        "*17 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, "
        'request: "GET /polls/1/ HTTP/1.1", upstream: "http://127.0.0.1:8000/polls/1/"',
    )


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("Service promotions did not answer in time.", "service did not answer in time"),
        ("Service recommendations answered 503.", "service answered 503"),
        ("Service promotions refused the connection.", "service refused the connection"),
    ],
)
def test_a_page_that_had_to_do_without_a_service_is_the_service_s(analysed: Analysed, said: str, cause: str) -> None:
    failed, other = request(15, cause=Cause.WRONG_PAGE), request(16, cause=Cause.WRONG_PAGE)
    line = f"2026-11-26 19:30:00,000 WARNING shop pid=7 request_id={failed.request_id:016x} {said}"
    found = causes(analysed, [failed, other], proxy_lines=[proxy_line(failed), proxy_line(other)], app_log=[line])
    assert sorted(found) == [(cause, "service", 1), ("wrong page", "Django", 1)]


PATIENT = {"workload": {"service": {"timeout_s": 1.0}}}


@pytest.mark.parametrize(
    ("answers", "cause", "layer"),
    [
        ([(0, None)], "service did not answer in time", "service"),  # it had begun a wait that has no end
        ([(0, 1500.0)], "service did not answer in time", "service"),
        ([(0, 100.0)], "the app read a service's answer too late", "app server"),
        ([(1, 100.0)], "the app did not get through to a service", "app server"),
        ([], "service did not answer in time", "service"),  # it answered nobody
    ],
)
def test_a_service_is_charged_only_with_what_its_own_log_bears_out(
    analysed: Analysed, answers: list[tuple[int, float | None]], cause: str, layer: str
) -> None:
    """An app whose HTTP client collapses gives up too, and writes the same line."""
    asked = [request(15, 1100, cause=Cause.WRONG_PAGE), request(15.9, 100)]
    given_up = f"WARNING shop pid=7 request_id={asked[0].request_id:016x} Service promotions did not answer in time."
    ids = [f"{one.request_id:016x}" for one in asked]
    said = [{"time": asked[n].started, "id": ids[n], "path": "/promotions/7", "waited_ms": ms} for n, ms in answers]
    found = causes(
        analysed,
        asked,
        proxy_lines=[proxy_line(one) for one in asked],
        app_log=[f"2026-11-26 19:30:00,000 {given_up}"],
        service_log=[*map(json.dumps, said), '{"time": 1764185'],  # cut off when it was killed
        config=PATIENT,
    )
    assert found == [(cause, layer, 1)]


def test_the_table_is_exact(analysed: Analysed) -> None:
    alert = error_line(15, OUT_OF_CONNECTIONS, "alert")
    rows = [
        request(15.2, 5, Cause.RESET),
        request(15.3, 5, Cause.CLOSED),
        request(35, 5, Cause.RESET),  # in a second without an alert
        request(5, 5, Cause.RESET),  # while settling: in no table
        request(15),
    ]
    run = analysed(Recorded(rows, [step(1), step(2)], proxy_lines=[proxy_line(rows[-1])], error_log=[alert]))
    expected = pd.DataFrame(
        [
            ("Nginx out of connections", "nginx", 1, 100, 2, RULES[0].advice, alert),
            ("unknown (connection reset)", "unknown", 2, 200, 1, NO_RULE.advice, None),
        ],
        columns=["failure", "layer", "step", "users", "failures", "advice", "evidence"],
    )
    pd.testing.assert_frame_equal(run.causes, expected.astype({"evidence": "str"}), check_dtype=False)
    assert run.notes == ("1 failures while users were spawned, settled or drained are in no table.",)


@pytest.mark.parametrize(
    ("ended", "known"), [(13.9, False), (14.0, True), (15.0, True), (16.9, True), (17.0, False), (18.0, False)]
)
def test_an_alert_counts_for_failures_within_a_second_of_it(analysed: Analysed, ended: float, known: bool) -> None:
    rows = [request(ended - 2, 2000, Cause.CLOSED)]  # the moment it ended is what counts
    found = causes(analysed, rows, error_log=[error_line(15, OUT_OF_CONNECTIONS, "alert")])
    assert [name for name, _, _ in found] == [
        "Nginx out of connections" if known else "unknown (connection closed without an answer)"
    ]


def test_a_request_that_nginx_logged_was_not_closed_at_accept(analysed: Analysed) -> None:
    row = request(15, 5, Cause.RESET)
    alert = error_line(15, OUT_OF_CONNECTIONS, "alert")
    found = causes(analysed, [row], proxy_lines=[proxy_line(row, status=200)], error_log=[alert])
    assert found == [("unknown (connection reset)", "unknown", 1)]


def test_of_a_followed_redirect_the_second_request_may_be_the_one_that_was_closed(analysed: Analysed) -> None:
    """Nginx logged the vote's 302; the results page that the client asked for next has no line."""
    row = request(15, 5, Cause.CLOSED, name="vote", method="POST")
    alert = error_line(15, OUT_OF_CONNECTIONS, "alert")
    found = causes(analysed, [row], proxy_lines=[proxy_line(row, status=302)], error_log=[alert])
    assert found == [("Nginx out of connections", "nginx", 1)]


def test_nginx_s_own_500_in_the_second_of_an_alert_is_its_connections(analysed: Analysed) -> None:
    row = answered(500)
    line = proxy_line(row, upstream_status="-", upstream_connect_time="-")
    alert = error_line(15, f"*17 {OUT_OF_CONNECTIONS} while connecting to upstream, client: 127.0.0.1", "alert")
    assert causes(analysed, [row], proxy_lines=[line], error_log=[alert]) == [("Nginx out of connections", "nginx", 1)]


@pytest.mark.parametrize(
    ("status", "message", "name"),
    [
        (502, "connect() failed (111: Connection refused) while connecting", "app server refused the connection"),
        (502, "recv() failed (104: Connection reset by peer) while reading", "app server reset the connection"),
        (502, "upstream prematurely closed connection while reading", "app server closed the connection early"),
        (504, "upstream timed out (110: Connection timed out) while connecting", "app server did not accept in time"),
        (504, "upstream timed out (110: Connection timed out) while reading", "app server did not answer in time"),
    ],
)
def test_nginx_s_error_log_says_what_the_app_server_did(
    analysed: Analysed, status: int, message: str, name: str
) -> None:
    row = answered(status)
    line = proxy_line(row, upstream_status=str(status), connection=17)
    other = error_line(15, "*18 something else, client: 127.0.0.1")
    run = analysed(
        Recorded(
            [row], [step(1)], proxy_lines=[line], error_log=[other, error_line(15, f"*17 {message} upstream"), other]
        )
    )
    assert run.causes[["failure", "layer"]].to_numpy().tolist() == [[name, "app server"]]
    assert run.causes["evidence"].tolist() == [error_line(15, f"*17 {message} upstream")]


def test_what_was_said_of_a_connection_earlier_or_of_another_is_no_evidence(analysed: Analysed) -> None:
    row = answered(502)
    line = proxy_line(row, upstream_status="502", connection=18)
    assert causes(analysed, [row], proxy_lines=[line], error_log=[refused(), refused(35)]) == [
        ("unknown (unexpected status 502)", "unknown", 1)
    ]


def test_an_answer_that_the_app_server_broke_off_is_traced_to_it(analysed: Analysed) -> None:
    row = request(15, 5, Cause.CUT_SHORT, status=200)
    log = [error_line(15, "*17 upstream prematurely closed connection while reading upstream")]
    assert causes(analysed, [row], proxy_lines=[proxy_line(row)], error_log=log) == [
        ("app server closed the connection early", "app server", 1)
    ]


def test_a_connection_s_last_error_before_the_request_ended_is_the_one(analysed: Analysed) -> None:
    early, late = answered(502, at=11), answered(502, at=15)
    lines = [proxy_line(row, upstream_status="502", connection=17) for row in (early, late)]
    log = [refused(11), error_line(15, "*17 upstream prematurely closed connection while reading")]
    assert causes(analysed, [early, late], proxy_lines=lines, error_log=log) == [
        ("app server closed the connection early", "app server", 1),
        ("app server refused the connection", "app server", 1),
    ]


FATAL = 'connection failed: connection to server at "127.0.0.1", port 5432 failed: FATAL:  '


@pytest.mark.parametrize(
    ("chain", "name", "layer"),
    [
        (
            [
                f"psycopg2.OperationalError: {FATAL}sorry, too many clients already",
                f"django.db.utils.OperationalError: {FATAL}sorry, too many clients already",
            ],
            "PostgreSQL out of connections",
            "PostgreSQL",
        ),
        (
            [f"django.db.utils.OperationalError: {FATAL}remaining connection slots are reserved for SUPERUSER roles"],
            "PostgreSQL out of connections",
            "PostgreSQL",
        ),
        (
            [
                "psycopg_pool.PoolTimeout: couldn't get a connection after 10.00 sec",
                "django.db.utils.OperationalError: couldn't get a connection after 10.00 sec",
            ],
            "pool timeout",
            "Django",
        ),
        (["polls.models.Choice.DoesNotExist: no such choice"], "DoesNotExist", "Django"),
        (["ZeroDivisionError"], "ZeroDivisionError", "Django"),
    ],
)
def test_an_app_s_500_is_what_its_log_says_of_the_request(
    analysed: Analysed, chain: list[str], name: str, layer: str
) -> None:
    row, other = answered(500), answered(500, at=35)
    run = analysed(
        Recorded(
            [row, other],
            [step(1), step(2)],
            proxy_lines=[proxy_line(row), proxy_line(other)],
            app_log=[app_error(row, *chain), app_error(request(15), "ValueError: of another request")],
        )
    )
    of_step = run.causes.set_index("step")[["failure", "layer", "evidence"]].T.to_dict("list")
    assert of_step[1] == [name, layer, chain[-1] + WHERE]
    assert of_step[2][:2] == ["HTTP 500 from the app", "Django"]


def timeout() -> Request:
    return request(11, 5000, Cause.TIMEOUT)


@pytest.mark.parametrize(
    ("row", "line", "name", "layer"),
    [
        (timeout(), {}, "no answer in time, the app server had the request", "app server"),
        (
            timeout(),
            {"upstream_connect_time": "-"},
            "no answer in time, the app server had not accepted",
            "app server",
        ),
        (timeout(), None, "no answer in time, the request never reached Nginx", "nginx"),
        (
            request(11, 5000, Cause.UNFINISHED),
            {},
            "unfinished when the run ended, the app server had the request",
            "app server",
        ),
        (request(11, 5000, Cause.UNFINISHED), None, "unknown (unfinished)", "unknown"),
        (request(11, 5, Cause.REFUSED), None, "connection refused", "nginx"),
        (request(11, 5, Cause.WRONG_PAGE, status=200), {"status": 200}, "wrong page", "Django"),
        (answered(503), {"upstream_status": "503"}, "app server turned the request away", "app server"),
        (answered(403), {"upstream_status": "403"}, "HTTP 403 from the app", "Django"),
        (answered(404), {"upstream_status": "-"}, "unknown (unexpected status 404)", "unknown"),
        (request(11, 5, Cause.CUT_SHORT, status=200), {}, "unknown (answer cut short)", "unknown"),
        (request(11, 5, Cause.OTHER), None, "unknown (other client error)", "unknown"),
    ],
)
def test_the_client_s_view_and_nginx_s_line_together_name_the_layer(
    analysed: Analysed, row: Request, line: dict[str, Any] | None, name: str, layer: str
) -> None:
    lines = [] if line is None else [proxy_line(row, **line)]
    assert causes(analysed, [row], proxy_lines=lines) == [(name, layer, 1)]


def test_of_a_redirect_that_was_followed_the_end_is_what_failed(analysed: Analysed) -> None:
    row = answered(500)
    lines = [
        proxy_line(row),
        proxy_line(row, status=302, upstream_status="302", time=row.started),  # logged first, whatever the order here
    ]
    assert causes(analysed, [row], proxy_lines=lines) == [("HTTP 500 from the app", "Django", 1)]


def test_without_nginx_s_log_there_is_only_the_client_s_view(analysed: Analysed) -> None:
    alert = error_line(15, OUT_OF_CONNECTIONS, "alert")
    run = analysed(Recorded([*requests(1, ok=1, failed=2), answered(502)], [step(1)], error_log=[alert] * 60))
    assert run.causes[["failure", "layer", "failures"]].to_numpy().tolist() == [
        ["connection reset", "unknown", 2],
        ["unexpected status 502", "unknown", 1],
    ]
    assert set(run.causes["advice"]) == {CLIENT_VIEW.advice}
    assert run.notes == (
        "There is no proxy.log: causes are the client's view only, and Nginx's times cannot be compared.",
    )


def test_every_failure_in_the_failure_table_has_a_cause(analysed: Analysed) -> None:
    rows = [request(10 + n / 10, 5, cause, status=None) for n, cause in enumerate(Cause)]
    run = analysed(Recorded(rows, [step(1)], proxy_lines=[]))
    assert run.causes["failures"].sum() == run.steps["failures"].sum() == len(Cause)
