"""The runs second by second: one stands for its side, the first."""

from __future__ import annotations

import pandas as pd

from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.subject import Part, Subject, figure
from gatebench.analysis.showing.page.tables import numbers_of, table_of
from gatebench.analysis.showing.page.timeline import Timeline, clock
from gatebench.analysis.showing.text_tables import Table
from gatebench.analysis.words import number


def second_by_second(about: Subject) -> Part | None:
    shown = [look for look in about.named if len(look.side.runs[0].timeline)]
    if not shown:
        return None
    body: list[Markup] = []
    for n, look in enumerate(shown):
        chart = Timeline(f"timeline-{look.mark}", look, look.side.runs[0])
        body.append(tag("h3", look.html(), tag("span", _which(look.side.runs[0].label, look.name), class_="soft")))
        body.append(
            figure(f"timeline-{look.mark}", _how(chart) if n == 0 else [], *plot.twice(chart.draw), _numbers(chart))
        )
    return Part("seconds", "Second by second", "What happened in between", body)


def _which(label: str, name: str) -> str | None:
    rest = label.removeprefix(name).strip()
    return f" {rest}" if rest else None


def _how(chart: Timeline) -> list[Content]:
    how: list[Content] = ["Shaded: users were added or settled. It is in no table."]
    width = int(chart.drawn_bins["seconds"].max())
    if width > 1:
        how.append(f"A point is {width} seconds: the mean rate, and the highest p95 of a second.")
    return how


def _numbers(chart: Timeline) -> Markup:
    users = {step.number: step.users for step in chart.run.run.steps}
    lines = [
        [
            clock(row.time - chart.start),
            "–" if pd.isna(row.step) else f"{users[int(row.step)]:,}",
            number(row.ok),
            number(row.failed),
            number(row.p95_ms),
        ]
        for row in rows(chart.told_bins)
    ]
    table = Table(["Since the ramp began", "Users, held", "Ok, a second", "Failed, a second", "p95 ms"], lines)
    summary = "The numbers; each second is in tables/timeline.csv"
    return numbers_of(summary, [table_of(table, "Second by second")], on_paper=False)
