"""News of votes, for those who watch a poll in this process.

PostgreSQL tells of them by NOTIFY as they are committed (migrations/0001_initial.py). One connection of the process
listens, in a thread of its own, however many watch: nobody asks the database for what is new.
"""

import contextlib
import json
import logging
import select
import threading
from dataclasses import dataclass

from django.db import connection
from django.db.backends.postgresql.psycopg_any import is_psycopg3

CHANNEL = "live_votes"

LOOK_UP_S = 1.0
"""How often the thread looks whether it is to end."""

AGAIN_S = 1.0
"""After a connection that was lost."""

START_S = 5.0

logger = logging.getLogger("live")


class NoNewsError(Exception):
    """PostgreSQL cannot be listened to."""


@dataclass(frozen=True, slots=True)
class News:
    """That a choice has `votes` now. `told` of them are news, the first of which was stored at `since`, in seconds
    since the epoch by PostgreSQL's clock.
    """

    choice: int
    votes: int
    told: int
    since: float

    def after(self, older):
        """What there is to tell somebody who has not heard the older news either."""
        if older is None:
            return self
        return News(self.choice, self.votes, self.told + older.told, older.since)


class Watcher:
    """What somebody who watches has yet to hear: one piece of news a choice at most, however slowly they read."""

    def __init__(self, wake):
        self.over = False
        self._wake = wake
        self._lock = threading.Lock()
        self._news = {}

    def tell(self, news):
        """Wakes the reader by the first that it has yet to take, and not by each."""
        with self._lock:
            is_first = not self._news
            self._news[news.choice] = news.after(self._news.get(news.choice))
        if is_first:
            self._wake()

    def take(self):
        with self._lock:
            news, self._news = self._news, {}
        return news.values()

    def end(self):
        """It has missed something: whoever watches comes again, and is told the results first."""
        self.over = True
        self._wake()


class Newsroom:
    """Who watches what, in this process."""

    def __init__(self):
        self._lock = threading.Lock()
        self._watchers = {}
        self._listening = threading.Event()
        self._closing = threading.Event()
        self._thread = None

    def __len__(self):
        with self._lock:
            return sum(len(watchers) for watchers in self._watchers.values())

    @property
    def listens(self):
        return self._listening.is_set()

    def listen(self):
        """Returns once PostgreSQL is listened to; raises NoNewsError when that takes too long."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._closing.clear()
                self._thread = threading.Thread(target=self._run, name="live news", daemon=True)
                self._thread.start()
        if not self._listening.wait(START_S):
            raise NoNewsError

    def close(self):
        thread, self._thread = self._thread, None
        if thread:
            self._closing.set()
            thread.join()

    @contextlib.contextmanager
    def watching(self, poll, wake):
        """A watcher, until the end of the block. `wake` is called from another thread when there is news for it."""
        watcher = Watcher(wake)
        with self._lock:
            self._watchers.setdefault(poll, set()).add(watcher)
        if not self.listens:
            watcher.over = True
        try:
            yield watcher
        finally:
            with self._lock:
                self._watchers[poll].remove(watcher)
                if not self._watchers[poll]:
                    del self._watchers[poll]

    def _run(self):
        while not self._closing.is_set():
            try:
                with contextlib.closing(listening_connection()) as listening:
                    self._listening.set()
                    while not self._closing.is_set():
                        for payload in payloads(listening):
                            self._tell(json.loads(payload))
            except (connection.Database.Error, OSError) as error:
                logger.warning("News of votes cannot be heard: %s", str(error).strip())
            finally:
                self._lose()
            self._closing.wait(AGAIN_S)

    def _tell(self, told):
        with self._lock:
            watchers = list(self._watchers.get(told["poll"], ()))
        news = News(told["choice"], told["votes"], told["told"], told["since"])
        for watcher in watchers:
            watcher.tell(news)

    def _lose(self):
        self._listening.clear()
        with self._lock:
            watchers = [watcher for some in self._watchers.values() for watcher in some]
        for watcher in watchers:
            watcher.end()


def listening_connection():
    """One of its own, which is none of the pool's."""
    listening = connection.Database.connect(**connection.get_connection_params())
    listening.autocommit = True
    listening.cursor().execute(f"LISTEN {CHANNEL}")
    return listening


def payloads(listening):
    """What came within LOOK_UP_S."""
    if is_psycopg3:
        for notice in listening.notifies(timeout=LOOK_UP_S):
            yield notice.payload
        return
    if select.select([listening], [], [], LOOK_UP_S)[0]:
        listening.poll()
        while listening.notifies:
            yield listening.notifies.pop(0).payload


newsroom = Newsroom()
