"""A client on a slow line: it sends its request and reads its answer a little at a time.

It is asked like Locust's own clients, by `request`, and reports to Locust like them.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import gevent

PIECES = 40
SMALL = 4096
"""Bytes that come at once on any line."""

RECEIVE_BUFFER = 16_384
"""Bytes that this machine takes in unread. With more the other end would be done before a slow reader has begun."""

NO_ANSWER = 0


class SlowSession:
    """With the cookies of another session, and a connection for each request. `slow_s` is how long it takes over what
    is large; `timeout_s`, how long it waits for each piece.
    """

    def __init__(self, host: str, timeout_s: float | None, cookies: Any, request_event: Any, slow_s: float) -> None:
        self._address = urlsplit(host)
        self._timeout_s = timeout_s
        self._cookies = cookies
        self._request_event = request_event
        self._pause_s = slow_s / PIECES

    def request(
        self,
        method: str,
        path: str,
        *,
        name: str,
        headers: Mapping[str, str],
        context: Mapping[str, Any],
        data: bytes | None,
        **_: Any,
    ) -> SlowAnswer:
        started, clock = time.time(), time.perf_counter()
        answer, received = SlowAnswer(self._request_event), bytearray()
        connection = _SlowConnection(str(self._address.hostname), self._address.port, timeout=self._timeout_s)
        try:
            connection.request(method, path, self._pieces(data) if data else None, self._headers(headers, data))
            self._read(connection.getresponse(), answer, received)
        except (OSError, http.client.HTTPException) as error:
            answer.status_code, answer.error = NO_ANSWER, error
        finally:
            connection.close()
        answer.content = bytes(received)
        answer.request_meta = {
            "request_type": method,
            "name": name,
            "context": dict(context),
            "start_time": started,
            "response_time": 1000 * (time.perf_counter() - clock),
            "response_length": len(answer.content),
            "url": path,
            "response": answer,
        }
        return answer

    def _headers(self, headers: Mapping[str, str], data: bytes | None) -> dict[str, str]:
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._cookies)
        length = {"Content-Length": str(len(data))} if data else {}
        return {**({"Cookie": cookies} if cookies else {}), **length, **headers}

    def _read(self, response: http.client.HTTPResponse, answer: SlowAnswer, received: bytearray) -> None:
        answer.status_code = response.status
        answer.headers = {name.lower(): value for name, value in response.getheaders()}
        size = _piece(int(answer.headers.get("content-length", 0)))
        began = time.perf_counter()
        while part := response.read(size):
            received += part
            self._wait(began, len(received) // size)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        size = _piece(len(data))
        began = time.perf_counter()
        for end in range(size, len(data) + size, size):
            yield data[end - size : end]
            self._wait(began, end // size)

    def _wait(self, began: float, pieces: int) -> None:
        """Until so many pieces are due. What sending or reading them took is part of it: a slow client is not late."""
        gevent.sleep(max(0.0, began + pieces * self._pause_s - time.perf_counter()))


@dataclass(eq=False)
class SlowAnswer:
    """What Locust's clients answer with, as far as MeasuredUser looks at it."""

    request_event: Any
    status_code: int = NO_ANSWER
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    error: Exception | None = None
    request_meta: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> SlowAnswer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def success(self) -> None:
        self.request_event.fire(**self.request_meta, exception=None)

    def failure(self, error: Exception) -> None:
        self.request_event.fire(**self.request_meta, exception=error)


class _SlowConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))


def _piece(length: int) -> int:
    return max(SMALL, -(-length // PIECES))
