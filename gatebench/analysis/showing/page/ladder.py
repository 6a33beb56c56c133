"""why.html: what each change on the way from WSGI to ASGI adds, in the form of a report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd

from gatebench.analysis.comparing.ladder import Ladder, on_the_way
from gatebench.analysis.comparing.spending import calls_of
from gatebench.analysis.comparing.spending import within as spent_within
from gatebench.analysis.showing import ladder as words
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.again import as_planned, trials_of
from gatebench.analysis.showing.page.flames import Flame
from gatebench.analysis.showing.page.html import Content, Markup, prose, tag
from gatebench.analysis.showing.page.page import document
from gatebench.analysis.showing.page.plot import Scale
from gatebench.analysis.showing.page.remarks import bullet_list
from gatebench.analysis.showing.page.subject import Part, figure
from gatebench.analysis.showing.page.tables import table_of
from gatebench.analysis.showing.text_tables import Table
from gatebench.records import Run

MOST = 1.5
"""Times the highest bar that an interval may take of the axis: a wider one is cut off."""


def ladder_page(ladder: Ladder, notes: Sequence[str], runs: Sequence[Run]) -> str:
    """The complete document. `notes` are what it rests on, `runs` what was timed."""
    day = time.strftime("%-d %B %Y", time.gmtime(max(run.started for run in runs)))
    first, *others = words.findings(ladder)
    opening = [
        tag("p", f"Gatebench ladder · {len(runs)} runs · {day}", class_="kicker"),
        tag("h1", first),
        *([tag("p", " ".join(others), class_="lede")] if others else []),
        *(tag("p", sentence) for sentence in words.doubt(ladder)),
        *([_figure(ladder.table)] if words.SHIPPED in set(ladder.table["rung"]) else []),
    ]
    parts = [
        _part("ladder", "Each change", "What each change adds", words.HOW, words.rungs_table(ladder.table)),
        _part("counts", "Counts", "What is begun for each request", words.COUNTS, words.counts_text(ladder.counts)),
        _spent(ladder),
        _loads(ladder),
        _part(
            "remedies", "Remedies", "What each remedy brings, alone and beside others", words.REMEDIES,
            words.remedies_text(ladder.remedies),
        ),
        Part("rests", "What it rests on", "Runs, versions, and what is not valid", [bullet_list(list(notes))]),
        Part("again", "Again", "Measure it again", [tag("pre", tag("code", _command(runs)), class_="copy")]),
    ]  # fmt: skip
    shown = [part for part in parts if part is not None]
    return document(words.TITLE, opening, shown, "What a change adds depends on what was changed before.")


def _loads(ladder: Ladder) -> Part:
    body = [table_of(table, name) for name, table in words.load_tables(ladder)]
    return Part("loads", "At each load", "What users get at each load", [tag("p", words.LOADS, class_="small"), *body])


def _spent(ladder: Ladder) -> Part | None:
    """A table, a flame graph for each rung, and how the one as shipped differs from one hop's."""
    heading = "What CPU time is spent on"
    part = _part("spent", "Where it goes", heading, words.SPENDING, words.spending_text(ladder.spending))
    if part is None:
        return None
    graphs = [
        _flame(
            f"Flame graph: {name}",
            Flame(f"flame-{n}", f"CPU time of {name}", calls_of(stacks, ladder.sampled_ms[name])),
        )
        for n, (name, stacks) in enumerate(ladder.stacks.items())
    ]
    if {words.SHIPPED, words.ONE_HOP} <= set(ladder.stacks):
        graphs.insert(0, _difference(ladder, words.ONE_HOP, words.SHIPPED))
    return Part(part.id, part.topic, part.finding, [*part.body, *graphs])


def _flame(title: str, flame: Flame, how: str = words.FLAME) -> Markup:
    return tag("details", tag("summary", title), tag("p", how, class_="small"), *plot.twice(flame.draw))


def _difference(ladder: Ladder, before: str, after: str) -> Markup:
    """The second's graph, coloured by what each function takes more or less of than in the first."""
    first, second = (spent_within(ladder.stacks[name], ladder.sampled_ms[name]) for name in (before, after))
    title = f"What {after} takes more than {before}"
    root = calls_of(ladder.stacks[after], ladder.sampled_ms[after])
    flame = Flame("flame-difference", title, root, lambda name: second.get(name, 0.0) - first.get(name, 0.0))
    return _flame(f"Flame graph: {title}", flame, words.DIFFERENCE)


def _part(name: str, topic: str, heading: str, how: str, table: Table) -> Part | None:
    """None where the table has no row."""
    if not table.rows:
        return None
    return Part(name, topic, heading, [tag("p", prose(how), class_="small"), table_of(table, heading, hidden=True)])


