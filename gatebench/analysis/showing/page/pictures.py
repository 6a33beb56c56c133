"""The one picture that a page opens with: what the verdict rests on, or what each side held."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.looks import Look
from gatebench.analysis.showing.page.plot import Scale
from gatebench.analysis.showing.text_tables import capacity_text, held_text
from gatebench.analysis.steps.capacity import NO_FAILURE, or_zero, users_held

_RATIOS = (
    0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.3, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 20,
    50,
)  # fmt: skip
"""Where the axis of a ratio may have a tick."""


@dataclass(frozen=True, slots=True)
class Ratios:
    """Rows of trials and one of the interval, on a logarithmic axis of the ratio."""

    title: str
    description: str
    trials: Sequence[tuple[str, Sequence[float]]]  # a row each: its name, its trials' ratios
    value: float
    interval: tuple[float, float] | None
    words: str  # the value as the verdict has it

    def draw(self, wide: bool) -> Markup:
        left, right = (120.0, 690.0) if wide else (12.0, 332.0)
        row_height = 26.0 if wide else 36.0
        foot = 14 + row_height * (len(self.trials) + 1)
        ends = [self.value, 1.0, *(self.interval or ()), *(ratio for _, some in self.trials for ratio in some)]
        x = ratio_scale(ends, left + 8, right - 46)
        content: list[Content] = [
            *ratio_axis(x, left, right, foot),
            tag("line", class_="limit", x1=x(1), x2=x(1), y1=6.0, y2=foot),
        ]
        for n, (name, ratios) in enumerate(self.trials):
            at = 18 + row_height * n + (0 if wide else 10)
            content += [
                _row_name(name, at, wide, left),
                [tag("circle", class_="trial", cx=x(one), cy=at, r=4.0) for one in ratios],
            ]
        at = 18 + row_height * len(self.trials) + (0 if wide else 10)
        if self.interval:
            low, high = map(x, self.interval)
            content += [
                _row_name("95 % interval", at, wide, left),
                tag("line", class_="interval", x1=low, x2=high, y1=at, y2=at),
            ]
            end = high
        else:
            content.append(_row_name("ratio", at, wide, left))
            end = x(self.value)
        content += [
            tag("line", class_="middle", x1=x(self.value), x2=x(self.value), y1=at - 8, y2=at + 8),
            plot.label(self.words, end + 10, at + 5, css="big"),
        ]
        return plot.svg("verdict", wide, foot + 30, self.title, self.description, content)


def _row_name(name: str, at: float, wide: bool, left: float) -> Markup:
    return plot.label(name, 0, at + 4, css="note") if wide else plot.label(name, left, at - 11, css="note")


def ratio_scale(values: Sequence[float], start: float, end: float) -> Scale:
    low, high = min(values), max(values)
    margin = max((high / low) ** 0.08, 1.02)
    return Scale(low / margin, high * margin, start, end, log=True)


def ratio_axis(x: Scale, left: float, right: float, foot: float) -> list[Markup]:
    """1 has a tick always, and of the others those that have room."""
    words = {one: f"{one:.3g} times" for one in _RATIOS if x.low <= one <= x.high and one != 1}
    free = [(x(one), said) for one, said in words.items() if abs(x(one) - x(1)) > 80 and x(one) - left > 24]
    axis = [tag("line", class_="base", x1=left, x2=right, y1=foot, y2=foot)]
    for place, said in [*plot.apart(free), (x(1), "no difference")]:
        axis.append(tag("line", class_="base", x1=place, x2=place, y1=foot, y2=foot + 5))
        starts = place - left < 40
        axis.append(plot.label(said, left if starts else place, foot + 20, None if starts else "middle", "tick"))
    return axis


@dataclass(frozen=True, slots=True)
class Ranking:
    """More than two sides in their order: what each has of the first one's, with its interval."""

    looks: Sequence[Look]
    verdict: Verdict
    measure: str

    def draw(self, wide: bool) -> Markup:
        by_label = {look.name: look for look in self.looks}
        ratios = _of_the_first(self.verdict)
        left, right = (200.0, 690.0) if wide else (12.0, 332.0)
        row_height = 26.0 if wide else 38.0
        foot = 14 + row_height * len(self.verdict.ranks)
        ends = [1.0, *(n for one in ratios.values() for n in one if math.isfinite(n))]
        x = ratio_scale(ends, left + 8, right - 60)
        content: list[Content] = [
            *ratio_axis(x, left, right, foot),
            tag("line", class_="limit", x1=x(1), x2=x(1), y1=6.0, y2=foot),
        ]
        for n, rank in enumerate(self.verdict.ranks):
            at = 18 + row_height * n + (0 if wide else 12)
            look = by_label[rank.label]
            name = f"{rank} {look.drawn}"
            content.append(
                plot.label(
                    plot.cut(name, left - 8 if wide else 300),
                    0 if wide else left,
                    at + 4 if wide else at - 12,
                    css=f"name {look.css}",
                )
            )
            if rank.label in ratios:
                value, low, high = ratios[rank.label]
                content.append(tag("g", _interval(x, at, value, low, high), class_=look.css))
            elif n == 0:
                content.append(tag("g", plot.point(look.mark, x(1), at), class_=look.css))
        said = "; ".join(f"{label} {value:.2f}" for label, (value, _, _) in ratios.items())
        description = f"{self.verdict.ranks[0].label} comes first. Of its {self.measure}, the others have: {said}."
        return plot.svg("verdict", wide, foot + 30, f"Ranking by {self.measure}", description, content)


