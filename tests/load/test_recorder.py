"""What the recorder counts while a step is held."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gatebench import ROOT


def printed(script: str, tmp_path: Path) -> list[float]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / script), str(tmp_path / "requests.arrows")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return list(map(float, done.stdout.split()))


def test_updates_of_the_hold_are_counted_as_late_by_the_objective(tmp_path: Path) -> None:
    assert printed("one_hold.py", tmp_path) == [0, pytest.approx(1 / 3)]


def test_streams_are_left_when_the_last_updates_have_come_and_paced_requests_are_not_waited_for(tmp_path: Path) -> None:
    assert printed("one_drain.py", tmp_path) == [0, 3000, 5]
