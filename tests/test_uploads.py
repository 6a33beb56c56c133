"""What clients send badly, or stop sending half-way, met by real app servers: a clear answer, no half of a file, and no
worker lost.
"""

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
from rich.console import Console

from gatebench import ROOT
from gatebench.knobs import resolve
from gatebench.launch import files_of
from gatebench.lock import locked
from gatebench.progress import Reporter
from gatebench.run import watched
from gatebench.run_folder import RunFolder
from gatebench.stacks.environment import app_environment
from gatebench.stacks.native import NativeStack
from gatebench.stacks.postgres import free_ports
from gatebench.values.server import Interface
from tests.conftest import Bench, wait_for

pytestmark = pytest.mark.whole

BOUNDARY = "half"
KB = 1024


class Form:
    """The form at an address of this machine, and what it is sent."""

    def __init__(self, port: int, path: str) -> None:
        self.port = port
        self.path = path

    def ask(self, head: str, body: bytes = b"") -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            client.sendall(head.encode() + body)
            answer = b""
            while part := client.recv(65536):
                answer += part
        return answer

    def upload(self, content: bytes, of: float = 1.0, name: str = "a.pdf") -> bytes:
        """Sends that share of an upload, then goes away or waits for the answer."""
        form = self.ask(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[1]  # type: ignore[index]
        cookie = re.search(r"(?i)set-cookie: *(csrftoken=[^;]+)", form)[1]  # type: ignore[index]
        fields = (("csrfmiddlewaretoken", "", token.encode()), ("file", f'; filename="{name}"', content))
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"{more}\r\n\r\n'.encode() + value + b"\r\n"
            for field, more, value in fields
        ]
        body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
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


class Site(Form):
    """The app server of the workload alone, without Nginx before it: what a client sends it gets as it comes."""

    def __init__(self, interface: str, views: str, folder: Path) -> None:
        side = resolve(Interface(interface), {"WORKLOAD": "upload", "VIEWS": views}, lambda: False).side
        super().__init__(free_ports(1)[0], f"/upload/{views}/")
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

    def stored(self) -> set[Path]:
        """Files, whole or not."""
        return {path for path in self.folder.rglob("*") if path.is_file()}

    def workers(self) -> set[int]:
        return {child.pid for child in psutil.Process(self.process.pid).children(recursive=True)}


@pytest.fixture(scope="module", params=[("wsgi", "plain"), ("asgi", "aiofiles")], ids="-".join)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(*request.param, tmp_path_factory.mktemp("site"))
    yield site
    os.killpg(site.process.pid, signal.SIGTERM)
    site.process.wait()
    site.log.close()


def pdf(size: int) -> bytes:
    return b"%PDF-" + bytes(size)


def test_clients_that_stop_half_way_leave_nothing_and_cost_no_worker(site: Site) -> None:
    workers, before = site.workers(), site.stored()
    assert len(workers) >= 2
    for size in (KB, 3000 * KB):  # kept in memory, and in a temporary file
        for of in (0.3, 0.9):
            for _ in range(5):
                site.upload(pdf(size), of)
    assert b" 201 " in site.upload(pdf(3000 * KB))
    (stored,) = site.stored() - before
    assert stored.suffix == ".pdf"
    assert stored.read_bytes() == pdf(3000 * KB)
    assert site.workers() == workers


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (pdf(6000 * KB), b" 413 ", b"The file is larger than 5 MB."),
        (b"", b" 400 ", b"The file is empty."),
        (b"GIF89a, and more of it", b" 415 ", b"The file is not a PDF."),
    ],
    ids=["too large", "empty", "of another type"],
)
def test_what_cannot_be_taken_is_told_so_and_leaves_nothing(
    site: Site, content: bytes, status: bytes, said: bytes
) -> None:
    before = site.stored()
    answer = site.upload(content)
    assert status in answer.splitlines()[0]
    assert said in answer
    assert site.stored() == before


def test_a_form_without_a_file_is_told_so(site: Site) -> None:
    assert b"Choose a file." in site.upload(b"", name="")


def test_no_name_leads_out_of_the_folder(site: Site) -> None:
    before = site.stored()
    for name in ("../../evil.pdf", "/tmp/evil.pdf", "..\\evil.pdf", "%2e%2e%2fevil.pdf"):
        assert b" 201 " in site.upload(pdf(KB), name=name)
    new = site.stored() - before
    assert {path.parent for path in new} == {site.folder / "uploads"}
    assert len(new) == 4
    assert not any("evil" in str(path) for path in site.folder.parent.parent.rglob("*"))


def test_nginx_lets_through_what_the_site_answers_and_ends_what_is_larger(bench: Bench) -> None:
    config = bench.config("asgi", WORKLOAD="upload")
    folder = RunFolder.create(bench.results, "uploads")
    display = Reporter(config, Console(quiet=True))
    with locked(bench.results) as lock, watched(lock, folder, display) as watchdog:
        stack = NativeStack(config, folder, watchdog)
        stack.up(display.note)
        behind_nginx = Form(bench.port, "/upload/aiofiles/")
        assert b" 201 " in behind_nginx.upload(pdf(4000 * KB))
        assert b"The file is larger than 5 MB." in behind_nginx.upload(pdf(6000 * KB))
        assert b" 413 " in behind_nginx.upload(pdf(9000 * KB)).splitlines()[0]
        (write,) = config.side.workload.writes
        assert stack.stored(write) == 1
