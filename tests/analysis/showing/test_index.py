"""results/index.html: which runs it lists, in which order, what it says of each, and how a side did over time."""

from __future__ import annotations

import json
import math
import random
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from gatebench import ROOT
from gatebench.analysis.analysed_run import analyse, write_steps
from gatebench.analysis.showing.index.entries import Damaged, Report, held, read_entries, read_reports
from gatebench.analysis.showing.index.lines import lines
from gatebench.analysis.showing.index.page import page, write_index
from gatebench.analysis.showing.index.trends import Trend, trends
from gatebench.analysis.steps.capacity import capacity
from gatebench.analysis.steps.objective import Objective
from gatebench.records import Outcome, Trial
from gatebench.run_folder import RunFolder
from tests.analysis.conftest import Command
from tests.analysis.steps.test_updates import LIVE, update, watched
from tests.analysis.synthetic import ASGI, BEGAN, Recorded, requests, step

RECORDED = ROOT / "results" / "recorded"
DAY = 86_400


def made(results: Path, name: str, at: float = 0, run: dict[str, Any] | None = None, **recorded: Any) -> RunFolder:
    """An analysed run of one step, with 4 % failures, that began so many seconds after BEGAN."""
    whole = Recorded(requests(1, ok=96, failed=4), [step(1)], run={"started": BEGAN + at, **(run or {})}, **recorded)
    folder = whole.write(results / name)
    write_steps(analyse(folder))
    return folder


def shown(results: Path, *reports: Report) -> list[list[str]]:
    """The table's cells as text, a list a row."""
    entries, _ = read_entries(results)
    return [
        [re.sub("<[^>]*>", "|", cell) for cell in (line.what, line.found, line.valid, line.code, line.report)]
        for line in lines(entries, reports, results)
    ]


def the_page(results: Path, *reports: Report) -> str:
    return page(*read_entries(results), reports, results)


def test_the_newest_run_comes_first_with_what_was_measured_and_found(results: Path) -> None:
    made(results, "old")
    made(results, "new", at=DAY, config=ASGI, run={"code": {"revision": "abcdef0123", "changed": True}})
    settings = "|fair · native · pool · 2 workers · 100 users|"
    found = "Held fewer than 100 users within the objective. 9.6 requests/s at 100 users."
    assert shown(results) == [
        [f"|ASGI uvicorn|{settings}", found, "yes", "abcdef0 changed", "–"],
        [f"|WSGI gunicorn|{settings}", found, "yes", "–", "–"],
    ]


@pytest.mark.parametrize(
    ("outcome", "reason", "said"),
    [
        (Outcome.INTERRUPTED, "It was interrupted (Ctrl-C).", "It was interrupted (Ctrl-C)."),
        (Outcome.FAILED, "The stack broke.", "The stack broke."),
        (Outcome.RUNNING, None, "Has no end: the runner was killed, or is still at work."),
    ],
)
def test_a_run_without_its_end_says_why(results: Path, outcome: Outcome, reason: str | None, said: str) -> None:
    made(results, "cut", run={"outcome": outcome, "reason": reason})
    assert shown(results)[0][1] == said


def test_a_run_that_is_not_analysed_says_so(results: Path) -> None:
    made(results, "run").steps_csv.unlink()
    assert shown(results)[0][1:3] == ["Not analysed yet.", "–"]


def test_a_step_that_is_not_valid_is_counted_with_its_reason(results: Path) -> None:
    folder = Recorded(
        [*requests(1, ok=9), *requests(2, ok=9)], [step(1), step(2, users_running=199)], run={"started": BEGAN}
    ).write(results / "run")
    write_steps(analyse(folder))
    ((_, found, valid, *_),) = shown(results)
    assert found.startswith("Held 200 users or more (by a step that is not valid) within the objective.")
    assert "|1 of 2 not|" in valid
    assert "200 users: 199 of 200 users were running: logs/load.log" in valid


def test_a_run_without_a_request_and_one_without_a_step(results: Path) -> None:
    empty = Recorded([], [step(1)]).write(results / "empty")
    write_steps(analyse(empty))
    without = Recorded([], []).write(results / "without")
    write_steps(analyse(without))
    assert [row[1] for row in shown(results)] == [
        "No request was recorded while a step was held.",
        "It ended before its first step was held.",
    ]