def _interval(x: Scale, at: float, value: float, low: float, high: float) -> list[Markup]:
    if not math.isfinite(value):
        return []
    known = math.isfinite(low)
    parts = [tag("line", class_="interval", x1=x(low), x2=x(high), y1=at, y2=at)] if known else []
    parts.append(tag("line", class_="middle", x1=x(value), x2=x(value), y1=at - 8, y2=at + 8))
    said = (x(high) if known else x(value)) + 8
    if said - 4 < x(1) < said + 30:  # the line would strike the number through
        said = x(1) + 6
    parts.append(plot.label(f"{value:.2f}", said, at + 5, css="tick"))
    return parts


def _of_the_first(verdict: Verdict) -> dict[str, tuple[float, float, float]]:
    """By label, its ratio to the side that is ranked first, and the interval."""
    first = verdict.ranks[0].label
    found = {}
    for row in rows(verdict.ratios[verdict.ratios["decides"]]):
        if row.a == first:
            found[row.b] = (row.ratio, row.low, row.high)
        elif row.b == first:
            found[row.a] = (1 / row.ratio, 1 / row.high, 1 / row.low)
    return {rank.label: found[rank.label] for rank in verdict.ranks if rank.label in found}


@dataclass(frozen=True, slots=True)
class Held:
    """A bar each side: users within the objective, and a mark at those without a failure, of all that were tried."""

    looks: Sequence[Look]

    def draw(self, wide: bool) -> Markup:
        left, right = (180.0, 590.0) if wide else (2.0, 220.0)
        row_height = 30.0 if wide else 44.0
        top = 8.0
        foot = top + row_height * len(self.looks)
        tried = [int(look.side.steps["users"].max()) if len(look.side.steps) else 0 for look in self.looks]
        at = plot.ticks(max([*tried, 1]), 7 if wide else 4)
        x = Scale(at[0], at[-1], left, right)
        content: list[Content] = [
            tag("g", [tag("line", x1=x(n), x2=x(n), y1=top, y2=foot) for n in at[1:]], class_="grid"),
            tag("line", class_="base", x1=left, x2=left, y1=top, y2=foot),
            [plot.label(f"{n:,.0f}", x(n), foot + 16, "middle" if n else "start", "tick") for n in at],
            plot.label("users", (left + right) / 2, foot + 34, "middle", "tick"),
        ]
        for n, look in enumerate(self.looks):
            y = top + row_height * n + (6 if wide else 20)
            content.append(self._row(look, tried[n], x, y, wide))
        told = "; ".join(f"{look.name}: {held_text(look.side)}" for look in self.looks[:8])
        title = "Users held within the objective, and without a failure"
        return plot.svg("verdict", wide, foot + 42, title, f"Users within the objective: {told}.", content)

    def _row(self, look: Look, tried: int, x: Scale, y: float, wide: bool) -> Markup:
        kept, unfailed = users_held(look.side.capacity), users_held(look.side.capacity, NO_FAILURE)
        users = or_zero(kept.users)
        none = None if pd.isna(unfailed.users) else x(int(unfailed.users))
        css = "bar" if pd.isna(kept.invalid_reason) else "bar not"
        room = 174 if wide else 300
        words, or_more = shorter(capacity_text(kept))
        words += " or more" * or_more
        said = x(users) + 8
        if none and said - 8 <= none <= said + plot.LETTER * len(words) + 4:  # the mark would strike the words through
            said = none + 8
        return tag(
            "g",
            tag("line", class_="tried", x1=x(0), x2=x(tried), y1=y + 8, y2=y + 8),
            tag("rect", class_=css, x=x(0), y=y, width=max(x(users) - x(0), 0.0), height=16.0) if users else None,
            tag("line", class_="unfailed", x1=none, x2=none, y1=y - 3, y2=y + 19) if none else None,
            plot.label(plot.cut(look.drawn, room), 0 if wide else 6, y + 12 if wide else y - 6, css=f"name {look.css}"),
            plot.label(words, said, y + 12, css="value halo"),
            class_=look.css,
        )


_END = " (end of the ramp)"


def shorter(words: str) -> tuple[str, bool]:
    """What the capacity table says, without the ramp's end; and whether it had one."""
    return words.replace(_END, ""), _END in words
