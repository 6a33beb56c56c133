"""What the documents promise is there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from benchmarks.repeatability import sections
from gatebench import ROOT, errors
from gatebench.analysis.analysed_run import analyse
from gatebench.analysis.comparing.sides import Side, all_runs, sides_of
from gatebench.analysis.comparing.verdict import verdicts
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing import text_tables
from gatebench.analysis.showing.text_tables import Table
from gatebench.analysis.words import percent
from gatebench.knobs import KNOBS, WORKLOADS
from gatebench.run_folder import RunFolder
from gatebench.servers import SERVERS

README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
ARTICLE = (ROOT / "docs" / "article.md").read_text()
MEASUREMENTS = (ROOT / "docs" / "measurements.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def test_the_reference_has_every_knob_with_its_default() -> None:
    for knob in KNOBS:
        assert f"| `{knob.name}` |" in REFERENCE, knob.name


def rows_of(*tables: Table) -> set[str]:
    """As a document has them."""
    return {f"| {' | '.join(row)} |" for table in tables for row in table.rows}


def shown_in(document: str, *tables: Table) -> set[str]:
    """The document's rows that begin with the words of one of the tables' rows."""
    beginnings = tuple(f"| {' | '.join(row[: table.text_columns])} | " for table in tables for row in table.rows)
    return {line for line in lines_of(document) if line.startswith(beginnings)}


def lines_of(document: str) -> set[str]:
    return set(document.replace("\\*", "*").splitlines())


@cache
def recorded(folder: str) -> list[Side]:
    """The sides of the recorded runs, analysed today."""
    runs = sorted((ROOT / "results" / "recorded" / folder).glob("*/run.json"))
    return sides_of([analyse(RunFolder(run.parent)) for run in runs])


@pytest.mark.whole
@pytest.mark.parametrize(
    ("document", "table", "runs"),
    [
        (README, text_tables.failure_table, ["campaigns"]),
        (README, text_tables.late_or_failed_table, ["campaigns"]),
        (README, text_tables.throughput_table, ["campaigns"]),
        (ARTICLE, text_tables.failure_table, ["article", "article-trials"]),
        (ARTICLE, text_tables.throughput_table, ["article-trials"]),
        (ARTICLE, text_tables.cpu_table, ["article-trials"]),
        (ARTICLE, text_tables.connections_table, ["article-trials"]),
    ],
)
def test_the_documents_tables_are_those_of_the_recorded_runs(
    document: str, table: Callable[[list[Side]], Table], runs: list[str]
) -> None:
    """Of a table, a document may leave out rows."""
    tables = [table(recorded(folder)) for folder in runs]
    shown = shown_in(document, *tables)
    assert len(shown) >= 2 * len(runs)
    assert shown <= rows_of(*tables)


@pytest.mark.whole
def test_the_article_s_causes_and_lost_votes_are_those_of_the_recorded_trials() -> None:
    """None of them is left out."""
    sides = recorded("article-trials")
    causes = [text_tables.causes_by_users(side) for side in sides]
    assert rows_of(*causes, text_tables.ledger_table(all_runs(sides), last_only=True)) <= lines_of(ARTICLE)


@pytest.mark.whole
def test_the_readme_opens_with_the_verdict_of_three_campaigns_of_five_trials() -> None:
    """What was recorded is enough for a claim, and the claim is what it says."""
    sides = recorded("campaigns")
    (verdict,) = verdicts(sides)
    text = " ".join(README.split())
    assert f"**{verdict.sentence}** {verdict.beside}" in text
    decides = verdict.ratios[verdict.ratios["decides"]]
    assert decides["campaigns"].tolist() == [3]
    trials = Counter(run.run.trial.campaign for side in sides for run in side.runs if run.run.trial)
    assert list(trials.values()) == [10, 10, 10]  # five of each side
    for run in all_runs(sides):
        assert (run.run.config["settle_s"], run.run.config["hold_s"]) == (10, 20)
    (threads,) = (remark for remark in verdict.remarks if remark.startswith("App threads under load differ"))
    assert threads in text


@pytest.mark.whole
def test_the_readme_tells_every_failure_of_its_campaigns() -> None:
    failed = {
        side.label: [
            (row.users, percent(row.failure_pct)) for run in side.runs for row in rows(run.steps) if row.failures
        ]
        for side in recorded("campaigns")
    }
    assert failed == {"WSGI gunicorn": [], "ASGI uvicorn": [(700, "0.8%")]}
    assert "Under gunicorn no request failed, up to 700 users." in README
    told = "Under uvicorn none did in fourteen of the fifteen trials; in the other, at 700 users, 0.8% had no answer"
    assert told in " ".join(README.split())


@pytest.mark.whole
@pytest.mark.parametrize("runs", ["campaigns", "quick", "aa"])
def test_what_repeats_is_told_as_the_recorded_campaigns_have_it(runs: str) -> None:
    """The rows of benchmarks/repeatability.py, and the verdict."""
    sides = recorded(runs)
    (section,) = sections(sides)
    ((_, table),) = section.tables
    assert rows_of(table) <= lines_of(MEASUREMENTS)
    (verdict,) = verdicts(sides)
    quoted = " ".join(MEASUREMENTS.replace("\n> ", "\n").split())
    assert f"{verdict.sentence} {verdict.beside}".strip() in quoted


def test_the_reference_has_every_server() -> None:
    """Where a person looks for what SERVER may be: its row in the table of knobs."""
    (row,) = (line for line in REFERENCE.splitlines() if line.startswith("| `SERVER` |"))
    assert set(SERVERS) <= set(re.findall(r"[a-z]+(?:-[a-z]+)*", row))


def test_the_reference_has_every_workload_and_its_views() -> None:
    lines = REFERENCE.splitlines()
    (workloads,) = (line for line in lines if line.startswith("| `WORKLOAD` |"))
    (views,) = (line for line in lines if line.startswith("| `VIEWS` |"))
    assert set(WORKLOADS) <= set(re.findall(r"`([a-z]+)`", workloads))
    assert {one for workload in WORKLOADS.values() for one in workload.views} <= set(re.findall(r"`([a-z]+)`", views))


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
