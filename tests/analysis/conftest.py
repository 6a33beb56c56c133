"""Where a test writes its run folders, and the command that analyses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gatebench.analysis import cli
from gatebench.analysis.analysed_run import AnalysedRun, analyse
from gatebench.run_folder import RunFolder
from tests.analysis.synthetic import Recorded


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def analysed(results: Path) -> Callable[..., AnalysedRun]:
    """Writes what was recorded to results/<name> and analyses it."""

    def write_and_analyse(recorded: Recorded, name: str = "run") -> AnalysedRun:
        return analyse(recorded.write(results / name))

    return write_and_analyse


class Command:
    """`python analyze.py …`, in this process."""

    def __init__(self, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.results = results
        self.capsys = capsys
        self.out = self.err = ""

    def __call__(self, *folders: RunFolder | Path | str) -> int:
        paths = [str(one.path if isinstance(one, RunFolder) else one) for one in folders]
        code = cli.main([*paths, "--results", str(self.results)])
        self.out, self.err = self.capsys.readouterr()
        return code

    @property
    def report(self) -> str:
        return (self.results / "analysis" / "report.md").read_text()


@pytest.fixture
def command(results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    # Drawing takes a second and has tests of its own.
    monkeypatch.setattr("gatebench.analysis.showing.charts.save_charts", lambda *_: {})
    return Command(results, capsys)
