"""A request that waited is charged to whoever had it for most of its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.failures.split import PARTS, SHARES, split, time_sentence
from gatebench.records import Cause, DatabaseSample, Request
from tests.analysis.synthetic import BEGAN, Recorded, app_error, process_samples, proxy_line, request, session, step

Charged = Callable[..., tuple[str, str, str]]

GENERIC = "no answer in time, the app server had the request"
S, T, R, D = "sleeping", "stopped", "running", "disk-sleep"


@pytest.fixture
def charged(analysed: Callable[..., AnalysedRun]) -> Charged:
    """(cause, layer, evidence) of those of these requests that failed, which is one cause."""

    def analyse(rows: Request | Sequence[Request], **recorded: Any) -> tuple[str, str, str]:
        rows = [rows] if isinstance(rows, Request) else rows
        recorded.setdefault("proxy_lines", [proxy_line(row) for row in rows])
        table = analysed(Recorded(rows, [step(1)], **recorded)).causes
        ((failure, layer, evidence),) = table[["failure", "layer", "evidence"]].to_numpy().tolist()
        return failure, layer, evidence

    return analyse


def asked(at: float, answer_ms: float) -> DatabaseSample:
    return DatabaseSample(BEGAN + at, answer_ms, 3, 0)


def gave_up(at: float = 12.0) -> Request:
    """After two seconds."""
    return request(at, 2000, Cause.TIMEOUT)


def taken(row: Request, after_s: float, took_s: float, **changes: Any) -> dict[str, Any]:
    """Nginx's line of a request that it took so long after the client had begun, and had for so long."""
    times = {"time": row.started + after_s + took_s, "request_time": took_s, "upstream_response_time": f"{took_s:.3f}"}
    return proxy_line(row, **times | changes)


NOT_CONNECTED = {"upstream_connect_time": "-", "upstream_response_time": "-"}


@pytest.mark.parametrize(
    ("after_s", "took_s", "cause", "layer"),
    [
        (9.0, 0.0, "Nginx took the request too late", "nginx"),  # it logs 499 after 0.0 ms, long after the client left
        (1.1, 0.9, "Nginx took the request too late", "nginx"),
        (0.9, 1.1, "no answer in time, the app server had not accepted", "app server"),
    ],
)
def test_a_request_that_waited_in_front_of_nginx_is_nginx_s(
    charged: Charged, after_s: float, took_s: float, cause: str, layer: str
) -> None:
    row = gave_up()
    line = taken(row, after_s, took_s, **NOT_CONNECTED)
    assert charged(row, proxy_lines=[line])[:2] == (cause, layer)


@pytest.mark.parametrize(
    ("line", "where"), [((9, 0), "before Nginx took it"), ((0, 2), "in the app server")], ids=["in front", "behind"]
)
def test_the_proof_is_where_the_time_went_by_both_clocks(
    charged: Charged, line: tuple[float, float], where: str
) -> None:
    row = gave_up()
    found = charged(row, proxy_lines=[taken(row, *line)])
    assert found[2] == f"proxy.log: of its 2,000 ms 2,000 went by {where}"


def test_an_answer_that_nginx_had_sent_in_time_was_late_on_its_way_back(charged: Charged) -> None:
    row = gave_up()
    assert charged(row, proxy_lines=[taken(row, 0, 0.1, status=200)])[:2] == (
        "the answer was late on its way back",
        "client",
    )


NGINX_STOPPED = "processes.csv: Nginx's worker 31 was stopped (state T) between 22:13:32 and 22:13:35"


@pytest.mark.parametrize("line", [None, (9.0, 0.0), (0.0, 2.0)], ids=["unlogged", "in front", "within"])
def test_what_waited_while_nginx_s_worker_was_stopped_is_nginx_s_wherever_it_was(
    charged: Charged, line: tuple[float, float] | None
) -> None:
    row = gave_up(12.5)
    nginx = [*process_samples("nginx", 130, [S] * 30), *process_samples("nginx", 131, [S] * 13 + [T, T] + [S] * 9, 130)]
    lines = [] if line is None else [taken(row, *line)]
    assert charged(row, proxy_lines=lines, processes=nginx) == ("Nginx's worker was stopped", "nginx", NGINX_STOPPED)


