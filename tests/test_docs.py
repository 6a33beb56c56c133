"""What the documents promise is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gatebench import errors
from gatebench.analysis import tables
from gatebench.analysis.runs import AnalysedRun, analyse
from gatebench.config import KNOBS, ROOT
from gatebench.run_folder import RunFolder
from gatebench.servers import SERVERS

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def test_the_readme_has_every_knob_with_its_default() -> None:
    for knob in KNOBS:
        assert f"| `{knob.name}` |" in README, knob.name


@pytest.mark.parametrize(
    ("runs", "table"),
    [
        ("fair", tables.failure_table),
        ("fair", tables.late_or_failed_table),
        ("fair", tables.latency_table),
        ("fair", tables.throughput_table),
        ("article", tables.failure_table),
    ],
)
def test_the_readme_s_figures_are_those_of_the_recorded_runs(
    runs: str, table: Callable[[list[AnalysedRun]], tables.Table]
) -> None:
    """Each row of a run that the README shows is what the analysis makes of the recorded run today."""
    recorded = [
        analyse(RunFolder(ROOT / "results" / "recorded" / runs / name)) for name in ("wsgi-gunicorn", "asgi-uvicorn")
    ]
    rows = {row[0]: "| " + " | ".join(row) + " |" for row in table(recorded).rows}
    shown = [line for line in README.splitlines() if line.split(" | ")[0].removeprefix("| ") in rows]
    assert len(shown) >= 2
    assert set(shown) <= set(rows.values())


def test_the_readme_has_every_server() -> None:
    for server in SERVERS:
        assert server in README


def test_the_readme_has_every_exit_code() -> None:
    codes = {kind.exit_code for kind in errors.GatebenchError.__subclasses__()} | {1, errors.INTERRUPTED}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)} == codes | {0}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    for target in re.findall(r"(?:^ {4}|`)make ([a-z][a-z-]+)", document.read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"{document.name} says make {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text()):
        assert (document.parent / link).exists(), f"{document.name} links to {link}"
