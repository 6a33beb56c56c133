"""Those who watch come and go at a real server as in an hour, within a minute: they leave nothing behind."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from gatebench import ROOT
from gatebench.knobs import SPEAK_WEBSOCKETS, resolve
from gatebench.load.web_socket import WebSocketStream
from gatebench.loopback import opener
from gatebench.stacks.environment import app_environment
from gatebench.stacks.postgres import free_ports
from gatebench.stacks.programs import find_postgres
from gatebench.stacks.wait import answers
from gatebench.values.server import Interface
from tests.conftest import StartPostgres, wait_for

VISITS = 1_000
"""An hour of fifty people, each of whom watches for three minutes."""

AT_ONCE = 40
KILLED = 20
LOOKS = 5
VOTE = "UPDATE polls_choice SET votes = votes + 1 WHERE question_id = 1"

KNOBS = {
    "WORKLOAD": "live",
    "WORKERS": "1",
    "SET": "heartbeat_s=0.2",
    "ENV": "DJANGO_SETTINGS_MODULE=tests.live.settings",
}
"""One process, so that whoever asks is told of all that is open. Under WSGI whoever left is noticed at a heartbeat."""

Address = tuple[str, int]


class Site:
    """The app behind a server of its own, and its database."""

    def __init__(self, path: str, port: int, database: psycopg.Connection) -> None:
        self.address = ("127.0.0.1", port)
        self.path = path
        self._database = database

    def vote(self) -> None:
        self._database.execute(VOTE)

    def open(self) -> dict[str, int]:
        """How many watch, and what the app's process and PostgreSQL have open for them."""
        with opener().open("http://{}:{}/open/".format(*self.address), timeout=10) as answer:
            counts = json.load(answer)
        row = self._database.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = 'polls'").fetchone()
        assert row is not None
        return {**counts, "connections": row[0]}


