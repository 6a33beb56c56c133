"""What the recorder counts while a step is held."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gatebench import ROOT


def test_updates_of_the_hold_are_counted_as_late_by_the_objective(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "one_hold.py"), str(tmp_path / "requests.arrows")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert list(map(float, done.stdout.split())) == [0, pytest.approx(1 / 3)]
