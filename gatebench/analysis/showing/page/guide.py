"""guide.html: what each kind of site holds under each side, in the form of a report."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import pandas as pd

from gatebench.analysis.comparing.guide import Advice
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing import guide as told
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.again import knobs_of, written
from gatebench.analysis.showing.page.held import held_mark, users_scale
from gatebench.analysis.showing.page.html import Content, Markup, prose, tag
from gatebench.analysis.showing.page.looks import COLOURS
from gatebench.analysis.showing.page.page import document
from gatebench.analysis.showing.page.remarks import bullet_list
from gatebench.analysis.showing.page.subject import Part, figure
from gatebench.analysis.showing.page.tables import table_of
from gatebench.records import GUIDE_COLUMNS, Run

MARKS = dict(zip(GUIDE_COLUMNS, COLOURS, strict=True))

SHARED = ("STACK", "DB", "WORKERS", "SETTLE", "HOLD", "TIMEOUT", "PIN")
"""Knobs of a guide, where all of its runs were given the same."""

SIDE_HEIGHT = 17.0


def guide_page(
    table: pd.DataFrame, advice: Sequence[Advice], notes: Sequence[str], runs: Sequence[Run], reports: Mapping[str, str]
) -> str:
    """The whole document, of GUIDE and the runs behind it. `reports` has the address of each workload's own page."""
    day = time.strftime("%-d %B %Y", time.gmtime(max(run.started for run in runs)))
    opening = [
        tag("p", f"Gatebench guide · {len(runs)} {'run' if len(runs) == 1 else 'runs'} · {day}", class_="kicker"),
        tag("h1", told.headline(advice) + "."),
        tag("p", prose(told.HOLD), class_="lede"),
        _figure(table),
        _advice(advice),
    ]
    parts = [
        Part("users", "Users held", "How many users each side holds", [_users(table, advice)]),
        *(_workload(str(name), of_one, reports.get(str(name))) for name, of_one in table.groupby("workload")),
        Part("rests", "What it rests on", "Runs, trials, and what is not valid", [bullet_list(list(notes))]),
        Part("again", "Again", "Measure it again", [tag("pre", tag("code", _command(runs)), class_="copy")]),
    ]
    return document(told.TITLE, opening, parts, "Users, think times and objectives are each workload's own.")


def _command(runs: Sequence[Run]) -> str:
    first, *others = (knobs_of(run.config) for run in runs)
    trials = max(run.trial.number for run in runs if run.trial)
    workloads = sorted({str(run.config["workload"]["name"]) for run in runs})
    shared = {
        name: first[name] for name in SHARED if name in first and all(one.get(name) == first[name] for one in others)
    }
    return written("guide", {"WORKLOAD": ",".join(workloads), **shared, "TRIALS": str(trials)}, own=False)


def _advice(advice: Sequence[Advice]) -> Markup:
    lines = [
        tag(
            "tr",
            tag("th", one.workload, scope="row", class_="text"),
            tag("td", one.about, class_="text"),
            tag("td", one.choice.sentence, class_="text"),
        )
        for one in advice
    ]
    head = [tag("th", name, scope="col", class_="text") for name in ("Workload", "Kind of site", "What to do")]
    return tag("table", tag("thead", tag("tr", head)), tag("tbody", lines), class_="plain")


def _users(table: pd.DataFrame, advice: Sequence[Advice]) -> Markup:
    best: dict[str, Sequence[str]] = {one.workload: one.choice.best for one in advice}
    head = [tag("th", "Workload", scope="col"), *(_head(side) for side in GUIDE_COLUMNS)]
    body = []
    for name, of_one in table.groupby("workload"):
        by_side = {one.side: one for one in rows(of_one)}
        cells = [_cell(by_side.get(side), side in best.get(str(name), ())) for side in GUIDE_COLUMNS]
        body.append(tag("tr", tag("th", str(name), scope="row"), cells))
    caption = tag("caption", "Users held ", tag("span", "bold: nothing else is clearly better"))
    return tag("table", caption, tag("thead", tag("tr", head)), tag("tbody", body), class_="numbers guide")