def _command(runs: Sequence[Run]) -> str:
    trials, _ = trials_of([run for run in runs if run.config["rung"] == runs[0].config["rung"]])
    return as_planned("why", runs[0].config, {"TRIALS": str(trials)})


def _figure(table: pd.DataFrame) -> Markup:
    how: list[Content] = [
        [
            tag("strong", "CPU time of the app server, ms per request. "),
            "A grey bar is what a change adds, a hollow one what it saves.",
        ],
        "It begins where the bar above ends. Bracket: the 95 % interval.",
    ]
    return figure("ladder", how, *plot.twice(Waterfall(table).draw))


@dataclass(frozen=True, slots=True)
class Waterfall:
    """From the first rung to ASGI as shipped: a bar for each of the two, and what each change between them adds."""

    table: pd.DataFrame

    def draw(self, wide: bool) -> Markup:
        way = [row for row in on_the_way(self.table, words.SHIPPED) if pd.notna(row.cpu_ms)]
        left, right = (262.0, 640.0) if wide else (2.0, 282.0)
        top, height = 28.0, 44.0 if wide else 66.0
        lines = [*way, way[-1]]
        foot = top + height * len(lines)
        highest = max(row.cpu_ms for row in way)
        reached = [before.cpu_ms + row.added_high_ms for before, row in pairwise(way) if pd.notna(row.added_high_ms)]
        at = plot.ticks(min(max([highest, *reached]), MOST * highest), 6 if wide else 5)
        x = Scale(0, at[-1], left, right)
        content: list[Content] = [
            tag("g", [tag("line", x1=x(n), x2=x(n), y1=top - 6, y2=foot - 8) for n in at], class_="grid"),
            tag("g", [plot.label(f"{n:g}{' ms' * (n == at[-1])}", x(n), top - 12, "middle", "tick") for n in at]),
            self._line(way[0], x, top, wide, "a"),
        ]
        for n, (before, row) in enumerate(pairwise(way), start=1):
            y = top + n * height
            content += [_carry(x(before.cpu_ms), y, height, wide), self._change(before, row, x, y, wide)]
        y = top + len(way) * height
        content += [_carry(x(way[-1].cpu_ms), y, height, wide), self._line(way[-1], x, y, wide, "b")]
        totals = "; ".join(f"{row.rung}: {words.ms(row.cpu_ms)}" for row in way)
        title = "CPU time of the app server per request, from WSGI to ASGI as shipped"
        return plot.svg("ladder", wide, foot, title, f"{totals}.", content)

    def _line(self, row: Any, x: Scale, y: float, wide: bool, mark: str) -> Markup:
        """A complete bar, from zero."""
        name = f"{'WSGI' if mark == 'a' else 'ASGI'}: {row.change}" if mark == "a" else f"ASGI {row.rung}"
        return tag(
            "g",
            plot.label(name, 0, y + (17 if wide else 12), css=f"name side-{mark} halo"),
            tag("rect", class_="bar", x=x.start, y=y + (4 if wide else 20), width=x(row.cpu_ms) - x.start, height=20.0),
            plot.label(words.ms(row.cpu_ms), x(row.cpu_ms) + 8, y + (19 if wide else 35), css="big"),
            class_=f"side-{mark}",
        )

    def _change(self, before: Any, row: Any, x: Scale, y: float, wide: bool) -> Markup:
        low, high = sorted((before.cpu_ms, row.cpu_ms))
        more = row.added_ms >= 0
        at, middle = y + (4 if wide else 32), y + (14 if wide else 42)
        parts: list[Content] = [
            plot.label(row.rung, 0, y + (13 if wide else 12), css="strong halo"),
            plot.label(row.change, 0, y + (28 if wide else 26), css="note"),
            tag(
                "rect",
                class_="add" if more else "save",
                x=x(low),
                y=at,
                width=x(high) - x(low),
                height=20.0,
            ),
        ]
        end = x(high)
        if pd.notna(row.added_low_ms):
            one, other = (x(min(before.cpu_ms + ms, x.high)) for ms in (row.added_low_ms, row.added_high_ms))
            ends = " ".join(f"M{place:.1f},{middle - 5:.0f} v10" for place in (one, other))
            parts.append(tag("path", class_="whisker", d=f"{ends} M{one:.1f},{middle:.0f} H{other:.1f}"))
            end = max(end, other)
        parts.append(plot.label(f"{row.added_ms:+.1f}", end + 8, middle + 5, css="strong halo"))
        return tag("g", tag("title", f"{row.rung}: {row.added_ms:+.2f} ms"), parts)


def _carry(x: float, y: float, height: float, wide: bool) -> Markup:
    """From the end of a bar down to the next."""
    return tag("line", class_="carry", x1=x, x2=x, y1=y - height + (24 if wide else 40), y2=y + (4 if wide else 20))
