"""The slow line: what it sends and reads arrives whole, a little at a time, and its troubles have the usual names."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from gatebench.load.slow import PIECES, SlowSession
from gatebench.stacks.postgres import free_ports

LARGE = bytes(range(256)) * 4096
SHORT_S = 0.4


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was sent, or with LARGE; /silent never, /half with half of what it promises."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/silent":
            time.sleep(1)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(LARGE)))
        self.end_headers()
        self.wfile.write(LARGE[: len(LARGE) // 2] if self.path == "/half" else LARGE)
        self.close_connection = True

    def do_POST(self) -> None:
        began = time.monotonic()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("X-Took", f"{time.monotonic() - began:.3f}")
        self.send_header("X-Cookie", self.headers["Cookie"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No access log."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def ask(url: str, method: str, path: str, data: bytes | None = None, timeout_s: float = 5) -> Any:
    fired: list[dict[str, Any]] = []
    event = SimpleNamespace(fire=lambda **facts: fired.append(facts))
    session = SlowSession(url, timeout_s, [SimpleNamespace(name="a", value="b")], event, SHORT_S)
    with session.request(method, path, name="slow", headers={"X-Request-ID": "1"}, context={}, data=data) as answer:
        answer.success()
    (answer.fired,) = fired
    return answer


def test_a_large_answer_is_read_whole_and_slowly(url: str) -> None:
    answer = ask(url, "GET", "/")
    assert (answer.status_code, answer.content) == (200, LARGE)
    assert answer.fired["response_time"] > 900 * SHORT_S
    assert answer.fired["response_length"] == len(LARGE)


def test_a_large_request_is_sent_whole_slowly_and_with_the_user_s_cookies(url: str) -> None:
    answer = ask(url, "POST", "/", LARGE)
    assert (answer.status_code, answer.content) == (201, LARGE)
    assert float(answer.headers["x-took"]) > 0.9 * SHORT_S
    assert answer.headers["x-cookie"] == "a=b"


def test_what_reading_takes_is_part_of_the_time_that_a_slow_client_takes(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    read, sleep, busy_s = HTTPResponse.read, gevent.sleep, 0.005

    def busy(response: HTTPResponse, size: int) -> bytes:
        time.sleep(busy_s)
        return read(response, size)

    monkeypatch.setattr(HTTPResponse, "read", busy)
    monkeypatch.setattr(gevent, "sleep", lambda seconds: (slept.append(seconds), sleep(seconds)))
    assert ask(url, "GET", "/").fired["response_time"] > 900 * SHORT_S
    assert sum(slept) <= SHORT_S - PIECES * busy_s


def test_a_small_answer_is_read_at_once(url: str) -> None:
    assert ask(url, "POST", "/", b"small").fired["response_time"] < 500 * SHORT_S


def test_what_goes_wrong_is_kept_as_the_client_met_it(url: str) -> None:
    silent = ask(url, "GET", "/silent", timeout_s=0.2)
    assert (silent.status_code, type(silent.error)) == (0, TimeoutError)
    refused = ask(f"http://127.0.0.1:{free_ports(1)[0]}", "GET", "/")
    assert (refused.status_code, type(refused.error)) == (0, ConnectionRefusedError)
    half = ask(url, "GET", "/half")
    assert len(half.content) < int(half.headers["content-length"])  # MeasuredUser calls that cut short
