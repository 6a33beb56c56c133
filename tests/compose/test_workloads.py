"""A workload in the compose stack that needs what voting does not: it is rehearsed, it is wrapped, and its ledger is a
file in the container of the app.
"""

from __future__ import annotations

from tests.compose.docker import KNOBS, leftovers, needs_engine
from tests.conftest import Bench
from tests.test_workloads import assert_signed_up, ran

pytestmark = needs_engine


def test_a_workload_without_a_database_of_its_own_runs_in_containers(bench: Bench) -> None:
    folder = ran(bench, "asgi", WORKLOAD="signup", **KNOBS)
    assert_signed_up(folder)
    assert leftovers(folder) == []
