"""What is kept of a run says what the run said."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.keep import main, places_of, without
from gatebench.analysis.analysed_run import analyse, write_steps
from gatebench.analysis.comparing.guide import guide_runs
from gatebench.records import Trial
from gatebench.run_folder import RunFolder
from tests.analysis.synthetic import Recorded, progress, proxy_line, request, requests, step


def test_a_kept_run_is_analysed_to_the_same_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*requests(1, ok=30), request(3, cause="timeout")]  # type: ignore[arg-type]
    clock = [progress(second, [1.0, 2.0]) for second in range(30)]
    lines = [proxy_line(one) for one in rows]
    recorded = Recorded(
        rows, [step(1)], proxy_lines=lines, progress=clock, config={"results": "/home/somebody/results"}
    )
    made = recorded.write(tmp_path / "made")
    monkeypatch.setattr(sys, "argv", ["keep.py", "--into", str(tmp_path / "kept"), "--proxy-log", str(made.path)])
    assert main() == 0
    kept = RunFolder(tmp_path / "kept" / "made")
    assert not kept.proxy_log.exists()
    assert not kept.load_events.exists()
    assert kept.read_run().config["results"] == "results"
    for name in ("steps", "causes", "examples", "validity"):
        pd.testing.assert_frame_equal(getattr(analyse(kept), name), getattr(analyse(made), name))


def test_of_a_run_of_a_guide_its_steps_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workload = {"name": "vote", "about": "votes", "objective": {"failures_pct": 1.0, "p95_ms": 1000.0}}
    trial = Trial("g-vote", 1, "WSGI", "g")
    made = Recorded(requests(1, ok=30), [step(1)], config={"workload": workload}, run={"trial": trial}).write(
        tmp_path / "made"
    )
    analysed = analyse(made)
    write_steps(analysed)
    monkeypatch.setattr(sys, "argv", ["keep.py", "--into", str(tmp_path / "kept"), "--steps-only", str(made.path)])
    assert main() == 0
    kept = RunFolder(tmp_path / "kept" / "made")
    assert {path.name for path in kept.path.iterdir()} == {"run.json", "steps.csv"}
    found = guide_runs([(kept.read_run(), pd.read_csv(kept.steps_csv))])
    pd.testing.assert_frame_equal(found, guide_runs([(analysed.run, analysed.steps)]))


def test_what_is_kept_names_no_folder_of_the_machine_that_made_it() -> None:
    home = "/home/somebody"
    app = {
        "folder": f"{home}/shop",
        "interpreter": f"{home}/shop/.venv/bin/python",
        "front": [f"{home}/.cache/gatebench/layers/x/front"],
    }
    run = {
        "config": {"results": f"{home}/shop/gatebench-results", "workload": {"app": app}},
        "environments": {
            "generator": {"PYTHONPATH": "/opt/bench"},
            "app": {"PYTHONPATH": "/opt/bench/inside:/opt/bench"},
        },
    }
    places = places_of(run)
    assert without(places, run) == {
        "config": {
            "results": "results",
            "workload": {
                "app": {"folder": "./shop", "interpreter": "./shop/.venv/bin/python", "front": ["./layers/x/front"]}
            },
        },
        "environments": {"generator": {"PYTHONPATH": "."}, "app": {"PYTHONPATH": "./inside:."}},
    }
    assert without(places, f'  File "{home}/shop/views.py", line 3') == '  File "./shop/views.py", line 3'
    assert without(places, "/opt/benchmarks stays") == "/opt/benchmarks stays"
