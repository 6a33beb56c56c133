"""A stream that somebody watches: what is recorded of it, and how its troubles are named."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gatebench import ROOT
from gatebench.load.stream import Stream
from gatebench.load.web_socket import WebSocketStream
from gatebench.records import Cause
from gatebench.stacks.postgres import free_ports
from tests.conftest import NO_SUCH_PROXY

FIRST, NEWS, BEAT = b"retry: 10\nevent: results\ndata: {}\n\n", b"event: vote\ndata: 1\n\n", b": still here\n\n"
STAYS = 5.0
"""How long the server keeps a stream open, if nobody leaves it."""

PARTS: dict[str, list[bytes | float | None]] = {
    "/": [FIRST, 0.05, BEAT, NEWS, 0.05, NEWS[:9], 0.05, NEWS[9:] + NEWS, STAYS],
    "/ends": [FIRST, NEWS],
    "/breaks": [FIRST, NEWS, None],
    "/silent": [FIRST, STAYS],
    "/nothing": [STAYS],
    "/wrong": [FIRST, b"event: vote\ndata: wrong\n\n", STAYS],
    "/other": [NEWS, STAYS],
}
"""By path: what is sent, waits in seconds, and None for a connection that breaks."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path
        self.send_response(200 if path in PARTS else 503)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        for part in PARTS.get(path, []):
            if part is None:
                return
            if isinstance(part, float):
                time.sleep(part)
                continue
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            """The client has left."""

    def log_message(self, *_: object) -> None:
        """No access log."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def opened(url: str, path: str, timeout_s: float = 5) -> Stream:
    stream = Stream(url, timeout_s)
    stream.open(path, {})
    return stream


def test_events_come_whole_and_what_says_nothing_is_left_out(url: str) -> None:
    stream = opened(url, "/")
    events = stream.events()
    began = time.time()
    assert [(event.kind, event.data) for event in (next(events) for _ in range(4))] == [
        ("results", "{}"), ("vote", "1"), ("vote", "1"), ("vote", "1")
    ]  # fmt: skip
    assert time.time() - began < 1
    assert stream.take_received() == len(FIRST + BEAT + 3 * NEWS)
    assert stream.take_received() == 0
    stream.release()


def closes_while_it_is_read(stream: Stream | WebSocketStream) -> None:
    """From another thread, and its reader sees the end at once."""
    events = stream.events()
    next(events)
    threading.Timer(0.1, stream.close).start()
    began = time.monotonic()
    with contextlib.suppress(http.client.HTTPException, OSError):
        assert next(events, None) is None
    assert time.monotonic() - began < 2
    assert stream.closed
    stream.release()


def test_somebody_else_may_close_it_while_it_is_read(url: str) -> None:
    closes_while_it_is_read(opened(url, "/silent"))


def watched(url: str, timeout_s: float = 5) -> list[dict[str, Any]]:
    """What a user records."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "one_stream.py"), url, str(timeout_s)],
        env={**os.environ, **NO_SUCH_PROXY, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.whole
def test_each_part_is_recorded_and_leaving_is_good_order(url: str) -> None:
    rows = watched(url)
    assert [(row["name"], row["cause"]) for row in rows] == [
        ("open", None), ("update", None), ("update", None), ("update", None), ("watch", None)
    ]  # fmt: skip
    assert all(249 < row["elapsed_ms"] < 251 for row in rows[1:4])
    assert 900 < rows[4]["elapsed_ms"] < 2000
    assert sum(row["bytes"] for row in rows) == len(FIRST + BEAT + 3 * NEWS)


@pytest.mark.whole
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/ends", [("open", None), ("update", None), ("watch", Cause.CLOSED)]),
        ("/breaks", [("open", None), ("update", None), ("watch", Cause.CUT_SHORT)]),
        ("/silent", [("open", None), ("watch", Cause.TIMEOUT)]),
        ("/wrong", [("open", None), ("watch", Cause.WRONG_PAGE)]),
        ("/nothing", [("open", Cause.TIMEOUT)]),
        ("/other", [("open", Cause.WRONG_PAGE)]),
        ("/none", [("open", Cause.STATUS)]),
    ],
)
def test_a_stream_that_does_not_go_on_is_a_failure(url: str, path: str, expected: list[tuple[str, str | None]]) -> None:
    rows = watched(url + path, timeout_s=0.5)
    assert [(row["name"], row["cause"]) for row in rows] == expected


@pytest.mark.whole
def test_a_server_that_is_not_there_is_a_failure() -> None:
    rows = watched(f"http://127.0.0.1:{free_ports(1)[0]}")
    assert [(row["name"], row["cause"]) for row in rows] == [("open", Cause.REFUSED)]
