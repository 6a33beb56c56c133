"""What every simulated user has, whatever it does: a request id, a timeout, one name a request, a checked success.

A locustfile derives from FastUser (or, for the article's client, RequestsUser) and calls `get` and `post`, over a slow
line where it wants one (`slow_session`).
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http.client import IncompleteRead, RemoteDisconnected
from typing import Any, NamedTuple

import geventhttpclient.client
import requests.exceptions
from gevent import GreenletExit, Timeout
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from locust import FastHttpUser, HttpUser, User
from locust.exception import StopUser

from gatebench.load import mistakes
from gatebench.load.slow import SlowSession
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

    def slow_session(self, slow_s: float) -> SlowSession:
        """A slow line for `get` and `post`, with this user's cookies."""
        return SlowSession(
            str(self.host), self.timeout_s, self.client.cookiejar, self.environment.events.request, slow_s
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
        if self.timeout_s and response.request_meta["response_time"] > self.timeout_s * 1000:
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


class RequestsUser(MeasuredUser, HttpUser):
    """The client of the `requests` library, as the article used it: redirects are followed."""

    abstract = True
    follow_redirects = True

    def __init__(self, environment: Any) -> None:
        self.options = {"timeout": self.timeout_s}
        super().__init__(environment)


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
