"""`docker compose up` without the runner and with nothing set but free ports: the site, and Locust beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gatebench.loopback import opener
from gatebench.records import PGBOUNCER
from gatebench.values.server import Interface
from tests.compose.docker import bare_environment, docker, needs_engine
from tests.conftest import own_ports

pytestmark = needs_engine


class ByHand:
    """Compose as a person uses it, in a project that is not theirs."""

    def __init__(self, interface: Interface, db: str) -> None:
        self.interface, self.db = interface, db
        self.port, self.ui_port = own_ports(2)
        self._command = ("compose", "-p", f"gatebench-by-hand-{self.port}", "-f", f"docker-compose.{interface}.yml")
        ports = {"GATEBENCH_PORT": str(self.port), "GATEBENCH_UI_PORT": str(self.ui_port)}
        self._environment = bare_environment(**ports, **({"GATEBENCH_DB": db} if db != "pool" else {}))

    def compose(self, *arguments: str) -> str:
        profiles = ("--profile", "load", *(("--profile", PGBOUNCER) if self.db == PGBOUNCER else ()))
        return docker(*self._command, *profiles, *arguments, env=self._environment)


@pytest.fixture(params=[(Interface.WSGI, "pool"), (Interface.ASGI, PGBOUNCER)], ids=list(Interface))
def by_hand(request: pytest.FixtureRequest) -> Iterator[ByHand]:
    hand = ByHand(*request.param)
    try:
        hand.compose("up", "--detach", "--wait")
        yield hand
    finally:
        hand.compose("down", "--volumes", "--timeout", "1")


def text(url: str, data: bytes | None = None) -> str:
    with opener().open(url, data, timeout=20) as answer:
        return str(answer.read().decode())


def test_the_site_answers_and_locust_is_ready_to_start(by_hand: ByHand) -> None:
    site = f"http://127.0.0.1:{by_hand.port}"
    facts = json.loads(text(f"{site}/.gatebench/ready"))
    assert facts["interface"] == by_hand.interface
    assert (facts["db"], facts["debug"]) == (by_hand.db, False)
    assert 'data-page="detail"' in text(f"{site}/polls/1/")
    assert "{" in text(f"{site}/static/polls/style.css")

    ui = f"http://127.0.0.1:{by_hand.ui_port}"
    assert "http://nginx:8080" in text(ui)
    assert json.loads(text(f"{ui}/swarm", b"user_count=3&spawn_rate=3&host=http://nginx:8080"))["success"]
