"""Workloads in the compose stack, one for each thing that a container needs for it: tiny runs, each answer checked."""

from __future__ import annotations

import pytest

from gatebench.analysis.analysed_run import analyse
from tests.compose.docker import KNOBS, leftovers, needs_engine
from tests.conftest import Bench
from tests.test_workloads import ran

pytestmark = needs_engine

MORE = {
    "home": {"SET": "log_in_pct=50 stay_rounds=2"},
    "upload": {"SET": "slow_clients_pct=50"},
}
"""So that each kind of request is sent in a few seconds."""


@pytest.mark.parametrize(
    ("interface", "workload"),
    [("asgi", "bare"), ("asgi", "home"), ("wsgi", "signup"), ("asgi", "upload"), ("wsgi", "fanout")],
)
def test_a_workload_runs_in_containers(bench: Bench, interface: str, workload: str) -> None:
    folder = ran(bench, interface, **{**KNOBS, "HOLD": "6", "WORKLOAD": workload, **MORE.get(workload, {})})
    assert analyse(folder).alarms == ()
    assert leftovers(folder) == []
