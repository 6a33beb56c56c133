"""What the documents promise is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gatebench import ROOT, errors
from gatebench.analysis.analysed_run import AnalysedRun, analyse
from gatebench.analysis.comparing.sides import Side, sides_of
from gatebench.analysis.comparing.verdict import verdicts
from gatebench.analysis.showing import text_tables
from gatebench.knobs import KNOBS
from gatebench.run_folder import RunFolder
from gatebench.servers import SERVERS

README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
ARTICLE = (ROOT / "docs" / "article.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def test_the_reference_has_every_knob_with_its_default() -> None:
    for knob in KNOBS:
        assert f"| `{knob.name}` |" in REFERENCE, knob.name


@pytest.mark.whole
@pytest.mark.parametrize(
    ("document", "runs", "table"),
    [
        (README, "trials", text_tables.failure_table),
        (README, "trials", text_tables.late_or_failed_table),
        (README, "trials", text_tables.throughput_table),
        (ARTICLE, "article", text_tables.failure_table),
    ],
)
def test_the_documents_figures_are_those_of_the_recorded_runs(
    document: str, runs: str, table: Callable[[list[Side]], text_tables.Table]
) -> None:
    """Each row of a run that a document shows is what the analysis makes of the recorded run today."""
    rows = {row[0]: "| " + " | ".join(row) + " |" for row in table(sides_of(recorded(runs))).rows}
    shown = [line.replace("\\*", "*") for line in document.splitlines() if line[2:].split(" | ")[0] in rows]
    assert len(shown) >= 2
    assert set(shown) <= set(rows.values())


@pytest.mark.whole
def test_the_readme_opens_with_the_verdict_of_the_recorded_trials() -> None:
    (verdict,) = verdicts(sides_of(recorded("trials")))
    assert f"**{verdict.sentence}** {verdict.beside}" in " ".join(README.split())


def recorded(folder: str) -> list[AnalysedRun]:
    runs = sorted((ROOT / "results" / "recorded" / folder).glob("*/run.json"))
    return [analyse(RunFolder(run.parent)) for run in runs]


def test_the_reference_has_every_server() -> None:
    """Where a person looks for what SERVER may be: its row in the table of knobs."""
    (row,) = (line for line in REFERENCE.splitlines() if line.startswith("| `SERVER` |"))
    assert set(SERVERS) <= set(re.findall(r"[a-z]+(?:-[a-z]+)*", row))


def test_the_reference_has_every_exit_code() -> None:
    codes = {kind.exit_code for kind in errors.GatebenchError.__subclasses__()} | {1, errors.INTERRUPTED}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", REFERENCE, re.MULTILINE)} == codes | {0}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    for target in re.findall(r"(?:^ {4}|`)make ([a-z][a-z-]+)", document.read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"{document.name} says make {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text()):
        assert (document.parent / link).exists(), f"{document.name} links to {link}"
