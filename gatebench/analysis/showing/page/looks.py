"""How a side looks wherever it appears: its colour, the shape of its mark, and its name, long and short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatebench.analysis.comparing.sides import Side
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.showing.page.html import Markup, tag

COLOURS = "abcd"
"""Classes of the style sheet. Where sides are more, all but two are grey."""

GREY = "n"
MOST_NAMED = len(COLOURS)


@dataclass(frozen=True, slots=True)
class Look:
    side: Side
    mark: str  # one of COLOURS, or GREY
    short: str

    @property
    def name(self) -> str:
        return self.side.label

    @property
    def css(self) -> str:
        return f"side-{self.mark}"

    @property
    def named(self) -> bool:
        return self.mark != GREY

    def html(self) -> Markup:
        """Its first word in its colour."""
        first, _, rest = self.name.partition(" ")
        return tag("span", tag("b", first, class_=self.mark), f" {rest}" if rest else None, class_="who")


def looks_of(sides: Sequence[Side], verdicts: Sequence[Verdict]) -> list[Look]:
    shorts = short_names([side.label for side in sides])
    if len(sides) <= MOST_NAMED:
        marks = dict(zip((side.label for side in sides), COLOURS, strict=False))
    else:
        marks = dict(zip(_first_and_last(sides, verdicts), COLOURS, strict=False))
    return [Look(side, marks.get(side.label, GREY), short) for side, short in zip(sides, shorts, strict=True)]


def _first_and_last(sides: Sequence[Side], verdicts: Sequence[Verdict]) -> list[str]:
    """Of a ranking; where there is none, those that held the most and the fewest users within the objective."""
    for verdict in verdicts:
        if len(verdict.ranks) > 1:
            return [verdict.ranks[0].label, verdict.ranks[-1].label]
    held = sorted(sides, key=_users_held)
    return [held[-1].label, held[0].label]


def _users_held(side: Side) -> float:
    users = side.capacity.loc[side.capacity["measure"] == "objective met", "users"].fillna(0)
    return float(users.max()) if len(users) else 0.0


def short_names(labels: Sequence[str]) -> list[str]:
    """The first word, or else the second, where these tell the labels apart; else a number each."""
    for n in (0, 1):
        words = [(*label.split(), "", "")[n] for label in labels]
        if len(set(words)) == len(words) and all(words):
            return words
    return [str(n) for n in range(1, len(labels) + 1)]
