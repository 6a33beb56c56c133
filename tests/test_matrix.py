"""The matrix measured for real: two sides of it, and the page about them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from gatebench.analysis.cli import main as analyze
from gatebench.campaign import plan_campaign
from gatebench.matrix import MATRICES
from gatebench.plan import measure
from gatebench.run_folder import recorded
from tests.conftest import BESIDE_OTHERS, TINY, own_ports


@pytest.mark.whole
def test_two_sides_are_measured_and_ranked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(MATRICES, "toy", ({"SERVER": "gunicorn", "DB": "pool,per-request"},))
    port, ui_port = own_ports(2)
    ports = {"PORT": str(port), "UI_PORT": str(ui_port)}
    knobs = {**TINY, **BESIDE_OTHERS, **ports, "MATRIX": "toy", "TRIALS": "1", "RESULTS": str(tmp_path)}
    measure(plan_campaign("matrix", knobs, lambda: False), Console(file=io.StringIO()))
    assert [run.config["stop_at_limit"] for run, _ in recorded(tmp_path)] == [True, True]
    assert analyze(["--matrix", f"--results={tmp_path}"]) == 0
    output = capsys.readouterr().out  # beside other tests a step need not be valid
    assert "WSGI gunicorn (per-request)" in output
    page = (tmp_path / "matrix" / "matrix.html").read_text()
    assert "Each side, by the users that it holds" in page
    assert "MATRIX=toy" in page
    assert (tmp_path / "matrix" / "tables" / "matrix.csv").exists()
