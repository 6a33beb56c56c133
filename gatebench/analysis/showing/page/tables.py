"""Tables as HTML: the report's own, those with a heat scale, and the numbers of a chart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd

from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.page.html import Content, Markup, prose, tag
from gatebench.analysis.showing.page.looks import MOST_NAMED, Look
from gatebench.analysis.showing.page.remarks import NOT_VALID
from gatebench.analysis.showing.text_tables import INVALID, Table
from gatebench.analysis.words import MISSING

MOST_COLUMNS = 8
"""Numbers of users that a table shows beside each other: what a phone has room for."""

MOST_OF_FEW = 3
"""Columns that need no more than half the page's width."""

HEAT = (10.0, 33.0, 67.0)
"""Percent at which the heat scale changes, beside 0 and the objective."""


def table_of(table: Table, caption: str = "", hidden: bool = False) -> Markup:
    """One of the report's tables. A wide one is a region that scrolls by itself."""
    head = [tag("th", name, scope="col", class_=_align(table, n)) for n, name in enumerate(table.header)]
    body = [tag("tr", [_cell(table, n, cell) for n, cell in enumerate(line)]) for line in table.rows]
    made = tag(
        "table",
        tag("caption", caption, class_="vh" if hidden else None) if caption else None,
        tag("thead", tag("tr", head)),
        tag("tbody", body),
        class_="plain",
    )
    wide = len(table.header) > 5
    return (
        tag("div", made, class_="scroll", tabindex="0", role="group", aria_label=caption or "table") if wide else made
    )


def _align(table: Table, column: int) -> str | None:
    return "text" if column < table.text_columns else None


def _cell(table: Table, column: int, cell: str) -> Markup:
    if column == 0 and table.text_columns:
        return tag("th", prose(cell), scope="row", class_="text")
    return tag("td", asterisk(cell) if column >= table.text_columns else prose(cell), class_=_align(table, column))


def asterisk(cell: str) -> Content:
    """Leads to the reasons, and is said in words to who cannot see it."""
    if not cell.endswith(INVALID):
        return cell
    return [cell.removesuffix(INVALID), tag("a", INVALID, tag("span", " not valid", class_="vh"), href=f"#{NOT_VALID}")]


def settings_of(table: Table, caption: str, heads: Sequence[Content] = ()) -> Markup:
    """Names and values in words; a value a side below each other on a phone."""
    columns = heads or table.header[1:]
    body = [
        tag(
            "tr",
            tag("th", line[0], scope="row"),
            [tag("td", _options(cell), data_side=table.header[n]) for n, cell in enumerate(line[1:], start=1)],
        )
        for line in table.rows
    ]
    differ = len(table.header) > 2
    return tag(
        "table",
        tag("caption", caption),
        tag(
            "thead",
            tag("tr", tag("th", table.header[0], scope="col"), [tag("th", head, scope="col") for head in columns]),
        ),
        tag("tbody", body),
        class_="setting differ many" if len(table.header) > 3 else "setting differ" if differ else "setting",
    )


def _options(cell: str) -> Content:
    """A command line breaks before its options, and not within them."""
    first, *options = re.split(r" (?=-)", cell)
    return [first, *([" ", tag("span", option)] for option in options)]


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A row's name, then by users its words and the percent that colours it (None: no colour)."""

    name: Content
    cells: dict[int, tuple[str, float | None]]


def heat_table(
    caption: str, note: str, users: Sequence[int], lines: Sequence[HeatRow], bounds: Sequence[float]
) -> list[Markup]:
    """In parts of MOST_COLUMNS."""
    parts = []
    for n, some in enumerate(parts_of(users)):
        title: Content = [caption, " ", tag("span", note)] if n == 0 else f"{caption}, from {some[0]:,} users on"
        head = [tag("th", f"{one:,}", scope="col") for one in some]
        body = [
            tag(
                "tr",
                tag("th", line.name, scope="row"),
                [_heat_cell(*line.cells.get(one, (MISSING, None)), bounds) for one in some],
            )
            for line in lines
        ]
        parts.append(
            tag(
                "table",
                tag("caption", title),
                tag("thead", tag("tr", tag("th", "Users", scope="col"), head)),
                tag("tbody", body),
                class_="heat few" if len(users) <= MOST_OF_FEW else "heat",
            )
        )
    return parts