def test_damaged_folders_are_listed_with_a_sentence_and_others_passed_over(results: Path) -> None:
    made(results, "good")
    (results / "analysis" / "tables").mkdir(parents=True)
    (results / "begun" / "logs").mkdir(parents=True)
    (results / "half").mkdir()
    (results / "half" / "run.json").write_text('{"id": ')
    made(results, "odd").steps_csv.write_text("step,users\n1,many\n")
    made(results, "torn").steps_csv.write_text((results / "good" / "steps.csv").read_text()[:-20])
    entries, damaged = read_entries(results)
    assert [entry.folder for entry in entries] == ["good"]
    assert [one.folder for one in damaged] == ["begun", "half", "odd", "torn"]
    assert [one.why.count(": ") > 0 and one.why.endswith((".", "again.")) for one in damaged] == [True] * 4
    assert damaged[0].why == f"{results}/begun/run.json is missing: this run was cut off before it began, leave it out."
    assert damaged[2].why.startswith(f"{results}/odd/steps.csv is damaged (ValueError: ")
    assert damaged[0] == Damaged("begun", damaged[0].why)
    assert damaged[0].why in the_page(results)


def campaign(results: Path, trials: int = 2, **more: Any) -> list[str]:
    """A campaign of two sides; the names of its folders."""
    names = []
    for number in range(1, trials + 1):
        for side, config in (("A", {}), ("B", ASGI)):
            name = f"c-{number}-{side}"
            trial = Trial("c", number, side)
            made(results, name, at=number * 100, config=config, run={"trial": trial, **more})
            names.append(name)
    return names


def test_a_campaign_is_one_row_with_its_runs(results: Path) -> None:
    campaign(results)
    ((what, found, valid, *_),) = shown(results)
    assert "WSGI gunicorn|ASGI uvicorn" in what
    assert "2 trials, 4 runs" in what
    assert "c-2-B: Held fewer than 100 users" in what
    assert found.split("|") == [
        "Held within the objective, in the trial in the middle:",
        "each side: fewer than 100 users",
    ]
    assert valid == "yes"
    assert "4 runs and 1 campaign" in the_page(results)


def test_a_report_s_sentence_says_what_all_sides_have(results: Path, command: Command) -> None:
    for name, config in (("wsgi", {}), ("asgi", ASGI)):
        label = f"{name.upper()} server (fair, hello)"
        Recorded(requests(1, ok=9), [step(1)], config={**config, "label": label}).write(results / name)
    assert command() == 0
    (report,) = read_reports(results)
    assert report.sentence.startswith("Every side: fair, hello. ")


def test_a_campaign_has_the_sentence_of_its_own_report_and_of_no_other(results: Path) -> None:
    names = tuple(sorted(campaign(results)))
    own = Report("gone/report.md", 1.0, names, "WSGI served twice as much.")
    of_more = Report("gone/report.md", 2.0, (*names, "other"), "Together: three times.")
    ((_, found, *_),) = shown(results, own, of_more)
    assert found == "WSGI served twice as much."
    ((_, found, *_),) = shown(results, of_more)
    assert found.startswith("Held within")


def test_a_link_leads_to_the_newest_report_that_is_still_there(results: Path) -> None:
    for name in ("first", "second", "third"):
        made(results, name)
    (results / "analysis").mkdir()
    (results / "analysis" / "report.md").write_text("")
    reports = [
        Report("analysis/report.md", 1.0, ("first",), ""),
        Report("analysis/report.md", 2.0, ("second",), ""),  # written over the first
        Report("elsewhere/report.md", 3.0, ("third",), ""),  # and this one was deleted
    ]
    assert {row[4] for row in shown(results, *reports)} == {"–", "|report|"}
    text = the_page(results, *reports)
    assert text.count('<a href="analysis/report.md">report</a>') == 2  # in the list of reports, and of its run
    assert "elsewhere" not in text


def test_every_analysis_makes_it_again(results: Path, command: Command) -> None:
    made(results, "wsgi")
    assert command() == 0
    made(results, "asgi", at=DAY, config=ASGI)
    assert command() == 0
    text = (results / "index.html").read_text()
    assert "2 runs, the newest of" in text
    assert text.count('href="analysis/report.html"') == 3
    assert f"All runs are listed in {results}/index.html." in command.out
    assert [report.runs for report in read_reports(results)] == [("wsgi",), ("asgi", "wsgi")]
    assert command() == 0
    assert len(read_reports(results)) == 2


def test_a_damaged_memory_of_reports_is_begun_anew(results: Path) -> None:
    made(results, "run")
    for text in ("{", "[1]", '[{"path": "x"}]', '{"a": 1}'):
        (results / "reports.json").write_text(text)
        assert read_reports(results) == []
    write_index(results, [], [], results / "analysis")
    assert len(json.loads((results / "reports.json").read_text())) == 1


def test_before_there_is_any_run(results: Path) -> None:
    results.mkdir()
    text = the_page(results)
    assert "<h1>No run yet</h1>" in text
    assert "There is no run here yet" in text


