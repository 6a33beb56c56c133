"""The numbers of the page are those of steps.csv and of report.md."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from gatebench.analysis.analysed_run import write_steps
from gatebench.analysis.showing.text_tables import Table
from gatebench.analysis.words import count, number, percent
from gatebench.records import Cause, Trial
from tests.analysis.showing.page.cases import SYNTHETIC, Case, as_params, page_of, ramp, recorded, writer
from tests.analysis.showing.page.conftest import Made
from tests.analysis.showing.page.document import Element, cells
from tests.analysis.synthetic import BEGAN, request

ONE_RUN_A_SIDE = [
    "one run",
    "a pair",
    "two dozen sides",
    "invalid",
    "interrupted",
    "one step",
    "sixty steps",
    "without requests",
]
COLUMNS = {
    "Failed": ("failure_pct", percent),
    "Late or failed": ("late_or_failed_pct", percent),
    "Requests/s": ("rps", number),
    "Requests": ("requests", count),
}


def tables(case: Case, section: str, caption: str) -> list[Element]:
    """Those with a caption that begins so: a table of many steps has several parts."""
    found = []
    for table in case.page.with_id(section).every("table"):
        said = next(table.every("caption")).text
        if said == caption or said.startswith((f"{caption} ", f"{caption},")):
            found.append(table)
    return found


def by_side(case: Case, caption: str) -> dict[str, dict[str, str]]:
    """By side and users, what the page says."""
    section = "failed" if caption in ("Failed", "Late or failed") else "throughput"
    said: dict[str, dict[str, str]] = {}
    for table in tables(case, section, caption):
        for row, values in cells(table).items():
            for column, value in values.items():
                side, users = (row, column) if section == "failed" else (column, row)
                said.setdefault(side, {})[users.replace(",", "")] = value
    return said


@pytest.mark.parametrize("caption", COLUMNS)
@pytest.mark.parametrize("name", as_params(ONE_RUN_A_SIDE))
def test_every_number_of_the_tables_is_the_one_in_steps_csv(made: Made, name: str, caption: str) -> None:
    case = made(name)
    if name in ("two dozen sides", "without requests") and caption.startswith("Requests"):
        pytest.skip("many sides have the report's table, and no request has none")
    expected = {}
    column, form = COLUMNS[caption]
    for side in case.sides:
        write_steps(side.runs[0])
        steps = pd.read_csv(side.runs[0].folder.steps_csv)
        expected[side.label] = {
            str(row.users): form(getattr(row, column)) + "*" * (not row.valid and pd.notna(getattr(row, column)))
            for row in steps.itertuples()
        }
    users = {users for of_side in expected.values() for users in of_side}
    filled = {label: {n: of_side.get(n, "–") for n in users} for label, of_side in expected.items()}
    assert by_side(case, caption) == filled


def told(case: Case, title: str) -> Table:
    return next(section.tables[0][1] for section in case.told if section.title == title)


@pytest.mark.parametrize("name", as_params(SYNTHETIC))
def test_the_failure_tables_are_the_report_s(made: Made, name: str) -> None:
    for caption, title in (("Failed", "Failures"), ("Late or failed", "Late or failed")):
        said = [list(values.values()) for values in by_side(made(name), caption).values()]
        expected = [row[1:] for row in told(made(name), title).rows]
        assert said == [row for row in expected if row]


@pytest.mark.whole
def test_the_recorded_tables_are_the_report_s_with_what_was_published_above() -> None:
    case = recorded("article-trials")
    table = told(case, "Failures")
    said = [list(values.values()) for one in tables(case, "failed", "Failed") for values in cells(one).values()]
    assert said == [row[1:] for row in table.rows]


@pytest.mark.whole
def test_medians_stand_with_the_lowest_and_the_highest_trial(made: Made) -> None:
    case = made("five trials")
    (table,) = tables(case, "throughput", "Requests/s")
    (row,) = [row for row in case.sides[0].steps.itertuples() if row.users == 200]
    assert cells(table)["200"]["WSGI gunicorn"] == f"{number(row.rps)} {number(row.rps_low)}–{number(row.rps_high)}"
    (verdict,) = case.found
    of_step = verdict.ratios[(verdict.ratios["users"] == 200) & (verdict.ratios["measure"] == "rps")]
    assert cells(table)["200"]["ASGI / WSGI"].startswith(f"{of_step['ratio'].iloc[0]:.2f} (")


@pytest.mark.whole
def test_the_heading_is_the_verdict_and_the_next_sentence_its_doubt(made: Made) -> None:
    for name in ("a pair", "five trials", "campaigns", "four servers", "five servers"):
        case = made(name)
        (heading,) = case.page.every("h1")
        doubt = next(case.page.every("p", "lede")).text
        sentence = case.found[0].sentence
        assert sentence.startswith(heading.text.removesuffix("."))
        assert case.found[0].doubt[1:] in doubt
        assert case.found[0].doubt
        assert case.found[0].beside in doubt


def test_every_remark_of_the_answer_is_on_the_page(made: Made) -> None:
    for name in ("a pair", "five trials", "interrupted", "markup"):
        case = made(name)
        text = next(case.page.every("header")).text
        for remark in next(section for section in case.told if section.title == "The answer").remarks:
            for side in case.sides:
                remark = remark.removeprefix(f"{side.label}: ")
            assert remark.replace("`", "").replace("\x00", "�").replace("\x1b", "�").replace("\ud800", "�") in text


def heading(case: Case, section: str) -> str:
    return next(case.page.with_id(section).every("h2")).text


@pytest.mark.whole
def test_a_failure_that_the_median_hides_is_told(made: Made, write_failing: Case) -> None:
    assert heading(write_failing, "failed").endswith("WSGI failed in 1 of 3 trials, ASGI did not fail")
    assert heading(made("five trials"), "failed").startswith("Failures No request failed")


@pytest.fixture(scope="module")
def write_failing(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """One of three trials has a failure."""
    write = writer(tmp_path_factory.mktemp("failing"))
    made = []
    for trial in range(1, 4):
        for side in "AB":
            recorded = ramp(60, asgi=side == "B", run={"trial": Trial("c", trial, side), "started": BEGAN + trial})
            lost = [request(12, 5, Cause.REFUSED)] * (side == "A" and trial == 2)
            made.append(write(replace(recorded, requests=[*recorded.requests, *lost])))
    return page_of(made)


def test_of_a_side_without_a_valid_step_nothing_is_claimed(made: Made) -> None:
    case = made("invalid")
    (title,) = case.page.every("h1")
    assert title.text == "WSGI (gunicorn) was not measured: none of its steps is valid."
    assert "because 7 of 100 users were running" in next(case.page.every("p", "lede")).text
    assert heading(case, "failed") == "Failures WSGI has no valid step"
    assert heading(made("invalid trials"), "failed") == "Failures WSGI did not fail, ASGI has no valid step"
    assert heading(made("invalid trials"), "latency").endswith("ASGI has no valid step")


def test_the_reasons_stand_where_the_asterisks_are(made: Made) -> None:
    failed = made("a pair").page.with_id("failed")
    assert "299 of 300 users were running" in failed.with_id("not-valid").text
    links = [one.attributes["href"] for one in next(made("a pair").page.every("header")).every("a")]
    assert "#not-valid" in links


@pytest.mark.whole
def test_it_is_told_why_more_than_two_sides_have_no_verdict(made: Made) -> None:
    assert next(made("two dozen sides").page.every("p", "lede")).text.startswith(
        "More than the server differs (workers)"
    )


def test_what_many_runs_say_alike_is_said_once_with_all_of_it_below(made: Made) -> None:
    reasons = made("invalid trials").page.with_id("not-valid")
    said = [one.text for one in next(reasons.every("ul")).every("li")]
    assert [one.rpartition(". ")[2] for one in said] == ["The same 2 more times.", "The same 5 more times."]
    (all_of_them,) = reasons.every("details")
    assert len(list(all_of_them.every("li"))) == 9
