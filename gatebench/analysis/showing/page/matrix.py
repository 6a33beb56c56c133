"""matrix.html: every side of a campaign, ranked by the users that it holds, in the form of a report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from gatebench.analysis.comparing.matrix import Matrix
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing import matrix as words
from gatebench.analysis.showing.guide import held
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.again import as_planned, trials_of
from gatebench.analysis.showing.page.held import held_mark, users_scale
from gatebench.analysis.showing.page.html import Content, Markup, prose, tag
from gatebench.analysis.showing.page.page import document
from gatebench.analysis.showing.page.remarks import bullet_list
from gatebench.analysis.showing.page.subject import Part, figure
from gatebench.analysis.showing.page.tables import table_of
from gatebench.records import Run

MARKS = {"wsgi": "a", "asgi": "b"}
"""Interface -> its colour and shape."""

LINE = 21.0


def matrix_page(matrix: Matrix, notes: Sequence[str], runs: Sequence[Run]) -> str:
    """The complete document. `notes` are what it rests on, `runs` what was measured."""
    day = time.strftime("%-d %B %Y", time.gmtime(max(run.started for run in runs)))
    first, *others = words.findings(matrix)
    opening = [
        tag("p", f"Gatebench matrix · {len(runs)} runs · {day}", class_="kicker"),
        tag("h1", first),
        *([tag("p", " ".join(others), class_="lede")] if others else []),
        _figure(matrix.table),
    ]
    changes = words.changes_table(matrix.changes)
    ranked = [
        tag("p", prose(f"{words.HELD} {words.measured_at(matrix)}"), class_="small"),
        table_of(words.ranking(matrix), "Each side, by the users that it holds", hidden=True),
    ]
    changed = [
        tag("p", prose(words.CHANGED), class_="small"),
        table_of(changes, "What one change brings", hidden=True),
    ]
    parts = [
        Part("ranking", "Ranking", "Each side, by the users that it holds", ranked),
        *([Part("changes", "One change", "What one change brings", changed)] if changes.rows else []),
        Part("rests", "What it rests on", "Runs, trials, and what is not valid", [bullet_list(list(notes))]),
        *_again(runs),
    ]
    return document(words.TITLE, opening, parts, "One campaign speaks for its own hour and machine.")


def _again(runs: Sequence[Run]) -> Iterator[Part]:
    """Nothing of a campaign that was asked for in another way: its report says how."""
    if matrix := runs[0].config.get("matrix"):
        trials, _ = trials_of([run for run in runs if run.label == runs[0].label])
        command = as_planned("matrix", runs[0].config, {"MATRIX": matrix, "TRIALS": str(trials)})
        yield Part("again", "Again", "Measure it again", [tag("pre", tag("code", command), class_="copy")])


def _figure(table: pd.DataFrame) -> Markup:
    how: list[Content] = [
        [tag("strong", "Users held. "), "Bar: the 95 % interval of the trials. The axis is logarithmic."],
        "A mark with an arrow held at least so many; one at the left edge not even the fewest users.",
    ]
    return figure("matrix", how, *plot.twice(Ranking(table).draw))


@dataclass(frozen=True, slots=True)
class Ranking:
    """A line a side, on one logarithmic axis of users."""

    table: pd.DataFrame

    def draw(self, wide: bool) -> Markup:
        left, right = (236.0, 690.0) if wide else (6.0, 332.0)
        above = 0.0 if wide else 14.0  # of a mark, for its name
        height = LINE + above
        top = 14.0
        foot = top + height * len(self.table)
        x = users_scale(self.table, left, right - 84, wide)
        at = plot.log_ticks(x.low, x.high, 9 if wide else 6)
        content: list[Content] = [
            tag("g", [tag("line", x1=x(n), x2=x(n), y1=top, y2=foot) for n in at], class_="grid"),
            tag("line", class_="base", x1=left, x2=right, y1=foot, y2=foot),
            [plot.label(f"{n:,.0f}", x(n), foot + 16, "middle", "tick") for n in at],
            plot.label("users", (left + right) / 2, foot + 34, "middle", "tick"),
        ]
        for n, side in enumerate(rows(self.table)):
            mark, y = MARKS[side.interface], top + height * n
            content += [
                plot.label(side.side, 0, y + 14, css=f"name side-{mark} halo"),
                held_mark(side, mark, x, y + above + 10),
            ]
        numbers = "; ".join(f"{side.side}: {' '.join(held(side)).strip()}" for side in rows(self.table))
        return plot.svg("matrix", wide, foot + 42, "Users held by each side", f"{numbers}.", content)
