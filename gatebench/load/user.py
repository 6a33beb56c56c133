"""What every simulated user has, whatever it does: a request id, a timeout, one name a request, a checked success.

A locustfile derives from FastUser (or, for the article's client, RequestsUser) and calls `get` and `post`, over a slow
line where it wants one (`slow_session`), or `watch_stream`, which reads an answer that goes on.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import Any, NamedTuple

import gevent
import geventhttpclient.client
import requests.exceptions
from gevent import GreenletExit, Timeout
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from locust import FastHttpUser, HttpUser, User
from locust.exception import StopUser

from gatebench.load import mistakes
from gatebench.load.slow import SlowAnswer, SlowSession
from gatebench.load.stream import Event, Stream
from gatebench.load.web_socket import WebSocketStream
from gatebench.records import Cause

# geventhttpclient sends a GET again, unasked, when its connection breaks: a failure that nobody would see.
geventhttpclient.client.IDEMPOTENT_METHODS = frozenset()


@dataclass(frozen=True)
class Page:
    """An answer as a locustfile sees it."""

    status: int
    body: bytes
    location: str | None  # where a redirect points to

    @cached_property
    def text(self) -> str:
        """Of a body in UTF-8."""
        return self.body.decode(errors="replace")


class RequestFailedError(Exception):
    """Why a request counts as failed. Its text is a fixed category: Locust's failure table is keyed by it."""

    def __init__(self, cause: Cause, status: int | None = None) -> None:
        super().__init__(f"{cause} {status}" if cause is Cause.STATUS else str(cause))
        self.cause = cause


class InFlight(NamedTuple):
    """A request that was sent and has had no answer yet."""

    started: float
    method: str
    name: str


in_flight: dict[int, InFlight] = {}
"""Requests without an answer so far, by request id. A user that is killed leaves its request here: it is unfinished."""

open_streams: set[Stream | WebSocketStream] = set()
"""Streams that somebody watches: at the end of the load they are closed, and count as ended in good order."""

_ids = itertools.count(random.getrandbits(32) << 31)


def next_id() -> int:
    """Of a request: X-Request-ID is its 16 hexadecimal digits."""
    return next(_ids)