class Markup(HTMLParser):
    """Fails on what is not closed in order; collects what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loads += [given[name] or "" for name in ("src", "href") if name in given and tag != "a"]
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_names_with_markup_in_them_stay_text_and_the_page_loads_nothing(results: Path) -> None:
    made(results, "evil", config={"label": "<script>x</script>", "profile": 'a"b<i>'})
    campaign(results)
    report = Report('a"b.md', 1.0, ("evil",), "<script>y</script>")
    (results / 'a"b.md').write_text("")
    text = the_page(results, report)
    assert "<script" not in text
    found = Markup()
    found.feed(text)
    assert found.open == []
    assert found.loads == ["data:,"]


@pytest.mark.parametrize("folder", sorted(path.parent for path in RECORDED.glob("*/*/steps.csv")), ids=lambda p: p.name)
def test_users_held_are_those_of_the_capacity_table(folder: Path, tmp_path: Path) -> None:
    for name in ("run.json", "steps.csv"):
        (tmp_path / "run").mkdir(exist_ok=True)
        shutil.copy(folder / name, tmp_path / "run" / name)
    ((entry,), _) = read_entries(tmp_path)
    steps = pd.read_csv(folder / "steps.csv").astype({"invalid_reason": "str"})
    table = capacity(steps, Objective.of(entry.run)).set_index("measure")["users"]
    n = held(entry)
    assert n is not None
    assert (entry.steps[n - 1].users if n else None) == (
        None if pd.isna(table["objective met"]) else table["objective met"]
    )


def test_updates_that_came_late_are_not_held(results: Path) -> None:
    opening, staying = watched()
    rows = [
        opening,
        staying,
        *requests(1, ok=40),
        *requests(2, ok=40),
        update(15, 20, opening),
        update(35, 1100, opening),
    ]
    write_steps(analyse(Recorded(rows, [step(1), step(2)], config=LIVE).write(results / "live")))
    ((entry,), _) = read_entries(results)
    assert held(entry) == 1


TREND = Trend("WSGI", "", "a machine", 100, (1.0, 2.0, 3.0, 4.0), (100.0, 104.0, 96.0, 70.0))


def test_the_newest_is_held_against_the_spread_of_the_earlier_ones() -> None:
    low, high = TREND.band
    assert low < 96
    assert high > 104
    assert TREND.finding == "The newest lies 30% below the earlier ones: more than their noise."
    within = replace(TREND, values=(100.0, 104.0, 96.0, 90.0))
    assert within.band == TREND.band  # the newest has no part in it
    assert within.finding == "The newest lies within the noise of the earlier ones."


def test_sittings_that_are_equal_but_for_rounding_show_no_change() -> None:
    assert "within the noise" in replace(TREND, values=(0.1, 0.1, 0.1, 0.1 + 1e-9)).finding


def test_the_band_keeps_its_promise() -> None:
    dice = random.Random(5)
    inside = 0
    for _ in range(2000):
        values = tuple(math.exp(dice.gauss(5, 0.1)) for _ in range(5))
        low, high = replace(TREND, values=values).band
        inside += low <= values[-1] <= high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)


def test_a_side_has_a_trend_from_four_sittings_on(results: Path) -> None:
    for number, name in enumerate(("one", "two", "three")):
        made(results, name, at=number * DAY)
    assert trends(read_entries(results)[0]) == []
    campaign(results)  # a sitting more of WSGI, and the first of ASGI
    (found,) = trends(read_entries(results)[0])
    assert (found.label, found.users, len(found.values)) == ("WSGI gunicorn", 100, 4)
    assert found.values[0] == pytest.approx(9.6)
    text = the_page(results)
    assert text.count("<svg") == text.count("<title id=") == text.count("<desc") == 1


def test_what_is_another_side_or_another_machine_is_in_no_trend(results: Path) -> None:
    for number in range(4):
        made(results, f"run-{number}", at=number * DAY, run={"machine": {"id": number % 2}})
    for number in range(3):
        made(results, f"more-{number}", at=number, config={"workers": 4})
    assert trends(read_entries(results)[0]) == []


def test_a_setting_that_older_runs_do_not_record_does_not_part_them(results: Path) -> None:
    for number in range(2):
        made(results, f"old-{number}", at=number * DAY)
    for number in range(2, 4):
        made(results, f"new-{number}", at=number * DAY, config={"pin": True})
    assert len(trends(read_entries(results)[0])) == 1


def test_steps_that_are_not_valid_and_runs_that_were_cut_off_are_in_no_trend(results: Path) -> None:
    for number in range(4):
        made(results, f"run-{number}", at=number * DAY)
    made(results, "cut", at=9 * DAY, run={"outcome": Outcome.INTERRUPTED})
    lost = made(results, "lost", at=8 * DAY)
    lost.steps_csv.write_text(lost.steps_csv.read_text().replace("True", "False"))
    (found,) = trends(read_entries(results)[0])
    assert len(found.values) == 4