def _head(side: str) -> Markup:
    return tag("th", tag("b", side, class_=MARKS[side]), scope="col")


def _cell(side: Any, is_best: bool) -> Markup:
    users, interval = told.held(side)
    return tag(
        "td", tag("b", users) if is_best else users, [" ", tag("small", interval.strip("()"))] if interval else None
    )


def _workload(name: str, of_one: pd.DataFrame, report: str | None) -> Part:
    body = [table_of(told.details(of_one), name, hidden=True)]
    if report:
        body.append(tag("p", tag("a", f"The report of {name}", href=report), ": causes, validity, and every step."))
    return Part(name, name, of_one["about"].iloc[0] or name, body)


def _figure(table: pd.DataFrame) -> Markup:
    picture = Guide(table[table["side"].isin(GUIDE_COLUMNS)])
    how: list[Content] = [
        [tag("strong", "Users held, by workload. "), "Bar: the 95 % interval of the trials. The axis is logarithmic."],
        "A mark with an arrow held at least so many; one at the left edge not even the fewest users.",
        told.DETAILS,
    ]
    return figure("guide", how, *plot.twice(picture.draw))


@dataclass(frozen=True, slots=True)
class Guide:
    """A block a workload, a line a side, on one logarithmic axis of users."""

    table: pd.DataFrame

    def draw(self, wide: bool) -> Markup:
        left, right = (112.0, 690.0) if wide else (12.0, 332.0)
        top = 30.0 if wide else 64.0
        blocks = [(str(name), list(rows(of_one))) for name, of_one in self.table.groupby("workload")]
        name_height = 0.0 if wide else 18.0
        heights = [SIDE_HEIGHT * len(sides) + name_height + 9 for _, sides in blocks]
        foot = top + sum(heights)
        x = users_scale(self.table, left, right - 66, wide)
        at = plot.log_ticks(x.low, x.high, 9 if wide else 6)
        content: list[Content] = [
            _key(wide, [side for side in GUIDE_COLUMNS if (self.table["side"] == side).any()]),
            tag("g", [tag("line", x1=x(n), x2=x(n), y1=top, y2=foot) for n in at], class_="grid"),
            tag("line", class_="base", x1=left, x2=right, y1=foot, y2=foot),
            [plot.label(f"{n:,.0f}", x(n), foot + 16, "middle", "tick") for n in at],
            plot.label("users", (left + right) / 2, foot + 34, "middle", "tick"),
        ]
        y = top
        for (name, sides), height in zip(blocks, heights, strict=True):
            content += [
                tag("g", tag("line", x1=0.0, x2=right, y1=y, y2=y), class_="grid"),
                plot.label(name, 0, y + (SIDE_HEIGHT * len(sides) + 17) / 2 if wide else y + 16, css="strong"),
                [
                    held_mark(one, MARKS[one.side], x, y + name_height + 13 + SIDE_HEIGHT * n)
                    for n, one in enumerate(sides)
                ],
            ]
            y += height
        said = "; ".join(f"{one.workload}, {one.side}: {' '.join(told.held(one)).strip()}" for one in rows(self.table))
        return plot.svg("guide", wide, foot + 42, "Users held by each kind of site", f"{said}.", content)


def _key(wide: bool, sides: Sequence[str]) -> list[Markup]:
    """In a row, or where there is little room in two."""
    places = list(accumulate((34 + plot.LETTER * len(side) for side in sides), initial=0.0))
    return [
        tag(
            "g",
            plot.point(MARKS[side], x + 6, y - 4),
            plot.label(side, x + 17, y, css=f"name side-{MARKS[side]}"),
            class_=f"side-{MARKS[side]}",
        )
        for n, side in enumerate(sides)
        for x, y in [(places[n], 12.0) if wide else (170.0 * (n // 2), 12.0 + 20 * (n % 2))]
    ]
