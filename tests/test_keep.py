"""What is kept of a run says what the run said."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.keep import main
from gatebench.analysis.analysed_run import analyse
from gatebench.run_folder import RunFolder
from tests.analysis.synthetic import BEGAN, Recorded, progress, proxy_line, request, requests, step


def test_a_kept_run_is_analysed_to_the_same_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*requests(1, ok=30), request(3, cause="timeout")]  # type: ignore[arg-type]
    told = [progress(3, [1.0]), {"event": "counted", "time": BEGAN, "due": 0, "steps": []}, progress(4, [2.0])]
    logged = [proxy_line(one) for one in rows]
    made = Recorded(rows, [step(1)], proxy_lines=logged, progress=told).write(tmp_path / "made")
    monkeypatch.setattr(sys, "argv", ["keep.py", "--into", str(tmp_path / "kept"), "--proxy-log", str(made.path)])
    assert main() == 0
    kept = RunFolder(tmp_path / "kept" / "made")
    assert not kept.proxy_log.exists()
    assert kept.read_run().config["results"] == "results"
    assert '"counted"' not in kept.load_events.read_text()
    for name in ("steps", "causes", "examples", "validity"):
        pd.testing.assert_frame_equal(getattr(analyse(kept), name), getattr(analyse(made), name))
