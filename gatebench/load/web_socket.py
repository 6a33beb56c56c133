"""Events by a WebSocket, with the same face as a Stream: messages in JSON, whose `kind` says what they are."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException, RemoteDisconnected
from urllib.parse import urlsplit

import websocket

from gatebench.load.stream import Event

STILL_HERE = "still here"
"""The kind of a message that says nothing else."""


class WebSocketStream:
    """With a connection of its own. A silence of more than `timeout_s` is an error, before the first event or after;
    the library answers the server's pings while it reads.
    """

    OPENED = 101
    """The status of a request that opened one."""

    def __init__(self, host: str, timeout_s: float | None) -> None:
        self.status_code = 0  # none yet
        self.closed = False  # by us
        self._host, self._timeout_s = host, timeout_s
        self._socket: socket.socket | None = None
        self._websocket: websocket.WebSocket | None = None
        self._received = 0

    def open(self, path: str, headers: Mapping[str, str]) -> None:
        """Shakes hands; raises OSError or HTTPException, but not for an answer that refuses."""
        address = urlsplit(self._host)
        self._socket = socket.create_connection((str(address.hostname), address.port or 80), self._timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._websocket = websocket.WebSocket(enable_multithread=True)
        self._websocket.settimeout(self._timeout_s)
        with _as_of_http():
            try:
                # With a socket of its own no proxy of the environment's is asked.
                self._websocket.connect(  # type: ignore[no-untyped-call]
                    f"ws://{address.netloc}{path}",
                    socket=self._socket,
                    header=[f"{name}: {value}" for name, value in headers.items()],
                )
            except websocket.WebSocketBadStatusException as error:
                self.status_code = error.status_code
            else:
                self.status_code = self.OPENED

    def events(self) -> Iterator[Event]:
        """Until the end, whoever makes it. What merely says that the server is there is left out."""
        assert self._websocket is not None
        while True:
            with _as_of_http():
                opcode, data = self._websocket.recv_data()
            came = time.time()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return
            self._received += len(data)
            text = data.decode(errors="replace")
            if (kind := str(json.loads(text)["kind"])) != STILL_HERE:
                yield Event(kind, text, came)

    def take_received(self) -> int:
        """Bytes of messages since the last time."""
        received, self._received = self._received, 0
        return received

    def close(self) -> None:
        """From whichever greenlet: the server is told, and the one that reads sees the end."""
        self.closed = True
        if self._websocket is not None and self._socket is not None:
            with contextlib.suppress(OSError, websocket.WebSocketException):
                self._websocket.send_close()
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """By the one that reads, at its end."""
        if self._socket is not None:
            self._socket.close()


@contextlib.contextmanager
def _as_of_http() -> Iterator[None]:
    """The library's exceptions, as those that a Stream raises."""
    try:
        yield
    except websocket.WebSocketTimeoutException as error:
        raise TimeoutError from error
    except websocket.WebSocketConnectionClosedException as error:
        raise RemoteDisconnected(str(error)) from error
    except websocket.WebSocketException as error:
        if isinstance(error, websocket.WebSocketBadStatusException):
            raise
        raise HTTPException from error
