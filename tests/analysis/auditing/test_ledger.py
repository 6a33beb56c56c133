"""Acknowledged ≤ stored ≤ attempted, at every reading of the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.records import Cause
from tests.analysis.synthetic import Recorded, reading, request, step, vote

Analysed = Callable[..., AnalysedRun]

COUNTED = ["step", "votes_attempted", "votes_acknowledged", "votes_stored", "votes_lost", "votes_untold"]

VOTES = [
    vote(1),
    vote(2, 1, Cause.RESET),
    vote(19.9, 200),  # under way while step 1 ends
    request(3),  # no vote
    vote(30, 9_000, Cause.TIMEOUT),
    vote(31),
]


def ledger(analysed: Analysed, **recorded: object) -> tuple[pd.DataFrame, tuple[str, ...]]:
    run = analysed(Recorded(VOTES, [step(1), step(2)], **recorded))  # type: ignore[arg-type]
    return run.ledger, run.alarms


def test_the_ledger_is_cumulative_and_exact(analysed: Analysed) -> None:
    votes = [reading(0, 0, 0), reading(1, 20, 2), reading(2, 40, 4), reading(None, 45, 4)]
    table, alarms = ledger(analysed, votes=votes)
    expected = pd.DataFrame(
        [
            ("vote", 0, 0, 0, 0, 0, None),
            ("vote", 1, 3, 1, 2, 0, None),
            ("vote", 2, 5, 3, 4, 0, None),
            ("vote", None, 5, 3, 4, 0, 1),
        ],
        columns=["name", *COUNTED],
    ).astype({"name": "str", **dict.fromkeys(COUNTED, "Int64")})
    pd.testing.assert_frame_equal(table, expected)
    assert alarms == ()


def test_a_vote_is_the_request_that_the_run_says_it_is(analysed: Analysed) -> None:
    rows = [vote(1), request(2, name="sign-up"), request(3, name="sign-up")]
    recorded = Recorded(rows, [step(1)], votes=[reading(1, 20, 2)], config={"workload": {"vote_name": "sign-up"}})
    assert analysed(recorded).ledger["votes_acknowledged"].tolist() == [2]


def test_a_vote_under_way_while_the_database_is_read_may_be_stored_or_not(analysed: Analysed) -> None:
    for stored in (1, 2, 3):
        assert ledger(lambda recorded, n=stored: analysed(recorded, f"run{n}"), votes=[reading(1, 20, stored)])[1] == ()


def test_a_vote_sent_while_the_database_is_read_counts_as_attempted(analysed: Analysed) -> None:
    run = analysed(Recorded([vote(20.05, 10)], [step(1)], [reading(1, 20, stored=1)]))
    assert run.ledger["votes_attempted"].tolist() == [1]
    assert run.ledger["votes_acknowledged"].tolist() == [0]
    assert run.alarms == ()


def test_a_lost_vote_is_an_alarm(analysed: Analysed) -> None:
    table, alarms = ledger(analysed, votes=[reading(None, 45, 1)])
    assert table["votes_lost"].tolist() == [2]
    assert alarms == ("“vote”: at least 2 acknowledged and not stored after the drain: they were lost.",)


def test_what_was_lost_once_stays_lost(analysed: Analysed) -> None:
    """Votes that were stored and never told of make up for lost ones in the sum, and in nothing else."""
    table, _ = ledger(analysed, votes=[reading(2, 40, 1), reading(None, 45, 3)])
    assert table["votes_lost"].tolist() == [2, 2]
    assert table["votes_untold"].iloc[-1] == 2


def test_one_alarm_tells_of_the_reading_that_breaks_it_most(analysed: Analysed) -> None:
    _, alarms = ledger(analysed, votes=[reading(2, 40, 2), reading(None, 45, 0)])
    assert alarms == ("“vote”: at least 3 acknowledged and not stored after the drain: they were lost.",)


def test_the_article_s_vote_loses_some_by_design(analysed: Analysed) -> None:
    _, alarms = ledger(analysed, votes=[reading(2, 40, 2)], config={"profile": "article"})
    assert alarms == (
        "“vote”: at least 1 acknowledged and not stored after step 2: the article's vote reads, adds one and saves, "
        "so that votes at the same time overwrite each other.",
    )


def test_more_stored_than_attempted_is_an_alarm(analysed: Analysed) -> None:
    _, alarms = ledger(analysed, votes=[reading(1, 20, 4)])
    assert alarms == ("“vote”: 1 more stored than attempted after step 1.",)


def test_a_killed_run_lacks_the_record_of_its_last_requests(analysed: Analysed) -> None:
    _, alarms = ledger(analysed, votes=[reading(1, 20, 4)], run={"ended": None})
    assert alarms == (
        "“vote”: 1 more stored than attempted after step 1: "
        "this run was killed, and with it the record of its last requests.",
    )


def test_each_step_has_the_reading_at_its_own_end(analysed: Analysed) -> None:
    votes = [reading(2, 40, 4), reading(None, 45, 4), reading(1, 20, 2)]  # joined by step, not by position
    steps = analysed(Recorded(VOTES, [step(1), step(2)], votes)).steps
    assert steps["votes_stored"].tolist() == [2, 4]
    assert steps["votes_attempted"].tolist() == [3, 5]


def test_a_vote_is_the_request_that_the_run_says_is_one(analysed: Analysed) -> None:
    orders = [replace(one, name="order") if one.name == "vote" else one for one in VOTES]
    for n, workload in enumerate([{"vote_name": "order"}, {"ledger": {"vote_name": "order"}}]):
        run = analysed(Recorded(orders, [step(1)], [reading(1, 20, 2)], config={"workload": workload}), f"run{n}")
        assert run.ledger["votes_attempted"].tolist() == [3]


def test_without_readings_there_is_no_ledger(analysed: Analysed) -> None:
    run = analysed(Recorded(VOTES, [step(1)]))
    assert run.ledger.empty
    assert run.steps["votes_stored"].isna().all()


def test_each_request_that_writes_has_readings_of_its_own(analysed: Analysed) -> None:
    rows = [vote(1), vote(2), request(3, name="sign-up")]
    readings = [reading(1, 20, 2, "vote"), reading(1, 20, 0, "sign-up")]
    run = analysed(Recorded(rows, [step(1)], readings))
    assert run.ledger[["name", "votes_acknowledged", "votes_lost"]].values.tolist() == [
        ["vote", 2, 0],
        ["sign-up", 1, 1],
    ]
    assert run.steps["votes_acknowledged"].tolist() == [3]
    assert run.alarms == ("“sign-up”: at least 1 acknowledged and not stored after step 1: they were lost.",)
