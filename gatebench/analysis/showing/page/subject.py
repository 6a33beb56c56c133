"""What a page is about, and what one of its sections is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.sides import Side, all_runs
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.looks import MOST_NAMED, Look, looks_of
from gatebench.analysis.showing.report import Section
from gatebench.analysis.showing.text_tables import Table


@dataclass(frozen=True, slots=True)
class Subject:
    """`told` are the sections of report.md by their title: the page has their words and their numbers."""

    sides: Sequence[Side]
    verdicts: Sequence[Verdict]
    told: Mapping[str, Section]
    looks: Sequence[Look]

    @property
    def runs(self) -> list[AnalysedRun]:
        return all_runs(self.sides)

    @property
    def named(self) -> list[Look]:
        """Those with a colour of their own."""
        return [look for look in self.looks if look.named]

    @property
    def verdict(self) -> Verdict | None:
        """Of all the sides, where there is one."""
        return next((one for one in self.verdicts if len(one.sides) == len(self.sides)), None)

    @property
    def several_trials(self) -> bool:
        return any(side.spread for side in self.sides)

    def table(self, title: str) -> Table:
        """The first of a section of the report."""
        return self.told[title].tables[0][1]


def subject(sides: Sequence[Side], verdicts: Sequence[Verdict], told: Sequence[Section]) -> Subject:
    return Subject(sides, verdicts, {section.title: section for section in told}, looks_of(sides, verdicts))


@dataclass(frozen=True, slots=True)
class Part:
    """A section: its topic, what it found, and what shows it."""

    id: str
    topic: str
    finding: Content
    body: Sequence[Markup]

    def html(self) -> Markup:
        heading = tag("h2", tag("span", self.topic, class_="name"), " ", self.finding)
        return tag("section", heading, self.body, id=self.id)


Page = Sequence[Callable[[Subject], Part | None]]
"""A section is one function; where there is nothing to show it returns None."""


def figure(name: str, how_to_read: Sequence[Content], *content: Content) -> Markup:
    """The picture on the left, how to read it on the right."""
    return tag("figure", tag("figcaption", [tag("p", one) for one in how_to_read]), content, id=f"figure-{name}")


def each(looks: Sequence[Look], words: Callable[[Look], str | None]) -> Content:
    """As "WSGI and ASGI kept it up to 500 users", with each name in its colour; of many sides nothing."""
    by_words: dict[str, list[Look]] = {}
    for look in looks:
        if told := words(look):
            by_words.setdefault(told, []).append(look)
    if not by_words or len(looks) > MOST_NAMED:
        return None
    return [[", " if n else None, _listed(some), f" {told}"] for n, (told, some) in enumerate(by_words.items())]


def _listed(looks: Sequence[Look]) -> Content:
    names = [tag("b", look.short, class_=look.mark) for look in looks]
    return [[" and " if n == len(names) - 1 else ", "] * (n > 0) + [name] for n, name in enumerate(names)]