def test_time_in_a_stopped_nginx_is_not_told_as_the_app_server_s(analysed: Callable[..., AnalysedRun]) -> None:
    row = gave_up(12.5)
    nginx = [*process_samples("nginx", 130, [S] * 30), *process_samples("nginx", 131, [S] * 13 + [T, T] + [S] * 9, 130)]
    (example,) = analysed(Recorded([row], [step(1)], proxy_lines=[taken(row, 0, 2)], processes=nginx)).examples.to_dict(
        "records"
    )
    assert [example[part] for part in PARTS] == pytest.approx([0, 2000, 0, 0, 0])


def test_masters_that_are_stopped_are_not_to_blame(charged: Charged) -> None:
    row = gave_up()
    processes = [
        *process_samples("nginx", 130, [T] * 30),
        *process_samples("nginx", 131, [S] * 30, parent=130),
        *process_samples("app", 140, [T] * 30),
        *process_samples("app", 141, [S] * 30, parent=140),
    ]
    assert charged(row, processes=processes)[0] == GENERIC


def answers(worker: str, times: Sequence[float]) -> list[tuple[Request, dict[str, Any]]]:
    rows = [request(at, 10) for at in times]
    return [(row, proxy_line(row, worker=worker)) for row in rows]


def two_workers(silent: Sequence[float], others: Sequence[float], waiting: int = 3) -> dict[str, Any]:
    """Answers of worker 41, which so many failed requests are at, and of worker 42."""
    rows = [gave_up() for _ in range(waiting)]
    pairs = [*((row, proxy_line(row)) for row in rows), *answers("41", silent), *answers("42", others)]
    return {"rows": [one for one, _ in pairs], "proxy_lines": [line for _, line in pairs]}


ALL_THE_TIME = [10.5 + n / 8 for n in range(41)]
BEFORE, AFTER = [at for at in ALL_THE_TIME if at < 12], [at for at in ALL_THE_TIME if at > 14.5]


@pytest.mark.parametrize(
    ("stopped", "named"),
    [([13, 14], True), ([12, 13], True), ([10], False), ([15], False)],
)
def test_a_worker_that_was_stopped_for_most_of_the_time_is_to_blame(
    charged: Charged, stopped: list[int], named: bool
) -> None:
    states = [T if second in stopped else S for second in range(30)]
    processes = [*process_samples("app", 140, [S] * 30), *process_samples("app", 141, states, parent=140)]
    cause, layer, _ = charged(**two_workers(BEFORE, ALL_THE_TIME), processes=processes)
    assert (cause == "app server's worker was stopped", layer) == (named, "app server")


def test_the_stop_is_told_with_what_the_others_did(charged: Charged) -> None:
    states = [T if second in (13, 14) else S for second in range(30)]
    _, _, evidence = charged(**two_workers(BEFORE, ALL_THE_TIME), processes=process_samples("app", 141, states))
    assert evidence == (
        "processes.csv: worker 41 of the app server was stopped (state T) between 22:13:32 and 22:13:35; "
        "others answered 24 requests then"
    )


WAS_SILENT = "proxy.log: worker 41 of the app server answered nobody between 22:13:31 and 22:13:34, others 21 requests"


@pytest.mark.parametrize(
    ("states", "cores", "cause", "state"),
    [
        ([S] * 30, 0.02, "silent while others answered", "it was waiting (state S) and used 2 % of a core"),
        ([D] * 30, 0.0, "silent while others answered", "it was waiting for a disk (state D) and used 0 % of a core"),
        ([R] * 30, 0.9, "busy and answered nobody", "it was busy and used 90 % of a core"),
        ([S] * 30, 0.5, "busy and answered nobody", "it was busy and used 50 % of a core"),
        ([], 0.0, "silent while others answered", None),
    ],
)
def test_a_worker_that_was_silent_while_the_other_answered_is_told_with_its_state(
    charged: Charged, states: list[str], cores: float, cause: str, state: str | None
) -> None:
    processes = process_samples("app", 141, states, cores=cores) or None
    found = charged(**two_workers(BEFORE + AFTER, ALL_THE_TIME), processes=processes)
    assert found[:2] == (f"app server's worker was {cause}", "app server")
    assert found[2] == WAS_SILENT + (f"; processes.csv: {state}" if state else "")


