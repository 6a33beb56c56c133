"""What the numbers rest on: whether the server was measured, what it was given, what the database has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.auditing.validity import DRIFT_PCT
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.page.html import Content, Markup, prose, tag
from gatebench.analysis.showing.page.looks import MOST_NAMED, Look
from gatebench.analysis.showing.page.remarks import bullet_list, gathered_list
from gatebench.analysis.showing.page.subject import Part, Subject, figure
from gatebench.analysis.showing.page.tables import MOST_OF_FEW, numbers_of, parts_of, settings_of, table_of
from gatebench.analysis.showing.report import Section
from gatebench.analysis.showing.text_tables import all_users

MOST_RUNS = 12
"""Runs whose steps are shown without being asked for."""


def validity(about: Subject) -> Part:
    told = about.told["Was the server measured?"]
    invalid = sum(int((~run.steps["valid"].astype(bool)).sum()) for run in about.runs)
    steps = sum(len(run.steps) for run in about.runs)
    how: list[Content] = [
        [_dot(""), "valid"],
        [_dot("drift"), f"valid, and throughput or p50 changed by more than {DRIFT_PCT} % within the hold"],
        [
            _dot("not"),
            tag("strong", "not valid."),
            " It is hollow in every chart, has an asterisk in every table, and takes no part in the verdict. "
            "The reasons stand under Failures.",
        ],
    ]
    body = [
        tag("p", prose(told.intro.partition(" An asterisk")[0])),
        *(_shown(about, how, list(_remarks(about, told))) if steps else []),
        *_agreement(about),
    ]
    return Part("validity", "Was the server measured?", _finding(steps, invalid), body)


def _finding(steps: int, invalid: int) -> str:
    if not steps:
        return "No step was measured"
    if not invalid:
        return "Yes: its one step is valid" if steps == 1 else f"Yes: all {steps} steps are valid"
    return f"Not in {invalid} of {steps} {'step' if steps == 1 else 'steps'}"


def _dot(css: str) -> list[Markup | str]:
    return [tag("span", class_=f"dot {css}".strip(), aria_hidden="true"), " "]


def _shown(about: Subject, how: Sequence[Content], remarks: Sequence[Markup]) -> Iterator[Markup]:
    """A dot a step. Of many runs to be opened: the remarks have what there is to know."""
    tables = list(_tables_of_dots(about))
    if len(about.runs) <= MOST_RUNS:
        yield figure("validity", how, *tables)
        yield from remarks
    else:
        opened = numbers_of(f"Each step of the {len(about.runs)} runs", tables)
        yield figure("validity", how, tag("div", opened, remarks))


def _tables_of_dots(about: Subject) -> Iterator[Markup]:
    users = all_users(about.runs)
    for n, some in enumerate(parts_of(users)):
        caption: Content = (
            ["Valid steps ", tag("span", "each run")] if n == 0 else f"Valid steps, from {some[0]:,} users on"
        )
        head = [tag("th", f"{one:,}", scope="col") for one in some]
        body = [_dots_row(look, run, some) for look in about.looks for run in look.side.runs]
        yield tag(
            "table",
            tag("caption", caption),
            tag("thead", tag("tr", tag("th", "Users", scope="col"), head)),
            tag("tbody", body),
            class_="dots few" if len(users) <= MOST_OF_FEW else "dots",
        )


def _dots_row(look: Look, run: AnalysedRun, users: Sequence[int]) -> Markup:
    judged = {int(row.users): row for row in rows(run.validity)}
    rest = run.label.removeprefix(look.name).strip(" ()")
    name = look.html() if not rest else [tag("b", look.short, class_=look.mark), f" {rest}"]
    cells = [_dot_cell(judged.get(one), look) for one in users]
    return tag("tr", tag("th", name, scope="row"), cells, class_="sq" if look.mark == "b" else None)


def _dot_cell(row: Any, look: Look) -> Markup:
    if row is None:
        return tag("td", "–")
    drifts = any(pd.notna(value) and abs(value) > DRIFT_PCT for value in (row.rps_drift_pct, row.p50_drift_pct))
    css, words = (
        ("not", "not valid")
        if not row.valid
        else ("drift", "valid, changed within the hold")
        if drifts
        else ("", "valid")
    )
    return tag("td", tag("span", class_=f"dot {css}".strip()), tag("span", words, class_="vh"), class_=look.mark)


def _remarks(about: Subject, told: Section) -> Iterator[Markup]:
    yield from gathered_list(told.remarks, about.sides, "small plain-list")
    if any(len(table.header) > 1 for _, table in told.tables):
        tables = [table_of(table, title) for title, table in told.tables]
        yield numbers_of("Every check of every step", tables, on_paper=len(tables) <= MOST_NAMED)


def _agreement(about: Subject) -> Iterator[Markup]:
    told = about.told["Agreement"]
    tables = [table_of(table, title) for title, table in told.tables]
    yield numbers_of(
        "Whether client, Locust and Nginx agree",
        [tag("p", told.intro, class_="small"), *tables, bullet_list(told.remarks, "small plain-list")],
    )


def fairness(about: Subject) -> Part:
    sheet, asked = about.told.get("Fairness sheet"), about.told["What was measured"]
    differing = [
        (title, table)
        for section in (asked, sheet)
        if section
        for title, table in section.tables
        if len(table.header) > 2
    ]
    shared = [
        ("Its trials differ in" if title == "They differ in" else "Read from the live processes", table)
        for title, table in (sheet.tables if sheet else [])
        if len(table.header) == 2
    ]
    heads = [look.html() for look in about.looks]
    body: list[Markup] = []
    names = ("They differ in what was asked for, and in versions", "They differ in what the live processes were given")
    if len(about.looks) <= MOST_NAMED:
        for name, (_, table) in zip(names if len(differing) > 1 else ("They differ in",), differing, strict=False):
            body.append(settings_of(table, name, heads))
    else:
        body.append(numbers_of("What differs", [table_of(table, title) for title, table in differing]))
    if sheet:
        body.insert(0, tag("p", sheet.intro))
        body.append(bullet_list(sheet.remarks, "small plain-list"))
    else:
        body.append(tag("p", "No fairness sheet was recorded.", class_="small"))
    shared.append(("Asked for, and versions", about.table("Settings and versions")))
    what = "What they share" if len(about.runs) > 1 else "All settings"
    body.append(
        numbers_of(
            f"{what}: {sum(len(table.rows) for _, table in shared)} settings",
            [settings_of(table, caption) for caption, table in shared],
        )
    )
    return Part("fairness", "Fairness", _differs(about), body)


def _differs(about: Subject) -> Content:
    if len(about.sides) == 1:
        return "What the live processes were given"
    warned = [
        remark for remark in about.told["The answer"].remarks if remark.startswith("More than the server differs")
    ]
    refused = [one.sentence for one in about.verdicts if one.sentence.startswith("Not compared")]
    if warned or refused:
        return "More than the server differs"
    if any("one configuration" in remark for remark in about.told["The answer"].remarks):
        return "Both sides are one configuration"
    return "Only the server differs" if about.verdict else "What the sides share, and where they differ"


def ledger(about: Subject) -> Part:
    told = about.told["Ledger"]
    ((_, table),) = told.tables
    alarms = [remark for remark in told.remarks if remark.startswith("ALARM")]
    if alarms:
        finding = "What is stored is not what was acknowledged"
    else:
        finding = "All that was acknowledged is stored" if table.rows else "There is no reading of the database"
    body = [tag("p", told.intro), *gathered_list(told.remarks, about.sides)]
    if table.rows:
        body.append(
            numbers_of("Every reading", [table_of(table, "Votes ledger")])
            if len(table.rows) > 4
            else table_of(table, "Votes ledger")
        )
    return Part("ledger", "Ledger", finding, body)
