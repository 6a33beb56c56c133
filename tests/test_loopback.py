"""Nothing of Gatebench's talks to this machine through a proxy, whatever the shell's environment says."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gatebench import ROOT
from gatebench.check import live_facts
from gatebench.stacks.wait import answers
from gatebench.workloads.polls import POLLS
from tests.conftest import NO_SUCH_PROXY


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ready": true}')

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where a server of this machine answers, in an environment with a proxy that does not."""
    for name, value in NO_SUCH_PROXY.items():
        monkeypatch.setenv(name, value)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with HTTPServer(("127.0.0.1", 0), Ready) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


def test_the_wait_for_a_server_and_the_check_of_the_app_pass_a_proxy_by(port: int) -> None:
    assert answers(f"http://127.0.0.1:{port}/.gatebench/ready")
    assert live_facts(POLLS, f"http://127.0.0.1:{port}") == {"ready": True}


def test_the_health_checks_of_the_containers_pass_a_proxy_by(port: int) -> None:
    """Docker sets the proxies of a person's ~/.docker/config.json in every container."""
    text = (ROOT / "compose" / "common.yml").read_text()
    checks = re.findall(r"- python\n +- -c\n +- ((?:.+\n)+?)(?=\n|  \w|\Z)", text)
    assert len(checks) == 3  # of the app, the service and the load
    for check in checks:
        code = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", " ".join(check.split()))
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**NO_SUCH_PROXY, "UI_PORT": str(port), "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
