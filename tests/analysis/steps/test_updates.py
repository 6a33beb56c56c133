"""What is pushed within a stream: how late it came, and that it is no request."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.records import Cause, LoadSummary, Request
from tests.analysis.synthetic import Recorded, proxy_line, request, requests, step

Analysed = Callable[..., AnalysedRun]

LIVE = {"workload": {"paced": ["watch"], "streams": ["open"], "pushed": ["update"]}}


def update(at: float, late_ms: float, of: Request) -> Request:
    return request(at, late_ms, name="update", request_id=of.request_id)


def watched(seconds: float = 60.0) -> tuple[Request, Request]:
    """A stream that was opened before the hold and left after it."""
    opening = request(2, 40, name="open")
    return opening, request(2.04, 1000 * seconds, name="watch", request_id=opening.request_id, step=1)


def whole(stream: Request, seconds: float) -> dict[str, object]:
    """Nginx's line of a stream."""
    return proxy_line(stream, time=stream.started + seconds, request_time=seconds, upstream_response_time=f"{seconds}")


def test_its_lateness_stands_in_columns_of_its_own(analysed: Analysed) -> None:
    opening, staying = watched()
    late = [update(15, ms, opening) for ms in range(10, 1010, 10)]
    row = analysed(Recorded([opening, staying, *late, *requests(1, ok=4)], [step(1)], config=LIVE)).steps.iloc[0]
    assert (row["updates"], row["update_max_ms"]) == (100, 1000)
    assert row["update_p95_ms"] == pytest.approx(950.5)
    assert (row["requests"], row["failures"], row["max_ms"]) == (4, 0, 50)
    assert row["rps"] == pytest.approx(0.4)


def test_it_is_counted_when_its_news_was_made(analysed: Analysed) -> None:
    opening, staying = watched()
    updates = [update(9.9, 500, opening), update(10, 500, opening), update(19.9, 5000, opening)]
    row = analysed(Recorded([opening, staying, *updates], [step(1), step(2)], config=LIVE)).steps.iloc[0]
    assert (row["updates"], row["update_max_ms"]) == (2, 5000)


def test_late_updates_miss_the_objective(analysed: Analysed) -> None:
    opening, staying = watched()
    rows = [opening, staying, *requests(1, ok=40), *requests(2, ok=40)]
    for late_ms, held in ((900, 200), (1100, 100)):
        updates = [update(15, 20, opening), update(35, late_ms, opening)]
        run = analysed(Recorded([*rows, *updates], [step(1), step(2)], config=LIVE), str(late_ms))
        assert run.capacity.set_index("measure")["users"]["objective met"] == held


def test_a_workload_that_pushes_nothing_has_no_updates(analysed: Analysed) -> None:
    row = analysed(Recorded(requests(1, ok=2), [step(1)])).steps.iloc[0]
    assert all(pd.isna(row[name]) for name in row.index if name.startswith("update"))


def test_those_who_stay_are_at_work_by_little_s_law_and_wait_for_nothing(analysed: Analysed) -> None:
    streams = [watched() for _ in range(10)]
    updates = [update(15, 100, opening) for opening, _ in streams for _ in range(50)]
    rows = [row for pair in streams for row in pair] + updates
    whole_step = step(1, users=10, rounds=0, thought_s=0.0)
    checked = analysed(Recorded(rows, [whole_step], config=LIVE)).validity.iloc[0]
    assert checked["users_estimated"] == pytest.approx(10)
    assert checked["thinking_share"] == pytest.approx(1)


def test_the_witnesses_agree_on_a_stream(analysed: Analysed) -> None:
    """One line of Nginx's for all of it, whose time is not that of the opening; Locust counts updates too."""
    opening = request(15, 40, name="open")
    staying = request(15.04, 3000, name="watch", request_id=opening.request_id)
    others = requests(1, ok=20)
    updates = [update(16, 20, opening), update(17, 30, opening)]
    lines = [whole(opening, 3.04), *(proxy_line(row) for row in others)]
    load = LoadSummary(24, 0, 0, 0.1)
    run = analysed(
        Recorded([opening, staying, *updates, *others], [step(1)], proxy_lines=lines, config=LIVE, run={"load": load})
    )
    assert (run.counts.recorded, run.counts.locust, run.counts.logged) == (22, 22, 22)
    assert run.counts.agree
    assert run.latency is not None
    assert run.latency["agrees"].all()


def test_a_stream_that_broke_is_followed_by_its_request(analysed: Analysed) -> None:
    opening = request(12, 40, name="open")
    broken = request(12.04, 2000, Cause.CLOSED, name="watch", request_id=opening.request_id)
    run = analysed(Recorded([opening, broken], [step(1)], proxy_lines=[whole(opening, 2.04)], config=LIVE))
    assert (run.steps["requests"].iloc[0], run.steps["failures"].iloc[0]) == (2, 1)
    assert run.counts.logged == 2