@pytest.mark.parametrize(
    ("silent", "others"),
    [
        (BEFORE + AFTER, []),  # nobody answered: it may wait as all do
        (BEFORE + AFTER, BEFORE + AFTER),
        ([11.9, 14.5], ALL_THE_TIME),  # it never answered much
        (ALL_THE_TIME, ALL_THE_TIME),
        ([], ALL_THE_TIME),
    ],
)
def test_a_silence_that_may_be_chance_is_no_cause(charged: Charged, silent: list[float], others: list[float]) -> None:
    processes = process_samples("app", 141, [S] * 30)
    assert charged(**two_workers(silent, others), processes=processes)[0] == GENERIC


def test_a_slow_request_or_two_are_no_sign_that_a_worker_was_more_than_idle(charged: Charged) -> None:
    assert charged(**two_workers(BEFORE + AFTER, ALL_THE_TIME, waiting=2))[0] == GENERIC


@pytest.mark.parametrize(
    ("answered", "there"),
    [(BEFORE, process_samples("app", 141, [S] * 13)), (AFTER, process_samples("app", 141, [S] * 10, since=14))],
    ids=["went", "came"],
)
def test_a_worker_that_came_or_went_meanwhile_was_not_silent_before_or_after(
    charged: Charged, answered: list[float], there: list[Any]
) -> None:
    assert charged(**two_workers(answered, ALL_THE_TIME), processes=there)[0] == GENERIC


STREAMS = {"streams": ["open"], "settings": {"heartbeat_s": {"value": 0.5}}}
THREADS = {"workload": STREAMS, "settings": {"threads": 2}}
HELD = "proxy.log: streams held all 2 threads of worker 41 of the app server between 22:13:31 and 22:13:35"


def watched(at: float, until: float, **changes: Any) -> tuple[Request, dict[str, Any]]:
    """A stream of worker 41's, with Nginx's line of it."""
    row = request(at, 10, name="open")
    return row, taken(row, 0, until - at, worker="41") | changes


@pytest.mark.parametrize(
    ("streams", "config", "held"),
    [
        ([watched(11, 15), watched(10, 14.6)], THREADS, True),  # one left, and its thread has not seen it
        ([watched(11, 15), watched(10, 12), watched(12.4, 15)], THREADS, True),
        ([watched(11, 15), watched(10, 12), watched(13.5, 15)], THREADS, False),
        ([watched(11, 15), watched(10, 15, worker="42")], THREADS, False),
        ([watched(11, 15)], THREADS, False),
        ([watched(11, 15), watched(10, 15, worker="-")], THREADS, False),
        ([watched(11, 15), watched(10, 15)], {**THREADS, "interface": "asgi"}, False),
        ([watched(11, 15), watched(10, 15)], {**THREADS, "server_args": "--threads 9"}, False),
        ([watched(11, 15), watched(10, 15)], {**THREADS, "workload": {}}, False),
    ],
)
def test_a_worker_of_which_streams_hold_every_thread_is_told(
    charged: Charged, streams: list[tuple[Request, dict[str, Any]]], config: dict[str, Any], held: bool
) -> None:
    pairs = [*streams, *((row, proxy_line(row)) for row in [gave_up()])]
    rows, lines = [row for row, _ in pairs], [line for _, line in pairs]
    cause, layer, _ = charged(rows, proxy_lines=lines, config=config)
    assert (cause, layer) == ("streams held every thread of a worker" if held else GENERIC, "app server")


def test_the_threads_that_streams_hold_are_told_from_when_to_when(charged: Charged) -> None:
    """Somebody who watches and is none of our users holds one as well."""
    (row, line), (_, somebody), failed = watched(11, 15), watched(10, 14.6), gave_up()
    lines = [line, somebody, proxy_line(failed)]
    assert charged([row, failed], proxy_lines=lines, config=THREADS)[2] == HELD


def locked(at: float, lock_s: float, **changes: Any) -> Any:
    held = {"blocker": 9, "blocker_application": "psql", "blocker_state": "idle in transaction"}
    held |= {"blocker_query": "LOCK TABLE polls_choice", "lock_s": lock_s}
    return session(at, lock_s, "Lock relation", **held | changes)


LOCKED = (
    "sessions.csv: up to 2 sessions waited (the longest 2.0 s) for a lock between 22:13:32 and 22:13:35; "
    "session 9 of psql held it, idle in transaction after LOCK TABLE polls_choice"
)


