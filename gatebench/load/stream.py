"""An answer that goes on: server-sent events, handed on as they come, until the server or the client ends it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

MOST_BYTES = 65_536
"""That are read at once."""


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    data: str
    came: float  # s since the epoch


class Stream:
    """With a connection of its own. A silence of more than `timeout_s` is an error, before the first event or after."""

    OPENED = 200
    """The status of a request that opened one."""

    def __init__(self, host: str, timeout_s: float | None) -> None:
        address = urlsplit(host)
        self.status_code = 0  # none yet
        self.closed = False  # by us
        self._connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=timeout_s)
        self._response: http.client.HTTPResponse | None = None
        self._socket: socket.socket | None = None
        self._received = 0

    def open(self, path: str, headers: Mapping[str, str]) -> None:
        """Sends the request and reads the answer's head; raises OSError or HTTPException."""
        self._connection.connect()
        self._socket = self._connection.sock
        self._connection.request("GET", path, headers={"Accept": "text/event-stream", **headers})
        self._response = self._connection.getresponse()
        self.status_code = self._response.status

    def events(self) -> Iterator[Event]:
        """Until the end, whoever makes it. What merely says that the server is there is left out."""
        assert self._response is not None
        rest = b""
        while part := self._response.read1(MOST_BYTES):
            came = time.time()
            self._received += len(part)
            *whole, rest = (rest + part).split(b"\n\n")
            for lines in whole:
                if (event := _event(lines.decode(errors="replace"), came)) is not None:
                    yield event

    def take_received(self) -> int:
        """Bytes since the last time."""
        received, self._received = self._received, 0
        return received

    def close(self) -> None:
        """From whichever greenlet: the one that reads sees the stream's end."""
        self.closed = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """By the one that reads, at its end."""
        if self._response is not None:
            self._response.close()
        self._connection.close()


def _event(text: str, came: float) -> Event | None:
    fields = dict(line.split(": ", 1) for line in text.split("\n") if ": " in line and not line.startswith(":"))
    return Event(fields["event"], fields["data"], came) if "event" in fields and "data" in fields else None
