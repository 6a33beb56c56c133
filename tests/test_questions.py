"""A connection to PostgreSQL that is lost, silent or locked out ends no run that PostgreSQL itself outlives."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gatebench.errors import ServiceDiedError, SilentError
from gatebench.records import Run
from gatebench.run import Record
from gatebench.run_folder import RunFolder
from gatebench.stacks import questions
from gatebench.stacks.questions import LockedError, LostError, Questions
from gatebench.values.workload import Write


class Scripted:
    """A PostgreSQL that answers, in turn, with what it is given; None in `connections` is one that cannot be made."""

    def __init__(self, *connections: list[Any] | None) -> None:
        self._connections = iter(connections)

    def connect(self) -> Scripted:
        answers = next(self._connections)
        if answers is None:
            raise LostError("the database system is starting up")
        self._answers = iter(answers)
        return self

    def ask(self, sql: str) -> str:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return f"{sql}: {answer() if callable(answer) else answer}"


def alive() -> None:
    return None


VOTE = Write("vote", "SELECT sum(votes) FROM polls_choice")
ENDED = LostError("terminating connection due to administrator command")


def test_one_connection_is_kept_for_all_questions() -> None:
    asking = Questions(Scripted(["a", "b"]).connect, alive)
    assert [asking.ask("1"), asking.ask("2"), asking.news()] == ["1: a", "2: b", []]


def test_a_lost_connection_is_made_again_and_the_question_is_asked_again() -> None:
    asking = Questions(Scripted(["a", ENDED], None, ["b"]).connect, alive)
    assert asking.ask("1") == "1: a"
    assert asking.ask("2") == "2: b"
    (news,) = asking.news()
    assert news.startswith("PostgreSQL ended Gatebench's own connection at ")
    assert "(terminating connection due to administrator command)" in news
    assert asking.news() == []


def test_a_first_connection_that_takes_two_attempts_is_no_news() -> None:
    asking = Questions(Scripted(None, ["a"]).connect, alive)
    assert asking.ask("1") == "1: a"
    assert asking.news() == []


def test_a_postgresql_that_has_ended_is_said_at_once() -> None:
    asking = Questions(Scripted([ENDED]).connect, lambda: "postgres was killed by SIGKILL.")
    with pytest.raises(ServiceDiedError, match=r"^The stack broke: postgres was killed by SIGKILL\.$"):
        asking.ask("1", 5)


def test_a_postgresql_that_lives_and_takes_no_connection_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "AGAIN_S", 0.3)
    asking = Questions(Scripted([ENDED], *[None] * 9).connect, alive)
    began = time.monotonic()
    with pytest.raises(ServiceDiedError, match=r"PostgreSQL did not answer \(the database system is starting up"):
        asking.ask("1")
    assert time.monotonic() - began > 0.3


def test_an_answer_that_comes_too_late_is_thrown_away_and_the_next_question_gets_its_own() -> None:
    resumed = threading.Event()
    asking = Questions(Scripted([lambda: str(resumed.wait(10)), "b"]).connect, alive)
    with pytest.raises(SilentError, match=r"^PostgreSQL did not answer within 0.1 s: see logs/postgres.log\.$"):
        asking.ask("1", 0.1)
    resumed.set()
    assert asking.ask("2", 5) == "2: b"


def test_a_question_that_met_a_lock_is_as_good_as_silence() -> None:
    asking = Questions(Scripted([LockedError(), "b"]).connect, alive)
    with pytest.raises(SilentError, match="it waited for a lock"):
        asking.ask("1")
    assert asking.ask("2") == "2: b"


def test_a_reading_of_the_ledger_that_postgresql_owes_is_left_out_and_noted(tmp_path: Path) -> None:
    answers: list[Any] = [7, SilentError("PostgreSQL did not answer within 5 s."), 9]

    def stored(_: Write, __: float) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    told: list[str] = []
    record = Record(RunFolder(tmp_path), Run("run", {}, started=0.0), told.append)
    stack: Any = SimpleNamespace(stored=stored)
    for step in (1, 2, None):
        record.read_ledger(stack, VOTE, step, seeded=2)
    assert [(one.step, one.votes_stored) for one in record.folder.read_votes()] == [(1, 5), (None, 7)]
    assert record.folder.read_run().troubles == (
        "What “vote” has stored was not read after step 2: PostgreSQL did not answer within 5 s.",
    )
    assert tuple(told) == record.run.troubles
