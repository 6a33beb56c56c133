"""How a client's troubles are named, and that each request is sent once: checked against servers that misbehave."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gatebench import ROOT
from gatebench.stacks.postgres import free_ports
from tests.conftest import NO_SUCH_PROXY

Answer = Callable[[socket.socket], None]

pytestmark = pytest.mark.whole


def page(status: str, body: str) -> Answer:
    def answer(connection: socket.socket) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall((head + body).encode())

    return answer


def close(_: socket.socket) -> None:
    """Ends the connection without a word."""


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silence(connection: socket.socket) -> None:
    connection.settimeout(5)
    while connection.recv(4096):
        pass


def half(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")


@contextmanager
def server(answer: Answer) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads a request whole and then does one thing; with each request that it got."""
    seen: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        with connection:
            data = b""
            while b"\r\n\r\n" not in data or (data.startswith(b"POST") and not data.endswith(b"a=b")):
                if not (part := connection.recv(4096)):
                    return
                data += part
            seen.append(data)
            answer(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen


def recorded(url: str, timeout_s: float = 5, *slow_s: float, **environment: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "one_request.py"), url, str(timeout_s), *map(str, slow_s)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("answer", "cause", "text"),
    [
        (page("200 OK", "hello"), None, "None"),
        (page("200 OK", "goodbye"), "wrong page", "wrong page"),
        (page("502 Bad Gateway", ""), "unexpected status", "unexpected status 502"),
        (page("404 Not Found", "hello"), "unexpected status", "unexpected status 404"),
        (close, "connection closed without an answer", "connection closed without an answer"),
        (reset, "connection reset", "connection reset"),
    ],
    ids=["good", "wrong page", "502", "404", "closed", "reset"],
)
def test_each_trouble_has_its_name_and_each_request_is_sent_once(answer: Answer, cause: str | None, text: str) -> None:
    with server(answer) as (url, seen):
        rows = recorded(url)
    assert [(row["client"], row["method"]) for row in rows] == [
        ("Fast", "GET"),
        ("Fast", "POST"),
        ("Requests", "GET"),
        ("Requests", "POST"),
    ]
    assert {(row["cause"], row["text"]) for row in rows} == {(cause, text)}
    assert len(seen) == 4


def test_no_answer_in_time_is_a_failure_at_the_timeout() -> None:
    with server(silence) as (url, seen):
        rows = recorded(url, timeout_s=0.5)
    assert {row["cause"] for row in rows} == {"no answer in time"}
    assert all(500 <= row["elapsed_ms"] < 1000 for row in rows)
    assert len(seen) == 4


def test_who_is_on_a_slow_line_may_take_longer_than_a_client_waits() -> None:
    with server(page("200 OK", "hello" + "x" * 1_000_000)) as (url, _):
        (row,) = recorded(url, 0.4, 1.0)
    assert row["cause"] is None
    assert row["elapsed_ms"] > 900


def test_an_answer_cut_short_is_a_failure() -> None:
    with server(half) as (url, _):
        rows = recorded(url)
    assert {row["cause"] for row in rows} == {"answer cut short"}


def test_nobody_listening_is_connection_refused() -> None:
    rows = recorded(f"http://127.0.0.1:{free_ports(1)[0]}")
    assert {row["cause"] for row in rows} == {"connection refused"}


def test_no_proxy_and_no_netrc_of_the_shell_stands_between(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login somebody password secret\n")
    with server(page("200 OK", "hello")) as (url, seen):
        rows = recorded(url, HOME=str(tmp_path), **NO_SUCH_PROXY)
    assert {row["cause"] for row in rows} == {None}
    assert len(seen) == 4
    assert not any(b"authorization" in request.lower() for request in seen)
