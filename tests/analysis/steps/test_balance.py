"""How evenly the app server's processes shared the answers, by Nginx's log."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatebench.analysis.analysed_run import AnalysedRun, analyse
from gatebench.analysis.comparing.sides import sides_of
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.report import report
from gatebench.analysis.showing.text_tables import balance_table
from gatebench.analysis.steps.balance import uneven
from tests.analysis.synthetic import Recorded, proxy_line, requests, step


def run(tmp_path: Path, busiest: int, others: int, workers: int = 2) -> AnalysedRun:
    """A step in which one process answered so many requests, and another the others."""
    made = requests(1, ok=busiest + others)
    workers_of = ["11"] * busiest + ["12"] * others
    lines = [proxy_line(request, worker=worker) for request, worker in zip(made, workers_of, strict=True)]
    return analyse(Recorded(made, [step(1)], proxy_lines=lines, config={"workers": workers}).write(tmp_path / "run"))


def test_the_busiest_process_s_share_is_of_all_answers(tmp_path: Path) -> None:
    (row,) = rows(run(tmp_path, busiest=9, others=3).balance)
    assert (row.processes, row.busiest_pct) == (2, pytest.approx(75))


def test_a_process_that_answered_nothing_counts_as_well(tmp_path: Path) -> None:
    (row,) = rows(run(tmp_path, busiest=12, others=0).balance)
    assert (row.processes, row.busiest_pct) == (2, 100)


def test_what_is_shared_evenly_is_worth_no_sentence(tmp_path: Path) -> None:
    assert uneven(run(tmp_path, busiest=6, others=6).balance).empty
    assert uneven(run(tmp_path / "one", busiest=6, others=0, workers=1).balance).empty
    assert len(uneven(run(tmp_path / "two", busiest=8, others=4).balance)) == 1


def test_the_report_has_it_beside_an_even_share_and_says_where_it_was_uneven(tmp_path: Path) -> None:
    sides = sides_of([run(tmp_path, busiest=9, others=3)])
    assert balance_table(sides).rows[0][1:] == ["75%", "50%"]
    (resources,) = (section for section in report(sides, [], [], {}) if section.title == "Resources")
    assert any("one of 2 processes gave 75 % of the answers" in remark for remark in resources.remarks)
