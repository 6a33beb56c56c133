"""Every command explains itself, and the benchmarks start from where they are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gatebench import ROOT
from gatebench.analysis import cli as analysis
from gatebench.campaign import COMMANDS
from gatebench.cli import main

NAMES = (*COMMANDS, "guide", "servers", "init", "analyze", "compare")

BENCHMARKS = [path for path in sorted((ROOT / "benchmarks").glob("*.py")) if path.stem != "overlay_inside"]
"""The one that is left out is started by another, inside an app server."""


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (analysis.main, []),
        (main, []),
        *((main, [name]) for name in (*COMMANDS, "guide", "servers", "init", "analyze", "compare")),
    ],
)
def test_every_command_explains_itself(
    command: Callable[[], int],
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["gatebench", *arguments, "--help"])
    with pytest.raises(SystemExit) as ended:
        command()
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (0, "")
    assert said.out.startswith("usage: ")
    assert "%%" not in said.out


@pytest.mark.whole
@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_finds_the_package_from_anywhere(path: Path, tmp_path: Path) -> None:
    code = f"import runpy; runpy.run_path({str(path)!r}, run_name='imported')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
