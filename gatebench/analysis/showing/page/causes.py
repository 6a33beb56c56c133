"""Why requests failed: the causes by step, what to do about each, and one of its requests drawn from end to end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from gatebench.analysis.failures.causes import UNKNOWN
from gatebench.analysis.failures.examples import tell
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.html import Content, Markup, prose, tag
from gatebench.analysis.showing.page.lanes import NAMES, Lanes
from gatebench.analysis.showing.page.looks import Look
from gatebench.analysis.showing.page.subject import Part, Subject, figure
from gatebench.analysis.showing.page.tables import HeatRow, bounds_of, heat_table
from gatebench.analysis.showing.text_tables import INVALID, all_users
from gatebench.analysis.words import count

MOST_DRAWN = 12
"""Causes of which a request is drawn. The others are told in words."""

Cause = tuple[str, str]
"""What failed, and in which layer."""


def causes(about: Subject) -> Part:
    found = _causes(about.looks)
    if not found:
        some = any((side.steps["requests"] > 0).any() for side in about.sides)
        return Part("causes", "Causes", "No request failed" if some else "No request was measured", [])
    users = all_users(about.sides)
    bounds = bounds_of(min(side.objective.failures_pct for side in about.sides))
    body = [
        tag(
            "p",
            "Failures in the failure table, by what failed and where. The colour is their share of a step's requests.",
        )
    ]
    for n, (cause, looks) in enumerate(found.items()):
        failure, layer = cause
        body.append(
            tag(
                "h3",
                failure,
                tag("span", _where(layer), class_="soft"),
            )
        )
        body += heat_table("Failures", "requests", users, [_line(look, cause) for look in looks], bounds)
        body += _told(cause, looks[0], f"request-{n}", drawn=n < MOST_DRAWN)
    return Part("causes", "Causes", _finding(found), body)


def _where(layer: str) -> str:
    return " · layer unknown" if layer == UNKNOWN else f" · in {NAMES.get(layer, layer)}"


def _causes(looks: Sequence[Look]) -> dict[Cause, list[Look]]:
    """With the sides that have each, the most frequent of the first side first."""
    found: dict[Cause, list[Look]] = {}
    for look in looks:
        for row in rows(look.side.causes.drop_duplicates(["failure", "layer"])):
            found.setdefault((str(row.failure), str(row.layer)), []).append(look)
    return found


def _finding(found: dict[Cause, list[Look]]) -> str:
    names = [failure for failure, _ in found]
    more = f", and {len(names) - 2} more" if len(names) > 2 else ""
    said = f"{'; '.join(names[:2])}{more}"
    return said[:1].upper() + said[1:]


def _line(look: Look, cause: Cause) -> HeatRow:
    of_cause = {int(row.users): int(row.failures) for row in _rows_of(look, cause)}
    cells = {}
    for row in rows(look.side.steps):
        n = of_cause.get(int(row.users), 0)
        requests = sum(int(run.steps.loc[run.steps["users"] == row.users, "requests"].sum()) for run in look.side.runs)
        cells[int(row.users)] = (count(n) + INVALID * (not row.valid), 100 * n / requests if requests else None)
    return HeatRow(look.html(), cells)


def _rows_of(look: Look, cause: Cause) -> list[Any]:
    return [row for row in rows(look.side.causes) if (row.failure, row.layer) == cause]


def _told(cause: Cause, look: Look, name: str, drawn: bool) -> Iterator[Markup]:
    advice = str(_rows_of(look, cause)[0].advice)
    yield tag("p", prose(advice))
    example = next(row for row in rows(look.side.examples) if (row.failure, row.layer) == cause)
    seen = "from end to end" if pd.notna(example.logged) else "as its client saw it"
    words: Content = [tag("strong", f"One of them, {seen}. "), prose(tell(example))]
    if drawn and pd.notna(example.logged):
        how = ["Filled: measured. Dashed: what a layer's silence, or its log, tells."]
        yield figure(name, how, *plot.twice(Lanes(name, example).draw))
    yield tag("p", words, class_="small")