class MeasuredUser(User):
    """`get` and `post` return the page, or None when the request failed or its answer was not as expected."""

    abstract = True
    seed_size = 100  # how much is in the database: ids 1 to this
    views = ""  # which of the workload's views are measured
    settings: Mapping[str, Any] = {}  # of the workload
    timeout_s: float | None = 10.0
    follow_redirects = False
    draining = False  # set for all users at the end: nobody asks for anything more
    rehearsing = False  # set before any load: whoever would stay leaves at once
    stream_class: type[Stream | WebSocketStream] = Stream  # that `watch_stream` opens
    options: Mapping[str, Any] = {}  # what else the client is told with each request
    client: Any

    def get(
        self, path: str, *, name: str, expect: Callable[[Page], bool], slowly_by: SlowSession | None = None
    ) -> Page | None:
        return self._request("GET", path, name, expect, slowly_by=slowly_by)

    def post(
        self,
        path: str,
        *,
        name: str,
        data: dict[str, str] | bytes,
        expect: Callable[[Page], bool],
        headers: Mapping[str, str] | None = None,
        slowly_by: SlowSession | None = None,
    ) -> Page | None:
        return self._request("POST", path, name, expect, data=data, headers=headers, slowly_by=slowly_by)

    @classmethod
    def share(cls) -> int:
        """How many of the users are of this class, in proportion to the others' numbers: Locust's `weight`, for a class
        that has it from its settings.
        """
        return int(cls.weight)

    def watch_stream(
        self,
        path: str,
        *,
        opening: str,
        staying: str,
        update: str,
        expect: Callable[[Event], bool],
        told_at: Callable[[Event], float | None],
        stay_s: float,
    ) -> None:
        """Opens a stream of events, by default server-sent ones, and stays for `stay_s`, or until the load ends.

        `opening` is the request, timed up to its first event, which must be as `expect` says. Each event after that is
        an `update`, timed from when its news was stored, which `told_at` says of it (s since the epoch). An event of
        which it says None is wrong: the stream is left, and `staying` counts as failed, as it does when the server ends
        it. `staying` takes as long as somebody watches, and is paced by the client.
        """
        if self.draining:
            raise StopUser
        request_id, started = next_id(), time.time()
        in_flight[request_id] = InFlight(started, "GET", opening)
        stream = self.stream_class(str(self.host), self.timeout_s)
        leaves = None
        try:
            failed, events = self._opened(stream, path, request_id, expect)
            in_flight.pop(request_id, None)
            now = time.time()
            self._tell(opening, request_id, stream, started, now, failed)
            if failed or events is None or self.rehearsing:
                return
            open_streams.add(stream)
            leaves = gevent.spawn_later(0 if self.draining else stay_s, stream.close)
            failed = self._watched(stream, events, request_id, update, told_at)
            self._tell(staying, request_id, stream, now, time.time(), failed)
        finally:
            open_streams.discard(stream)
            if leaves is not None:
                leaves.kill(block=False)
            stream.release()

    def _opened(
        self, stream: Stream | WebSocketStream, path: str, request_id: int, expect: Callable[[Event], bool]
    ) -> tuple[RequestFailedError | None, Iterator[Event] | None]:
        try:
            stream.open(path, {"X-Request-ID": f"{request_id:016x}"})
            if stream.status_code != stream.OPENED:
                return RequestFailedError(Cause.STATUS, stream.status_code), None
            events = stream.events()
            first = next(events, None)
        except (OSError, HTTPException) as error:
            return RequestFailedError(cause_of(error)), None
        if first is None:
            return RequestFailedError(Cause.CLOSED), None
        try:
            return (None, events) if expect(first) else (RequestFailedError(Cause.WRONG_PAGE), None)
        except Exception as error:
            mistakes.note(error)
            return RequestFailedError(Cause.LOCUSTFILE), None

    def _watched(
        self,
        stream: Stream | WebSocketStream,
        events: Iterator[Event],
        request_id: int,
        update: str,
        told_at: Callable[[Event], float | None],
    ) -> RequestFailedError | None:
        """Why the stream failed; None when it was left in good order."""
        try:
            for event in events:
                since = told_at(event)
                if since is None:
                    return RequestFailedError(Cause.WRONG_PAGE)
                self._tell(update, request_id, stream, since, event.came, None)
        except (OSError, HTTPException) as error:
            return None if stream.closed else RequestFailedError(cause_of(error))
        except Exception as error:
            mistakes.note(error)
            return RequestFailedError(Cause.LOCUSTFILE)
        return None if stream.closed else RequestFailedError(Cause.CLOSED)

    def _tell(
        self,
        name: str,
        request_id: int,
        stream: Stream | WebSocketStream,
        started: float,
        ended: float,
        failed: RequestFailedError | None,
    ) -> None:
        self.environment.events.request.fire(
            request_type="GET",
            name=name,
            response_time=1000 * (ended - started),
            response_length=stream.take_received(),
            exception=failed,
            context={"request_id": request_id},
            start_time=started,
            response=stream,
        )

    def _request(
        self,
        method: str,
        path: str,
        name: str,
        expect: Callable[[Page], bool],
        data: dict[str, str] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        slowly_by: SlowSession | None = None,
    ) -> Page | None:
        if self.draining:
            raise StopUser
        request_id, started = next_id(), time.time()
        in_flight[request_id] = InFlight(started, method, name)
        try:
            client: Any = slowly_by or self.client
            with client.request(
                method,
                path,
                name=name,
                headers={"X-Request-ID": f"{request_id:016x}", **(headers or {})},
                allow_redirects=self.follow_redirects,
                catch_response=True,
                context={"request_id": request_id},
                data=data,
                **self.options,
            ) as response:
                page = self._report(response, expect, started)
        except GreenletExit:  # killed: the request is unfinished
            raise
        except BaseException:
            in_flight.pop(request_id, None)
            raise
        in_flight.pop(request_id, None)
        return page

    def _report(self, response: Any, expect: Callable[[Page], bool], started: float) -> Page | None:
        """Tells Locust how the request went, also when `expect` raises."""
        try:
            failed, page = self._judge(response, expect)
        except Exception as error:
            mistakes.note(error, started)
            response.failure(RequestFailedError(Cause.LOCUSTFILE))
            raise
        if failed:
            response.failure(failed)
        else:
            response.success()
        return page

    def _judge(self, response: Any, expect: Callable[[Page], bool]) -> tuple[RequestFailedError | None, Page | None]:
        if not response.status_code:
            return RequestFailedError(cause_of(response.error)), None
        if self.timeout_s and not isinstance(response, SlowAnswer) and _took_s(response) > self.timeout_s:
            return RequestFailedError(Cause.TIMEOUT), None
        if _cut_short(response):
            return RequestFailedError(Cause.CUT_SHORT), None
        page = Page(response.status_code, response.content or b"", response.headers.get("location"))
        if expect(page):
            return None, page
        if page.status >= 400:
            return RequestFailedError(Cause.STATUS, page.status), None
        return RequestFailedError(Cause.WRONG_PAGE), None


