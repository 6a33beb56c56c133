"""What the samples and the app server's log prove of failures that no line with the request's id explains."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from gatebench.analysis.analysed_run import analyse
from gatebench.analysis.failures.causes import RULES
from gatebench.records import Cause, DatabaseSample, MachineSample, Request, RoleSample
from tests.analysis.synthetic import BEGAN, WHERE, Recorded, app_error, error_line, proxy_line, request, step

Sample = MachineSample | RoleSample | DatabaseSample
FILES = {MachineSample: "machine.csv", RoleSample: "resources.csv", DatabaseSample: "database.csv"}

Causes = Callable[..., list[tuple[str, str, str]]]


@pytest.fixture
def causes(results: Path) -> Causes:
    """(cause, layer, evidence) of each cause, most frequent first, of a run with these samples and load.jsonl."""

    def analysed(
        rows: Sequence[Request], samples: Sequence[Sample] = (), events: Sequence[dict[str, Any]] = (), **recorded: Any
    ) -> list[tuple[str, str, str]]:
        recorded.setdefault("proxy_lines", [])
        folder = Recorded(rows, [step(1)], **recorded).write(results / "run")
        for kind, name in FILES.items():
            lines = [asdict(sample) for sample in samples if isinstance(sample, kind)]
            if lines:
                with (folder.path / name).open("w", newline="") as file:
                    writer = csv.DictWriter(file, list(lines[0]))
                    writer.writeheader()
                    writer.writerows(lines)
        folder.load_events.write_text("".join(json.dumps(event) + "\n" for event in events))
        table = analyse(folder).causes
        return list(zip(table["failure"], table["layer"], table["evidence"], strict=True))

    return analysed


def machine(at: float, overflows: int | None) -> MachineSample:
    return MachineSample(BEGAN + at, 1.0, None, None, overflows, None)


def app(at: float, ended: str = "") -> RoleSample:
    return RoleSample(BEGAN + at, "app", 1.0, 1, 3, 3, None, ended)


def asked(at: float, answer_ms: float | None) -> DatabaseSample:
    return DatabaseSample(BEGAN + at, answer_ms, 3, 0)


def timeout(at: float = 12.0) -> Request:
    return request(at, 2000, Cause.TIMEOUT)


def unconnected(row: Request, **changes: Any) -> dict[str, Any]:
    return proxy_line(row, upstream_connect_time="-", **changes)


def out_of_connections() -> tuple[list[Request], dict[str, Any]]:
    """A request for which PostgreSQL had no connection, and what else is recorded of it."""
    row = request(15.2, 5, Cause.STATUS, status=500, bytes=100)
    raised = "django.db.utils.OperationalError: connection failed: FATAL:  sorry, too many clients already"
    return [row], {"proxy_lines": [proxy_line(row, upstream_status="500")], "app_log": [app_error(row, raised)]}


@pytest.mark.parametrize(
    ("interface", "idle", "cause"),
    [
        ("asgi", 97, "connections leaked"),
        ("asgi", 2, "PostgreSQL out of connections"),
        ("asgi", None, "PostgreSQL out of connections"),
        ("wsgi", 97, "PostgreSQL out of connections"),
    ],
)
def test_idle_connections_under_asgi_have_leaked(causes: Causes, interface: str, idle: int | None, cause: str) -> None:
    rows, recorded = out_of_connections()
    samples = [DatabaseSample(BEGAN + 15, 1.0, 98, 0, idle)]
    ((found, _, _),) = causes(rows, samples, **recorded, config={"interface": interface})
    assert found == cause


@pytest.mark.parametrize("keeps_threads", [True, False])
def test_idle_connections_of_requests_that_wait_at_the_app_have_not_leaked(causes: Causes, keeps_threads: bool) -> None:
    """Nor have those of threads that a bridge keeps."""
    rows, recorded = out_of_connections()
    waiting = [] if keeps_threads else [proxy_line(request(14, 3000)) for _ in range(60)]
    config = {"interface": "asgi", "bridge_row": {"keeps_threads": keeps_threads}}
    samples = [DatabaseSample(BEGAN + 15, 1.0, 98, 0, 97)]
    recorded["proxy_lines"] += waiting
    ((found, _, _),) = causes(rows, samples, **recorded, config=config)
    assert found == "PostgreSQL out of connections"


SENT_AWAY = "2023-11-14 22:13:{at} UTC [12] WARNING C-0x55: polls/polls@127.0.0.1:4 pooler error: {why}"


@pytest.mark.parametrize(
    ("why", "at", "cause"),
    [
        ("query_wait_timeout", "35.727", "PgBouncer had no connection in time"),
        ("no more connections allowed (max_client_conn)", "35.727", "PgBouncer sent the client away"),
        ("query_wait_timeout", "50.727", "PostgreSQL broke off"),
    ],
)
def test_what_pgbouncer_said_is_sought_in_its_own_log(causes: Causes, why: str, at: str, cause: str) -> None:
    row = request(15.2, 5, Cause.STATUS, status=500, bytes=100)
    raised = "django.db.utils.OperationalError: server closed the connection unexpectedly"
    recorded = {"proxy_lines": [proxy_line(row, upstream_status="500")], "app_log": [app_error(row, raised)]}
    ((found, layer, _),) = causes([row], **recorded, pgbouncer_log=[SENT_AWAY.format(at=at, why=why)])
    assert (found, layer) == (cause, "PostgreSQL" if cause.startswith("Postgre") else "PgBouncer")


FULL = "machine.csv: 7 connections met a full listen backlog between 22:13:33 and 22:13:34"


@pytest.mark.parametrize(
    ("overflows", "name"),
    [
        ([3, 3, 10, 10], "app server's listen backlog was full"),
        ([3, 3, 3, 3], "no answer in time, the app server had not accepted"),
        ([None, None, None, None], "no answer in time, the app server had not accepted"),
        ([3, 10, 10, 10], "no answer in time, the app server had not accepted"),  # before it was asked for
    ],
)
def test_a_backlog_is_full_when_the_kernel_turned_connections_away_meanwhile(
    causes: Causes, overflows: list[int | None], name: str
) -> None:
    row = timeout(12.5)
    samples = [machine(11 + second, n) for second, n in enumerate(overflows)]
    ((found, layer, _),) = causes([row], samples, proxy_lines=[unconnected(row)])
    assert (found, layer) == (name, "app server")


@pytest.mark.parametrize(("connect_time", "full"), [("0.899", False), ("1.004", True)])
def test_a_connection_that_was_asked_for_twice_met_a_full_backlog(
    causes: Causes, connect_time: str, full: bool
) -> None:
    row = timeout()
    line = proxy_line(row, upstream_connect_time=connect_time)
    ((name, layer, _),) = causes([row], [machine(13, 0), machine(14, 7)], proxy_lines=[line])
    assert layer == "app server"
    assert name == (
        "app server's listen backlog was full" if full else "no answer in time, the app server had the request"
    )


def test_nginx_s_504_while_connecting_is_the_backlog_s(causes: Causes) -> None:
    row = request(12, 5000, Cause.STATUS, status=504, bytes=100)
    log = [error_line(17, "*17 upstream timed out (110: Connection timed out) while connecting to upstream")]
    lines = [unconnected(row, upstream_status="504")]
    samples = [machine(13, 0), machine(14, 7)]
    assert causes([row], samples, proxy_lines=lines, error_log=log) == [
        ("app server's listen backlog was full", "app server", FULL)
    ]


def test_a_request_that_nginx_never_saw_met_nginx_s_own_backlog(causes: Causes) -> None:
    assert causes([timeout()], [machine(13, 0), machine(14, 7)]) == [("Nginx's listen backlog was full", "nginx", FULL)]


def broke_off(at: float = 15.5) -> tuple[list[Request], dict[str, Any]]:
    """A request that the app server broke off, and what else is recorded of it."""
    row = request(at, 5, Cause.STATUS, status=502, bytes=100)
    log = [error_line(at, "*17 upstream prematurely closed connection while reading response header from upstream")]
    return [row], {"proxy_lines": [proxy_line(row, upstream_status="502")], "error_log": log}


def gunicorn(at: float, message: str, level: str = "ERROR") -> str:
    return f"[{time.strftime('%Y-%m-%d %H:%M:%S +0000', time.gmtime(BEGAN + at))}] [7] [{level}] {message}"


TIMEOUT = gunicorn(15, "WORKER TIMEOUT (pid:9)", "CRITICAL")
KILLED = gunicorn(15, "Worker (pid:9) was sent SIGKILL! Perhaps out of memory?")
EXITED = gunicorn(15, "Worker (pid:9) exited with code 3.")
DIED = "INFO:     Child process [9] died"
GONE = "resources.csv: process 9 of the app server, there at 22:13:35, is gone at 22:13:36"
SAMPLES = [app(14), app(15), app(16, "9"), app(17)]


@pytest.mark.parametrize(
    ("log", "samples", "name", "evidence"),
    [
        ([TIMEOUT], [], "app server's worker timed out", TIMEOUT),
        ([KILLED, TIMEOUT], [], "app server's worker timed out", TIMEOUT),  # the signal is how it was ended
        ([KILLED], [], "app server's worker was killed", KILLED),
        ([EXITED], [], "app server's worker ended", EXITED),
        ([], SAMPLES, "app server's worker ended", GONE),
        ([KILLED], SAMPLES, "app server's worker was killed", KILLED),
        ([DIED], SAMPLES, "app server's worker ended", DIED),
        ([KILLED.replace("pid:9", "pid:8").replace(":35 ", ":31 ")], SAMPLES, "app server's worker ended", GONE),
    ],
)
def test_a_request_that_was_broken_off_when_a_worker_ended_is_that_worker_s(
    causes: Causes, log: list[str], samples: list[Sample], name: str, evidence: str
) -> None:
    rows, recorded = broke_off()
    assert causes(rows, samples, app_log=log, **recorded) == [(name, "app server", evidence)]


@pytest.mark.parametrize(
    ("log", "samples"),
    [
        ([], []),
        ([gunicorn(12, "WORKER TIMEOUT (pid:9)")], []),
        ([DIED], []),  # nobody knows when
        ([], [app(14), app(15), app(16), app(17)]),
        ([], [app(12), app(13, "9"), app(14)]),
        ([], [app(15), replace(app(15), role="nginx"), app(16), replace(app(16, "9"), role="nginx")]),
    ],
)
def test_without_a_worker_that_ended_then_it_is_only_known_to_have_been_broken_off(
    causes: Causes, log: list[str], samples: list[Sample]
) -> None:
    rows, recorded = broke_off()
    ((name, layer, _),) = causes(rows, samples, app_log=log, **recorded)
    assert (name, layer) == ("app server closed the connection early", "app server")


@pytest.mark.parametrize(
    ("log", "django_s", "name"),
    [
        (TIMEOUT, [], "app server's worker timed out"),
        (KILLED, [], "HTTP 500 from the app"),  # who is killed answers nothing
        (TIMEOUT, ["ValueError: mine"], "ValueError"),
    ],
)
def test_a_500_that_django_knows_nothing_of_is_gunicorn_s_when_a_worker_timed_out(
    causes: Causes, log: str, django_s: list[str], name: str
) -> None:
    row = request(15, 5, Cause.STATUS, status=500, bytes=100)
    own = [app_error(row, one) for one in django_s]
    ((found, _, _),) = causes([row], proxy_lines=[proxy_line(row)], app_log=[*own, log])
    assert found == name


STALL = "database.csv: what PostgreSQL was asked at 22:13:33 took it 1,500 ms"


@pytest.mark.parametrize(
    ("at", "answer_ms", "stalled"),
    [
        (13, 1500, True),
        (13, 1000, False),  # slow, and not silent
        (13, None, True),
        (14.1, 1500, False),  # after it
        (10.4, 1500, False),  # before it
        (10.6, 1500, True),
    ],
)
def test_postgresql_did_not_answer_who_lived_through_its_silence(
    causes: Causes, at: float, answer_ms: float | None, stalled: bool
) -> None:
    row = timeout()
    ((name, layer, _),) = causes([row], [asked(9, 1), asked(at, answer_ms)], proxy_lines=[proxy_line(row)])
    assert (name, layer) == (
        ("PostgreSQL did not answer", "PostgreSQL")
        if stalled
        else ("no answer in time, the app server had the request", "app server")
    )


@pytest.mark.parametrize(
    ("exception", "name"),
    [
        ("psycopg_pool.PoolTimeout: couldn't get a connection after 10.00 sec", "PostgreSQL did not answer"),
        ("django.db.utils.OperationalError: canceling statement due to statement timeout", "PostgreSQL did not answer"),
        ("ZeroDivisionError", "ZeroDivisionError"),  # the app's own
        ("django.db.utils.IntegrityError: duplicate key", "IntegrityError"),
        ("psycopg2.OperationalError: FATAL:  sorry, too many clients already", "PostgreSQL out of connections"),
    ],
)
def test_in_postgresql_s_silence_an_error_of_another_kind_keeps_its_own_cause(
    causes: Causes, exception: str, name: str
) -> None:
    row = request(12, 2000, Cause.STATUS, status=500, bytes=100)
    recorded = {"proxy_lines": [proxy_line(row)], "app_log": [app_error(row, exception)]}
    ((found, _, evidence),) = causes([row], [asked(13, 1500)], **recorded)
    assert found == name
    assert evidence == (STALL if name == "PostgreSQL did not answer" else exception + WHERE)


def refused(at: float) -> str:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S,123", time.gmtime(BEGAN + at))
    return (
        f"{stamp} WARNING psycopg.pool pid=7 request_id=- error connecting in 'pool-1': FATAL:  sorry, too many clients"
    )


@pytest.mark.parametrize(
    ("refusals", "refused_then"),
    [
        ([11.0], True),
        ([10.0], False),  # asked again a second later, and was not refused
        ([15.2], False),  # later
        ([5.0, 8.0], True),  # it waits longer each time
    ],
)
def test_a_pool_that_postgresql_refused_is_short_of_connections_until_it_tries_again(
    causes: Causes, refusals: list[float], refused_then: bool
) -> None:
    row = request(12, 2000, Cause.STATUS, status=500, bytes=100)
    own = app_error(row, "django.db.utils.OperationalError: couldn't get a connection after 2.00 sec")
    log = [*map(refused, refusals), own]
    ((name, layer, evidence),) = causes([row], proxy_lines=[proxy_line(row)], app_log=log)
    expected = ("PostgreSQL refused the pool connections", "PostgreSQL", refused(refusals[-1]))
    assert (name, layer, evidence) == (
        expected if refused_then else ("pool timeout", "Django", own.splitlines()[-1] + WHERE)
    )


def test_nginx_s_own_end_is_named(causes: Causes) -> None:
    line = error_line(12, "worker process 31 exited on signal 9", "alert")
    assert causes([request(12, 5, Cause.RESET)], error_log=[line]) == [("Nginx's worker ended", "nginx", line)]


@pytest.mark.parametrize(
    "words",
    [
        "server closed the connection unexpectedly",
        "consuming input failed: server closed the connection unexpectedly",
        "terminating connection due to administrator command",
    ],
)
def test_a_postgresql_that_ended_the_connection_is_named(causes: Causes, words: str) -> None:
    row = request(12, 20, Cause.STATUS, status=500, bytes=100)
    raised = f"django.db.utils.OperationalError: {words}"
    assert causes([row], proxy_lines=[proxy_line(row)], app_log=[app_error(row, raised)]) == [
        ("PostgreSQL broke off", "PostgreSQL", raised + WHERE)
    ]


def test_a_failed_csrf_check_is_named_by_django_s_own_line(causes: Causes) -> None:
    row = request(12, 20, Cause.STATUS, status=403, bytes=100)
    line = (
        f"2023-11-14 22:13:32,000 WARNING django.security.csrf pid=7 request_id={row.request_id:016x} "
        "Forbidden (CSRF token missing.): /polls/1/vote/"
    )
    assert causes([row], proxy_lines=[proxy_line(row)], app_log=[line]) == [("CSRF check failed", "Django", line)]


def test_a_503_of_which_django_wrote_is_not_the_app_server_s(causes: Causes) -> None:
    row = request(12, 20, Cause.STATUS, status=503, bytes=100)
    line = app_error(row).splitlines()[0].replace("Internal Server Error", "Service Unavailable: /")
    assert causes([row], proxy_lines=[proxy_line(row)], app_log=[line]) == [("HTTP 503 from the app", "Django", line)]


def test_a_503_of_the_app_server_s_own_is_proven_by_its_words(causes: Causes) -> None:
    row = request(12, 20, Cause.STATUS, status=503, bytes=100)
    line = "WARNING:  Exceeded concurrency limit."
    assert causes([row], proxy_lines=[proxy_line(row)], app_log=["INFO:     Started", line]) == [
        ("app server turned the request away", "app server", line)
    ]


def test_what_the_server_wrote_after_an_app_s_error_is_no_part_of_it(causes: Causes) -> None:
    row = request(12, 20, Cause.STATUS, status=500, bytes=100)
    log = [app_error(row, "ValueError: mine"), gunicorn(15, "Error handling request /"), "SystemExit: 1"]
    ((name, _, _),) = causes([row], proxy_lines=[proxy_line(row)], app_log=log)
    assert name == "ValueError"


def progress(at: float, late_ms: float) -> dict[str, Any]:
    return {"event": "progress", "time": BEGAN + at, "late_ms": [0.0, late_ms]}


@pytest.mark.parametrize(
    ("late_ms", "line", "name"),
    [
        (1200, None, "the load generator was late itself"),
        (1200, {"status": 200, "request_time": 0.1}, "the load generator was late itself"),
        (800, None, "no answer in time, the request never reached Nginx"),
        (1200, {"request_time": 1.9}, "no answer in time, the app server had the request"),
    ],
)
def test_a_request_that_waited_for_the_generator_is_no_failure_of_the_server_s(
    causes: Causes, late_ms: float, line: dict[str, Any] | None, name: str
) -> None:
    row = timeout()
    lines = [] if line is None else [proxy_line(row, **line)]
    ((found, layer, evidence),) = causes([row], events=[progress(12, 0), progress(14, late_ms)], proxy_lines=lines)
    assert found == name
    if layer == "client":
        assert evidence == "load.jsonl: its clock was 1,200 ms late in the 2,000 ms of the request"


def test_every_cause_has_one_line_of_advice() -> None:
    for rule in RULES:
        assert rule.advice.endswith(".")
        assert len(rule.advice) < 130