def test_a_lock_is_told_with_whose_it_is_and_for_how_long(charged: Charged) -> None:
    sessions = [locked(13, 1.0), locked(14, 2.0), locked(14, 1.5, pid=42)]
    assert charged(gave_up(), sessions=sessions) == ("PostgreSQL waited for a lock", "PostgreSQL", LOCKED)


@pytest.mark.parametrize(
    "sessions",
    [
        [locked(13, 0.9)],  # a hot row, and each waits a moment
        [locked(16, 1.5)],  # later
        [locked(11.5, 2)],  # earlier: less than half of the request's time
        [replace(locked(14, 2.0), lock_s=None)],
    ],
)
def test_a_lock_that_was_short_or_at_another_time_is_no_cause(charged: Charged, sessions: list[Any]) -> None:
    assert charged(gave_up(), sessions=sessions)[0] == GENERIC


@pytest.mark.parametrize(
    ("exception", "cause"),
    [
        ("psycopg_pool.PoolTimeout: couldn't get a connection after 2.00 sec", "PostgreSQL waited for a lock"),
        ("django.db.utils.OperationalError: canceling statement due to lock timeout", "PostgreSQL waited for a lock"),
        ("ValueError: mine", "ValueError"),
    ],
)
def test_a_lock_explains_errors_of_the_database_and_no_others(charged: Charged, exception: str, cause: str) -> None:
    row = request(12, 2000, Cause.STATUS, status=500, bytes=100)
    sessions = [locked(13, 1.0), locked(14, 2.0)]
    assert charged(row, sessions=sessions, app_log=[app_error(row, exception)])[0] == cause


@pytest.mark.parametrize(
    ("wait", "cause"),
    [
        ("IO WALSync", "PostgreSQL waited for its disk"),
        ("IO WalSync", "PostgreSQL waited for its disk"),
        ("LWLock WALWrite", "PostgreSQL waited for its disk"),
        ("LWLock BufferContent", "PostgreSQL was at one query for too long"),
        ("Timeout PgSleep", "PostgreSQL was at one query for too long"),
        ("", "PostgreSQL was at one query for too long"),
    ],
)
def test_a_session_that_began_its_query_for_the_request_is_told_with_what_it_waited_for(
    charged: Charged, wait: str, cause: str
) -> None:
    found = charged(gave_up(), sessions=[session(13.1, 1.0, wait), session(14.1, 2.0, wait)])
    assert found[:2] == (cause, "PostgreSQL")
    assert "UPDATE polls_choice" in found[2]
    assert wait in found[2]


@pytest.mark.parametrize(
    ("holder", "cause"),
    [("IO WALSync", "PostgreSQL waited for its disk"), ("Timeout PgSleep", "PostgreSQL waited for a lock")],
)
def test_a_lock_whose_holder_waits_for_the_disk_is_the_disk_s(charged: Charged, holder: str, cause: str) -> None:
    """So it is for one that waits behind another in the lock's queue."""
    sessions = [
        waiting
        for second in (1.0, 2.0)
        for waiting in (
            session(12.1 + second, second - 0.1, holder, pid=41),
            session(12.1 + second, second, "Lock transactionid", pid=42, lock_s=second, blocker=41),
            session(12.1 + second, second, "Lock tuple", pid=43, lock_s=second, blocker=42),
        )
    ]
    found = charged(gave_up(), sessions=sessions)
    assert found[:2] == (cause, "PostgreSQL")
    assert ("up to 3 sessions waited" in found[2] and "(IO WALSync)" in found[2]) == holder.startswith("IO")


@pytest.mark.parametrize("wait", ["IO WALSync", "Lock transactionid", "LWLock BufferContent"])
def test_a_wait_that_lasted_because_postgresql_was_silent_is_its_silence(charged: Charged, wait: str) -> None:
    """It was paused while a session waited, and answered Gatebench's question when it went on."""
    database = [asked(11.1, 2.0), asked(12.1, 2800), asked(15.1, 2.0)]
    sessions = [session(12.1, 2.9, wait, lock_s=2.9 if wait.startswith("Lock") else None)]
    found = charged(gave_up(), sessions=sessions, database=database)
    assert found[:2] == ("PostgreSQL did not answer", "PostgreSQL")


