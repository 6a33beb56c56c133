"""How a side looks wherever it appears: its colour, the shape of its mark, and its name, long and short."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatebench.analysis.comparing.sides import Side, shared_options, without
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.page.html import Content, Markup, tag, text
from gatebench.analysis.steps.capacity import or_zero, users_held

COLOURS = "abcd"
"""Classes of the style sheet. Where sides are more, all but two are grey."""

GREY = "n"
MOST_NAMED = len(COLOURS)


@dataclass(frozen=True, slots=True)
class Look:
    """`steps` are the rows of its steps table by their users."""

    side: Side
    steps: Mapping[int, Any]
    mark: str  # one of COLOURS, or GREY
    short: str
    drawn: str  # in a drawing, where the end may be cut off

    @property
    def name(self) -> str:
        return self.side.label

    @property
    def css(self) -> str:
        return f"side-{self.mark}"

    @property
    def measured(self) -> bool:
        """Whether any of its steps is valid."""
        return bool(self.side.steps["valid"].astype(bool).any())

    @property
    def named(self) -> bool:
        return self.mark != GREY

    @property
    def lettered(self) -> bool:
        """Whether its short name is no word of its long one."""
        return self.short not in self.name.split()

    def html(self) -> Markup:
        """The word that tells it from the others, or its letter, in its colour."""
        before, _, rest = ("", "", self.name) if self.lettered else f" {self.name} ".partition(f" {self.short} ")
        parts = [breakable(before.strip()), tag("b", self.short, class_=self.mark), breakable(rest.strip())]
        return tag("span", [[" "] * (n > 0) + [part] for n, part in enumerate(filter(text, parts))], class_="who")


def breakable(words: str) -> Content:
    """A long setting breaks behind `=` and `_` rather than anywhere."""
    return [[part, tag("wbr")] if n % 2 else part for n, part in enumerate(re.split("([=_])", words))]


def looks_of(sides: Sequence[Side], verdicts: Sequence[Verdict]) -> list[Look]:
    shorts = short_names([(side.name, side.label) for side in sides])
    if len(sides) <= MOST_NAMED:
        marks = dict(zip((side.label for side in sides), COLOURS, strict=False))
    else:
        marks = dict(zip(_first_and_last(sides, verdicts), COLOURS, strict=False))
    return [
        Look(side, {int(row.users): row for row in rows(side.steps)}, marks.get(side.label, GREY), short, drawn)
        for side, short, drawn in zip(sides, shorts, drawn_names([side.label for side in sides], shorts), strict=True)
    ]


def _first_and_last(sides: Sequence[Side], verdicts: Sequence[Verdict]) -> list[str]:
    """Of a ranking; where there is none, those that held the most and the fewest users within the objective."""
    for verdict in verdicts:
        if len(verdict.ranks) > 1:
            return [verdict.ranks[0].label, verdict.ranks[-1].label]
    held = sorted(sides, key=lambda side: or_zero(users_held(side.capacity).users))
    return [held[-1].label, held[0].label]


def short_names(sides: Sequence[tuple[str, str]]) -> list[str]:
    """Of letters and labels: the label's first word, or else its second, where these tell all apart, or the letter."""
    for n in (0, 1):
        words = [(*label.split(), "", "")[n] for _, label in sides]
        if len(set(words)) == len(words) and all(words):
            return words
    return [letter for letter, _ in sides]


def drawn_names(labels: Sequence[str], shorts: Sequence[str]) -> list[str]:
    """Of sides that go by letters: the letter, and no option in brackets that all of them have."""
    if any(short in label.split() for short, label in zip(shorts, labels, strict=True)):
        return list(labels)
    shared = shared_options(labels)
    return [f"{short} {without(shared, label)}" for short, label in zip(shorts, labels, strict=True)]