@pytest.fixture
def site(request: pytest.FixtureRequest, start_postgres: StartPostgres, tmp_path: Path) -> Iterator[Site]:
    postgres = start_postgres(find_postgres())
    (port,) = free_ports(1)
    interface, path, knobs = request.param
    side = resolve(interface, {**KNOBS, **knobs}, bool).side
    environment = {**os.environ, **postgres.environment, **app_environment(side), "PYTHONPATH": str(ROOT)}
    launch = [sys.executable, "-m", "gatebench.launch"]
    static = ["--static", str(tmp_path / "static")]
    subprocess.run([*launch, "setup", *static], env=environment, cwd=ROOT, check=True, capture_output=True)
    with (tmp_path / "app.log").open("wb") as log:
        server = subprocess.Popen(
            [*launch, "serve", "--port", str(port), *static], env=environment, cwd=ROOT, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/open/"), "the app to answer")
        with psycopg.connect(postgres.url, autocommit=True) as database:
            yield Site(path, port, database)
    finally:
        server.terminate()
        server.wait(30)


def arrive(address: Address, path: str) -> socket.socket:
    """Somebody who has sent a request and read nothing yet."""
    visitor = socket.create_connection(address, timeout=20)
    visitor.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return visitor


def read_until(visitor: socket.socket, text: bytes) -> None:
    read = b""
    while text not in read:
        part = visitor.recv(65_536)
        assert part, read
        read += part


def leaves_at_once(site: Site) -> None:
    arrive(site.address, site.path).close()


def leaves_in_good_order(site: Site) -> None:
    with arrive(site.address, site.path) as visitor:
        read_until(visitor, b"event: vote")
        visitor.shutdown(socket.SHUT_RDWR)


def breaks_off(site: Site) -> None:
    """With a reset, as a network does that is gone."""
    with arrive(site.address, site.path) as visitor:
        read_until(visitor, b"event: results")
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def comes_again(site: Site) -> None:
    for _ in range(2):
        with arrive(site.address, site.path) as visitor:
            read_until(visitor, b"event: results")


WAYS = (leaves_at_once, leaves_in_good_order, breaks_off, comes_again)


def are_killed(site: Site) -> None:
    """Several in a process that is killed while it watches: they say nothing more, and close nothing."""
    code = f"""
import time
from tests.live.test_nothing_leaks import arrive, read_until
visitors = [arrive({site.address!r}, {site.path!r}) for _ in range({KILLED})]
for visitor in visitors: read_until(visitor, b"event: results")
print("they watch", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"they watch\n"
        process.send_signal(signal.SIGKILL)


@contextlib.contextmanager
def votes(site: Site) -> Iterator[None]:
    """Ten a second meanwhile."""
    over = threading.Event()

    def vote() -> None:
        while not over.wait(0.1):
            site.vote()

    with ThreadPoolExecutor(1) as voter:
        voting = voter.submit(vote)
        try:
            yield
        finally:
            over.set()
            voting.result()


def come_and_go(site: Site, visits: int) -> None:
    with votes(site), ThreadPoolExecutor(AT_ONCE) as people:
        ways = itertools.islice(itertools.cycle(WAYS), visits)
        for visit in [people.submit(way, site) for way in ways]:
            visit.result()
        are_killed(site)


def open_at_rest(site: Site) -> dict[str, int]:
    """What is open when nobody watches and nothing has changed for a second: whoever left is closed a moment later."""
    looks: list[dict[str, int]] = []

    def at_rest() -> bool:
        looks.append(site.open())
        return looks[-1]["watchers"] == 0 and looks[-LOOKS:] == [looks[-1]] * LOOKS

    wait_for(at_rest, "all who watched to be gone", 20, every=1 / LOOKS)
    return looks[-1]


THREADS = 32
STREAMS = (
    (Interface.WSGI, "/live/sync/1/", {"THREADS": str(THREADS)}),
    (Interface.ASGI, "/live/async/1/", {}),
    (Interface.ASGI, "/threaded/1/", {"THREADS": str(THREADS), "BRIDGE": "one-hop"}),
)


def watch_at_once(site: Site) -> None:
    """As many as there are threads, so that every one of them has begun."""
    visitors = [arrive(site.address, site.path) for _ in range(THREADS)]
    for visitor in visitors:
        read_until(visitor, b"event: results")
    for visitor in visitors:
        visitor.close()


@pytest.mark.parametrize("site", STREAMS, indirect=True, ids=["gunicorn", "uvicorn", "one-hop"])
def test_an_hour_of_comings_and_goings_leaves_nothing_behind(site: Site) -> None:
    """Pools and threads that are kept for the next are there after the first hundred."""
    watch_at_once(site)
    come_and_go(site, 100)
    before = open_at_rest(site)
    come_and_go(site, VISITS)
    assert open_at_rest(site) == before


BESIDE = {"uvicorn": {"BRIDGE": "one-hop"}}
"""What else a server is given: sockets are served beside a bridge as without one."""

SOCKETS = [
    (Interface.ASGI, "/live/socket/1/", {"WORKLOAD": "socket", "SERVER": name, **BESIDE.get(name, {})})
    for name in SPEAK_WEBSOCKETS
]
SOCKET_VISITS = 300


def open_socket(site: Site) -> None:
    """Somebody who watches by a WebSocket and then leaves: every second without a word, by a reset."""
    stream = WebSocketStream("http://{}:{}".format(*site.address), 20)
    stream.open(site.path, {})
    assert stream.status_code == stream.OPENED
    events = stream.events()
    assert [next(events).kind, next(events).kind] == ["results", "vote"]
    if next(_odd):
        stream.close()
    else:
        assert stream._socket is not None
        stream._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.release()


_odd = itertools.cycle((True, False))


def sockets_come_and_go(site: Site, visits: int) -> None:
    with votes(site), ThreadPoolExecutor(AT_ONCE) as people:
        for visit in [people.submit(open_socket, site) for _ in range(visits)]:
            visit.result()


@pytest.mark.parametrize("site", SOCKETS, indirect=True, ids=SPEAK_WEBSOCKETS)
def test_those_who_watch_by_sockets_leave_nothing_behind(site: Site) -> None:
    sockets_come_and_go(site, 100)
    before = open_at_rest(site)
    sockets_come_and_go(site, SOCKET_VISITS)
    assert open_at_rest(site) == before
