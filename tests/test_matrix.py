"""A matrix measured for real: each way to connect to the database under both interfaces, and the page about them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from gatebench.analysis.analysed_run import analyse
from gatebench.analysis.cli import main as analyze
from gatebench.campaign import plan_campaign
from gatebench.matrix import MATRICES
from gatebench.plan import measure
from gatebench.records import PGBOUNCER
from gatebench.run_folder import recorded
from tests.conftest import BESIDE_OTHERS, TINY, own_ports

ROWS = (
    {"SERVER": "gunicorn", "DB": "pool,persistent,per-request,pgbouncer"},
    {"SERVER": "uvicorn", "DB": "per-request,pgbouncer"},
)
"""Persistent connections under ASGI are one hop's, and a run of their own."""


@pytest.mark.whole
def test_each_way_to_connect_is_measured_and_ranked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(MATRICES, "toy", ROWS)
    port, ui_port = own_ports(2)
    ports = {"PORT": str(port), "UI_PORT": str(ui_port)}
    short = {"USERS": "20", "SETTLE": "1", "HOLD": "4", "TRIALS": "1"}
    knobs = {**TINY, **BESIDE_OTHERS, **ports, **short, "MATRIX": "toy", "RESULTS": str(tmp_path)}
    plan = plan_campaign("matrix", knobs, lambda: False)
    measure(plan, Console(file=io.StringIO()))
    runs = [analyse(folder) for _, folder in recorded(tmp_path)]
    assert len(runs) == (4 if any("PgBouncer" in sentence for sentence in plan.left_out) else 6)
    for run in runs:
        assert run.causes.empty
        db = run.run.config["db"]
        # Samples are a second apart, so that a hold of four seconds is known to within a quarter.
        opened = run.steps["db_opened_per_request"].item()
        assert (0.7 < opened < 1.4) if db == "per-request" else (0 <= opened < 0.1)
        assert run.steps["db_connections"].item() <= 16 + 1  # and who asks whether it is ready
        assert (PGBOUNCER in run.run.versions) == (PGBOUNCER in run.run.roles) == (db == PGBOUNCER)
        assert {*run.resources["role"]} == {*run.run.roles, "gatebench"}

    assert analyze(["--matrix", f"--results={tmp_path}"]) == 0
    output = capsys.readouterr().out  # beside other tests a step need not be valid
    assert "WSGI gunicorn (per-request)" in output
    page = (tmp_path / "matrix" / "matrix.html").read_text()
    assert "Each side, by the users that it holds" in page
    assert "MATRIX=toy" in page
    assert (tmp_path / "matrix" / "tables" / "matrix.csv").exists()