def parts_of(users: Sequence[int]) -> Iterator[Sequence[int]]:
    """As long as each other, about, so that none is a single column."""
    many = -(-len(users) // MOST_COLUMNS) or 1
    size = -(-len(users) // many) or 1
    for n in range(0, max(len(users), 1), size):
        yield users[n : n + size]


def _heat_cell(words: str, percent: float | None, bounds: Sequence[float]) -> Markup:
    if words.endswith(INVALID):
        return tag("td", asterisk(words), class_="invalid")
    return tag("td", words, class_=None if percent is None else f"h{heat(percent, bounds)}")


def heat(percent: float, bounds: Sequence[float]) -> int:
    """From 0, none at all, to 5; NaN is as good as none."""
    return sum(percent > 0 and percent >= bound for bound in bounds)


def bounds_of(objective_pct: float) -> list[float]:
    """The first colour is anything at all, the second misses the objective."""
    return [0.0, objective_pct, *(bound for bound in HEAT if bound > objective_pct)]


def scale_key(bounds: Sequence[float]) -> Markup:
    names = ["none", f"under {bounds[1]:g}%"]
    names += [f"{low:g} to {high:g}%" for low, high in pairwise(bounds[1:])]
    names.append(f"{bounds[-1]:g}% and more")
    items = [tag("li", tag("i", class_=f"h{n}"), name) for n, name in enumerate(names)]
    return tag("ul", items, class_="scale")


Form = Callable[[Any], str]


def numbers_table(caption: str, looks: Sequence[Look], column: str, form: Form, verdict: Verdict | None) -> Markup:
    """A row a number of users, a column a side, with the range of its trials; then the ratio, where there is one."""
    ratios = _ratios(verdict, column)
    head = [tag("th", look.html(), scope="col") for look in looks]
    if ratios and verdict:
        a, b = (next(look.short for look in looks if look.name == side.label) for side in verdict.sides)
        head.append(tag("th", f"{b} / {a}", scope="col"))
    users = sorted({n for look in looks for n in look.steps})
    body = [
        tag(
            "tr",
            tag("th", f"{n:,}", scope="row"),
            [_number(look, n, column, form) for look in looks],
            tag("td", ratios.get(n, MISSING)) if ratios else None,
        )
        for n in users
    ]
    return tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", tag("th", "Users", scope="col"), head)),
        tag("tbody", body),
        class_="numbers",
    )


def _number(look: Look, users: int, column: str, form: Form) -> Markup:
    row = look.steps.get(users)
    if row is None:
        return tag("td", MISSING)
    value = getattr(row, column)
    words = form(value) + INVALID * (not row.valid and pd.notna(value))
    spread = ""
    if look.side.spread and pd.notna(value):
        low, high = form(getattr(row, f"{column}_low")), form(getattr(row, f"{column}_high"))
        spread = low if low == high else f"{low}–{high}"
    return tag("td", asterisk(words), [" ", tag("small", spread)] if spread else None)


def _ratios(verdict: Verdict | None, column: str) -> dict[int, str]:
    """By users, of two sides with trials: the ratio with its interval, as the report's table of ratios has it."""
    if verdict is None or len(verdict.sides) != 2 or not len(verdict.ratios) or verdict.ratios["low"].isna().all():
        return {}
    of_steps = verdict.ratios[verdict.ratios["users"].notna() & (verdict.ratios["measure"] == column)]
    found = {}
    for row in rows(of_steps):
        if pd.notna(row.ratio):
            interval = "" if pd.isna(row.low) else f" ({row.low:.2f}–{row.high:.2f})"
            found[int(row.users)] = f"{row.ratio:.2f}{interval}"
    return found


def numbers_of(summary: str, tables: Sequence[Markup], on_paper: bool = True) -> Markup:
    return tag("details", tag("summary", summary), tables, class_=None if on_paper else "screen")


def chart_numbers(
    looks: Sequence[Look], measures: Sequence[tuple[str, str, Form]], told: Table, verdict: Verdict | None
) -> Markup:
    """The table beside a chart: `measures` have a caption, a column and a format each. Many sides have the report's."""
    if len(looks) <= MOST_NAMED:
        return numbers_of(
            "The numbers", [numbers_table(caption, looks, column, form, verdict) for caption, column, form in measures]
        )
    return numbers_of("The numbers", [table_of(told, measures[0][0])])
