"""What is kept of a run says what the run said."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.keep import main
from gatebench.analysis.analysed_run import analyse
from gatebench.run_folder import RunFolder
from tests.analysis.synthetic import Recorded, proxy_line, request, requests, step


def test_a_kept_run_is_analysed_to_the_same_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*requests(1, ok=30), request(3, cause="timeout")]  # type: ignore[arg-type]
    made = Recorded(rows, [step(1)], proxy_lines=[proxy_line(one) for one in rows]).write(tmp_path / "made")
    monkeypatch.setattr(sys, "argv", ["keep.py", "--into", str(tmp_path / "kept"), "--proxy-log", str(made.path)])
    assert main() == 0
    kept = RunFolder(tmp_path / "kept" / "made")
    assert not kept.proxy_log.exists()
    assert kept.read_run().config["results"] == "results"
    for name in ("steps", "causes", "examples", "validity"):
        pd.testing.assert_frame_equal(getattr(analyse(kept), name), getattr(analyse(made), name))
