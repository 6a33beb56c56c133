"""The published table stands above ours when the article's setup was measured."""

from __future__ import annotations

from pathlib import Path

from tests.analysis.conftest import Command
from tests.analysis.showing.test_report import section, table_in
from tests.analysis.synthetic import ASGI, Recorded, requests, step

ARTICLE = {"profile": "article", "label": "WSGI gunicorn (article)"}


def rows(command: Command) -> list[str]:
    return table_in(section(command.report, "Failures")).splitlines()[2:]


def test_the_published_rows_stand_above_ours(results: Path, command: Command) -> None:
    steps = [step(1, users=400), step(2, users=450), step(3, users=700)]
    measured = [*requests(1, ok=10), *requests(2, ok=10), *requests(3, ok=1, failed=1)]
    Recorded(measured, steps, config=ARTICLE).write(results / "a")
    command()
    assert rows(command) == [
        "| Published WSGI failures | 5.0% | – | 50% |",
        "| Published ASGI failures | 0% | – | 20% |",
        "| WSGI gunicorn (article) failures | 0% | 0% | 50% |",
    ]
    assert '- Published: "A Guide to ASGI in Django 3.0 and its Performance" (2020).' in command.report


def test_runs_of_another_setup_are_not_put_beside_it(results: Path, command: Command) -> None:
    Recorded(requests(1, ok=1), [step(1)], config=ARTICLE).write(results / "a")
    Recorded(requests(1, ok=1), [step(1)], config=ASGI).write(results / "b")
    command()
    assert "Published" not in command.report


def test_nor_are_runs_at_other_users(results: Path, command: Command) -> None:
    Recorded(requests(1, ok=1), [step(1, users=50)], config=ARTICLE).write(results / "a")
    command()
    assert "Published" not in command.report
