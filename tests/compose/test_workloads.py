"""Workloads in the compose stack that need what voting does not: they are rehearsed; the ledger of one is a file in the
container of the app; the answers of another go on.
"""

from __future__ import annotations

from tests.compose.docker import KNOBS, leftovers, needs_engine
from tests.conftest import Bench
from tests.test_workloads import LIVE, assert_signed_up, assert_streamed, ran

pytestmark = needs_engine


def test_a_workload_without_a_database_of_its_own_runs_in_containers(bench: Bench) -> None:
    folder = ran(bench, "asgi", WORKLOAD="signup", **KNOBS)
    assert_signed_up(folder)
    assert leftovers(folder) == []


def test_sockets_come_through_containers(bench: Bench) -> None:
    folder = ran(bench, "asgi", WORKLOAD="socket", **{**KNOBS, **LIVE})
    assert_streamed(folder, "socket")
    assert leftovers(folder) == []


def test_streams_come_through_containers(bench: Bench) -> None:
    folder = ran(bench, "asgi", WORKLOAD="live", **{**KNOBS, **LIVE})
    assert_streamed(folder, "async")
    assert leftovers(folder) == []