class FastUser(MeasuredUser, FastHttpUser):
    """Locust's quick client. A redirect is an answer, not followed."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        self.connection_timeout = self.network_timeout = self.timeout_s
        super().__init__(environment)

    def slow_session(self, slow_s: float) -> SlowSession:
        """A slow line for `get` and `post`, with this user's cookies. It waits for each piece as long as for an answer,
        and is never late as a whole.
        """
        return SlowSession(
            str(self.host), self.timeout_s, self.client.cookiejar, self.environment.events.request, slow_s
        )


class RequestsUser(MeasuredUser, HttpUser):
    """The client of the `requests` library, as the article used it: redirects are followed."""

    abstract = True
    follow_redirects = True

    def __init__(self, environment: Any) -> None:
        self.options = {"timeout": self.timeout_s}
        super().__init__(environment)


def _took_s(response: Any) -> float:
    return float(response.request_meta["response_time"]) / 1000


def _cut_short(response: Any) -> bool:
    """geventhttpclient takes a body that ends before its Content-Length for a whole one."""
    promised = response.headers.get("content-length")
    return bool(promised and not response.headers.get("content-encoding") and len(response.content) < int(promised))


_CAUSES = (
    (Cause.TIMEOUT, (TimeoutError, Timeout, requests.exceptions.Timeout)),
    (Cause.REFUSED, (ConnectionRefusedError,)),
    (Cause.RESET, (ConnectionResetError, BrokenPipeError)),
    (Cause.CLOSED, (HTTPConnectionClosed, RemoteDisconnected)),
    (Cause.CUT_SHORT, (HTTPParseError, IncompleteRead)),
)
"""The first that is found anywhere along the chain: a reset is also reported as a closed connection."""


def cause_of(error: BaseException | None) -> Cause:
    """The category of an exception, found along its chain: both client libraries wrap what the socket said."""
    links = _chain(error)
    for cause, kinds in _CAUSES:
        if any(isinstance(link, kinds) and not _only_named_reset(link, cause) for link in links):
            return cause
    return Cause.OTHER


def _only_named_reset(link: BaseException, cause: Cause) -> bool:
    """RemoteDisconnected derives from ConnectionResetError, although the connection was closed in good order."""
    return cause is Cause.RESET and isinstance(link, RemoteDisconnected)


def _chain(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    waiting = [error]
    while waiting:
        link = waiting.pop()
        if isinstance(link, BaseException) and link not in links:
            links.append(link)
            waiting += [
                link.__cause__,
                link.__context__,
                getattr(link, "original", None),
                getattr(link, "reason", None),
            ]
            waiting += [part for part in link.args if isinstance(part, BaseException)]
    return links
