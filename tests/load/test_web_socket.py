"""A WebSocket that somebody watches: the same face as a stream's, and its troubles have the same names."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator

import pytest
from websockets.sync.server import ServerConnection, serve

from gatebench.load.web_socket import WebSocketStream
from gatebench.stacks.postgres import free_ports
from tests.conftest import wait_for
from tests.load.test_stream import closes_while_it_is_read

FIRST, BEAT, NEWS = (json.dumps({"kind": kind}) for kind in ("results", "still here", "vote"))
STAYS = 5.0
"""How long the server keeps a socket open, if nobody leaves it."""

asked: list[str | None] = []
"""X-Request-ID of each handshake."""

left: list[int | None] = []
"""The code with which each client left."""


def talk(connection: ServerConnection) -> None:
    assert connection.request is not None
    asked.append(connection.request.headers.get("X-Request-ID"))
    for message in {"/": [FIRST, BEAT, NEWS, NEWS], "/nothing": []}.get(connection.request.path, [FIRST]):
        connection.send(message)
    if connection.request.path == "/ends":
        return
    if connection.request.path == "/breaks":
        connection.socket.close()
        return
    with contextlib.suppress(Exception):
        connection.recv(STAYS)
    left.append(connection.close_code)


@pytest.fixture
def url() -> Iterator[str]:
    def refuse(connection: ServerConnection, request: object) -> object:
        return connection.respond(403, "no\n") if getattr(request, "path", "") == "/none" else None

    with serve(talk, "127.0.0.1", 0, process_request=refuse) as server:  # type: ignore[arg-type]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()


def opened(url: str, path: str, timeout_s: float = 5) -> WebSocketStream:
    stream = WebSocketStream(url, timeout_s)
    stream.open(path, {"X-Request-ID": "0123"})
    return stream


def test_messages_are_events_and_what_says_nothing_is_left_out(url: str) -> None:
    stream = opened(url, "/")
    assert stream.status_code == stream.OPENED == 101
    events = stream.events()
    assert [next(events).kind for _ in range(3)] == ["results", "vote", "vote"]
    assert stream.take_received() == len(FIRST + BEAT + 2 * NEWS)
    assert stream.take_received() == 0
    assert asked[-1] == "0123"
    stream.release()


def test_somebody_else_may_close_it_while_it_is_read_and_the_server_is_told(url: str) -> None:
    closes_while_it_is_read(opened(url, "/silent"))
    wait_for(lambda: 1000 in left, "the closing message", 2)


def test_a_server_that_closes_it_ends_the_events(url: str) -> None:
    stream = opened(url, "/ends")
    assert [event.kind for event in stream.events()] == ["results"]
    assert not stream.closed
    stream.release()


def test_an_answer_that_refuses_is_a_status(url: str) -> None:
    stream = opened(url, "/none")
    assert stream.status_code == 403
    stream.release()


@pytest.mark.parametrize(
    ("path", "error"),
    [("/silent", TimeoutError), ("/nothing", TimeoutError), ("/breaks", http.client.RemoteDisconnected)],
)
def test_a_socket_that_does_not_go_on_raises_what_a_stream_raises(url: str, path: str, error: type[Exception]) -> None:
    stream = opened(url, path, timeout_s=0.3)
    with pytest.raises(error):
        list(stream.events())
    stream.release()


def test_a_server_that_is_not_there_refuses() -> None:
    with pytest.raises(ConnectionRefusedError):
        opened(f"http://127.0.0.1:{free_ports(1)[0]}", "/")
