"""Clients that stop half-way through an upload, met by real app servers: no half of a file, and no worker lost."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gatebench import ROOT
from gatebench.knobs import resolve
from gatebench.launch import files_of
from gatebench.stacks.environment import app_environment
from gatebench.stacks.postgres import free_ports
from gatebench.values.server import Interface
from tests.conftest import wait_for

pytestmark = pytest.mark.whole

BOUNDARY = "half"
KB = 1024


class Site:
    """The app server of the workload alone, without Nginx before it: what a client sends it gets as it comes."""

    def __init__(self, interface: str, views: str, folder: Path) -> None:
        side = resolve(Interface(interface), {"WORKLOAD": "upload", "VIEWS": views}, lambda: False).side
        (self.port,) = free_ports(1)
        self.path = f"/upload/{views}/"
        self.folder = Path(files_of(str(folder / "static")))
        self.folder.mkdir()
        self.log = (folder / "log").open("wb")
        serve = [sys.executable, "-m", "gatebench.launch", "serve"]
        self.process = subprocess.Popen(
            [*serve, "--static", str(folder / "static"), "--port", str(self.port)],
            env={**os.environ, **app_environment(side), "PYTHONPATH": str(ROOT)},
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        wait_for(self.answers, "the app server")

    def answers(self) -> bool:
        try:
            return b" 200 OK" in self.ask(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        except OSError:
            return False

    def ask(self, head: str, body: bytes = b"") -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            client.sendall(head.encode() + body)
            answer = b""
            while part := client.recv(65536):
                answer += part
        return answer

    def upload(self, size: int, of: float = 1.0) -> bytes:
        """Sends that share of an upload, then goes away or waits for the answer."""
        form = self.ask(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[1]  # type: ignore[index]
        cookie = re.search(r"(?i)set-cookie: *(csrftoken=[^;]+)", form)[1]  # type: ignore[index]
        body = (
            (
                f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token}\r\n'
                f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-'
            ).encode()
            + bytes(size)
            + f"\r\n--{BOUNDARY}--\r\n".encode()
        )
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {cookie}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        if of == 1:
            return self.ask(head, body)
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            client.sendall(head.encode() + body[: int(of * len(body))])
            time.sleep(0.1)
        return b""

    def stored(self) -> list[str]:
        return [path.suffix for path in self.folder.rglob("*") if path.is_file()]

    def workers(self) -> set[int]:
        return {child.pid for child in psutil.Process(self.process.pid).children(recursive=True)}


@pytest.fixture(params=[("wsgi", "plain"), ("wsgi", "aiofiles"), ("asgi", "plain"), ("asgi", "aiofiles")], ids="-".join)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    site = Site(*request.param, tmp_path)
    yield site
    os.killpg(site.process.pid, signal.SIGTERM)
    site.process.wait()
    site.log.close()


def test_clients_that_stop_half_way_leave_nothing_and_cost_no_worker(site: Site) -> None:
    before = site.workers()
    assert len(before) >= 2
    for size in (KB, 3000 * KB):  # kept in memory, and in a temporary file
        for of in (0.3, 0.9):
            for _ in range(10):
                site.upload(size, of)
    assert b" 201 " in site.upload(3000 * KB)
    assert site.stored() == [".pdf"]
    assert site.workers() == before


def test_one_that_is_too_large_is_told_so_and_leaves_nothing(site: Site) -> None:
    for _ in range(3):
        assert b"The file is larger than 5 MB." in site.upload(6000 * KB)
    assert site.stored() == []