def test_a_wait_that_went_on_after_the_silence_is_a_wait(charged: Charged) -> None:
    database = [asked(12.1, 1100), asked(13.3, 2.0), asked(14.3, 2.0)]
    sessions = [session(12.1, 1.2, "IO WALSync"), session(13.3, 1.3, "IO WALSync"), session(14.3, 2.3, "IO WALSync")]
    assert charged(gave_up(13.0), sessions=sessions, database=database)[0] == "PostgreSQL waited for its disk"


def test_a_query_that_ran_before_the_request_came_is_another_s(charged: Charged) -> None:
    """A report that somebody else makes all afternoon is no cause."""
    sessions = [session(second, second - 2.0) for second in range(10, 20)]
    assert charged(gave_up(), sessions=sessions)[0] == GENERIC


def test_a_disk_that_was_slow_for_less_than_half_of_the_time_is_no_cause(charged: Charged) -> None:
    assert charged(gave_up(), sessions=[session(11.5, 1.5, "IO WALSync")])[0] == GENERIC


def test_without_the_new_columns_and_files_a_timeout_is_what_it_was(charged: Charged) -> None:
    row = gave_up()
    line = proxy_line(row)
    del line["worker"]
    assert charged(row, proxy_lines=[line])[:2] == (GENERIC, "app server")


COLUMNS = ["elapsed_ms", "nginx_started", "nginx_ms", "upstream_ms", "connect_ms"]
NONE = float("nan")


@pytest.mark.parametrize(
    ("seen", "parts"),
    [
        ((1000, 10.2, 700, 600, 50), (200, 100, 50, 550, 100)),
        ((1000, 10.2, 700, NONE, NONE), (200, 700, 0, 0, 100)),  # Nginx answered by itself
        ((1000, 10.2, 700, 650, NONE), (200, 50, 650, 0, 100)),  # it never came to be connected
        ((1000, 17.0, 0, NONE, NONE), (1000, 0, 0, 0, 0)),  # it took it when the client had gone
        ((1000, 10.5, 900, 900, 0), (500, 0, 0, 500, 0)),  # and ended it later
        ((1000, 9.999, 1000, 1000, 0), (0, 0, 0, 1000, 0)),  # its clock has whole milliseconds
        ((1000, NONE, NONE, NONE, NONE), (NONE,) * 5),
    ],
)
def test_the_parts_of_a_request_s_time_add_up_to_it(seen: tuple[float, ...], parts: tuple[float, ...]) -> None:
    row = pd.DataFrame([seen], columns=COLUMNS).assign(started=10.0)
    assert split(row).iloc[0].tolist() == pytest.approx(parts, nan_ok=True)


def test_a_sentence_tells_the_parts_that_are_worth_it() -> None:
    row = pd.DataFrame([(1000, 10.2, 700, 600, 5)], columns=COLUMNS).assign(started=10.0)
    told = pd.concat([row, split(row)], axis=1).iloc[0]
    assert time_sentence(told) == (
        "of its 1,000 ms 200 went by before Nginx took it, 100 in Nginx, 595 in the app server, 100 on the way back"
    )


def test_the_slow_requests_of_a_step_are_split_by_the_mean_of_their_shares(
    analysed: Callable[..., AnalysedRun],
) -> None:
    quick = [request(11 + n / 100, 10) for n in range(96)]
    slow = [request(13, 1000), request(14, 1000), request(15, 4000, Cause.TIMEOUT)]
    unlogged = request(16, 9000, Cause.TIMEOUT)
    lines = [
        *map(proxy_line, quick),
        taken(slow[0], 0.5, 0.5),
        taken(slow[1], 0.25, 0.75),
        taken(slow[2], 0, 4),
    ]
    (row,) = analysed(Recorded([*quick, *slow, unlogged], [step(1)], proxy_lines=lines)).splits.to_dict("records")
    assert (row["step"], row["users"], row["requests"]) == (1, 100, 3)
    assert [row[share] for share in SHARES] == pytest.approx([25, 0, 0, 75, 0], abs=0.01)


def test_without_nginx_s_log_nothing_is_split(analysed: Callable[..., AnalysedRun]) -> None:
    assert analysed(Recorded([request(11)], [step(1)])).splits is None
