"""Questions to PostgreSQL over one connection that is kept: one after the other, each with a time limit if it has one.

A connection that is lost is made again and the question is asked again: questions change nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Queue
from typing import Protocol

from gatebench.errors import ServiceDiedError, SilentError

LOCK_S = 0.5
"""How long a question waits for a lock before PostgreSQL gives it up, so that the next ones are not kept waiting."""

AGAIN_S = 10.0
"""How long a lost connection is tried to be made again."""

AGAIN_EVERY_S = 0.25


class LostError(Exception):
    """The connection is lost, or could not be made; the text says why."""


class LockedError(Exception):
    """PostgreSQL gave the question up after LOCK_S."""


class Connection(Protocol):
    def ask(self, sql: str) -> str:
        """The one value that a query answers with, as text; raises LostError or LockedError."""


class Questions:
    """`dead` is one sentence on the first part of the stack that has ended, as Stack has it."""

    def __init__(self, connect: Callable[[], Connection], dead: Callable[[], str | None]) -> None:
        self._connect = connect
        self._dead = dead
        self._connection: Connection | None = None
        self._asked: Queue[tuple[str, Future[str]]] = Queue()
        self._news: Queue[str] = Queue()
        # A daemon, because a PostgreSQL that is silent keeps it waiting when everything else is over.
        threading.Thread(target=self._answer, daemon=True).start()

    def ask(self, sql: str, limit_s: float | None = None) -> str:
        """The answer as text. Raises ServiceDiedError, and SilentError when there is none within the limit.

        What was given up is still owed: the next question is put when PostgreSQL has answered this one.
        """
        answer: Future[str] = Future()
        self._asked.put((sql, answer))
        try:
            return answer.result(limit_s)
        except TimeoutError as error:
            raise SilentError(f"PostgreSQL did not answer within {limit_s:g} s: see logs/postgres.log.") from error
        except LockedError as error:
            raise SilentError(f"PostgreSQL did not answer for {LOCK_S:g} s: it waited for a lock.") from error

    def news(self) -> list[str]:
        """A sentence on each connection that was lost and made again, since this was asked for last."""
        return [self._news.get() for _ in range(self._news.qsize())]

    def _answer(self) -> None:
        while True:
            sql, answer = self._asked.get()
            try:
                answer.set_result(self._insist(sql))
            except Exception as error:  # whoever asked meets it
                answer.set_exception(error)

    def _insist(self, sql: str) -> str:
        """The answer, asked for again as long as the connection is lost and AGAIN_S are not over."""
        lost: _Loss | None = None
        while True:
            was_there = self._connection is not None
            try:
                self._connection = self._connection or self._connect()
                answer = self._connection.ask(sql)
            except LostError as error:
                lost = lost or _Loss(str(error), was_there)
                self._connection = None
                if (sentence := self._dead()) is not None:
                    raise ServiceDiedError(f"The stack broke: {sentence}") from error
                if lost.since_s() > AGAIN_S:
                    raise ServiceDiedError(f"The stack broke: PostgreSQL did not answer ({error}).") from error
                time.sleep(AGAIN_EVERY_S)
            else:
                if lost and lost.was_there:
                    self._news.put(lost.sentence())
                return answer


@dataclass
class _Loss:
    """When and why a connection was lost, or could not be made."""

    why: str
    was_there: bool  # it had been made before

    def __post_init__(self) -> None:
        self._at, self._began = time.gmtime(), time.monotonic()

    def since_s(self) -> float:
        return time.monotonic() - self._began

    def sentence(self) -> str:
        return (
            f"PostgreSQL ended Gatebench's own connection at {time.strftime('%H:%M:%S', self._at)} UTC ({self.why}); "
            f"{self.since_s():.1f} s later it had another and the run went on."
        )
