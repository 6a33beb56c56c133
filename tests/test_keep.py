"""What is kept of a run says what the run said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.keep import main, without_places
from gatebench.analysis.analysed_run import analyse
from gatebench.run_folder import RunFolder
from tests.analysis.synthetic import Recorded, progress, proxy_line, request, requests, step


def test_a_kept_run_is_analysed_to_the_same_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*requests(1, ok=30), request(3, cause="timeout")]  # type: ignore[arg-type]
    clock = [progress(second, [1.0, 2.0]) for second in range(30)]
    lines = [proxy_line(one) for one in rows]
    made = Recorded(rows, [step(1)], proxy_lines=lines, progress=clock).write(tmp_path / "made")
    monkeypatch.setattr(sys, "argv", ["keep.py", "--into", str(tmp_path / "kept"), "--proxy-log", str(made.path)])
    assert main() == 0
    kept = RunFolder(tmp_path / "kept" / "made")
    assert not kept.proxy_log.exists()
    assert not kept.load_events.exists()
    assert kept.read_run().config["results"] == "results"
    for name in ("steps", "causes", "examples", "validity"):
        pd.testing.assert_frame_equal(getattr(analyse(kept), name), getattr(analyse(made), name))


def test_what_is_kept_names_no_folder_of_the_machine_that_made_it() -> None:
    app = {"folder": "/home/somebody/shop", "interpreter": "/home/somebody/shop/.venv/bin/python"}
    layers = {
        "front": ["/home/somebody/.cache/gatebench/layers/x/front"],
        "back": ["/home/somebody/.cache/gatebench/layers/x/back"],
    }
    config = {"results": "/home/somebody/shop/gatebench-results", "workload": {"app": app | layers}}
    environments = {
        "generator": {"PYTHONPATH": "/opt/gatebench"},
        "app": {"PYTHONPATH": "/opt/gatebench/gatebench/inside"},
    }
    kept = without_places(json.dumps({"config": config, "environments": environments}))
    assert "/home" not in kept
    assert json.loads(kept)["config"]["workload"]["app"] == {
        "folder": "shop",
        "interpreter": "shop/.venv/bin/python",
        "front": ["layers/x/front"],
        "back": ["layers/x/back"],
    }
    assert json.loads(kept)["environments"]["app"]["PYTHONPATH"] == "gatebench/inside"
