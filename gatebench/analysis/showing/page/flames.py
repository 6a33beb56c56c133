"""Flame graphs: what calls what, and how much CPU time each call takes; also coloured by what two differ in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gatebench.analysis.comparing.spending import CHANGES, Call, part_of
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.html import Markup, tag

ROW = 17.0
DEEPEST = 44
"""Calls below each other that are drawn: what is further in is left out."""

WORTH_A_COLOUR = 0.02
"""Times the CPU time of a request: a function that differs by less has no colour."""


@dataclass(frozen=True, slots=True)
class Flame:
    """`differs` is what a function takes more than in another graph, in ms per request, where two are compared."""

    name: str  # unique on the page
    title: str
    root: Call
    differs: Callable[[str], float] | None = None

    def draw(self, wide: bool) -> Markup:
        width = float(plot.WIDE if wide else plot.NARROW)
        boxes = list(self._below(self.root, 0.0, width, 0))
        deep = max((row for _, row in boxes), default=0)
        return plot.svg(
            self.name, wide, ROW * (deep + 1) + 2, self.title, f"{self.title}: {self.root.ms:.2f} ms in all.",
            [box for box, _ in boxes],
        )  # fmt: skip

    def _below(self, call: Call, start: float, room: float, row: int) -> Iterator[tuple[Markup, int]]:
        yield self._box(call, start, room, row), row
        if row == DEEPEST:
            return
        for callee in sorted(call.calls.values(), key=lambda callee: callee.name):
            own = room * callee.ms / call.ms
            if own >= 1.0:
                yield from self._below(callee, start, own, row + 1)
            start += own

    def _box(self, call: Call, x: float, width: float, row: int) -> Markup:
        y = 1 + ROW * row
        shown = plot.cut(call.name, width - 6) if width > 34 else ""
        return tag(
            "g",
            tag("title", self._title(call)),
            tag("rect", class_=self._css(call, row), x=x, y=y, width=max(width - 0.5, 0.5), height=ROW - 1),
            plot.label(shown, x + 3, y + 12, css="call") if shown else None,
        )

    def _title(self, call: Call) -> str:
        more = f", {self.differs(call.name):+.2f} ms" if self.differs else ""
        return f"{call.name}: {call.ms:.2f} ms per request{more}"

    def _css(self, call: Call, row: int) -> str:
        if self.differs is None:
            return "frame hop" if row and part_of([call.name]) == CHANGES else "frame"
        by = self.differs(call.name) / self.root.ms
        if not row or abs(by) < WORTH_A_COLOUR:
            return "frame"
        return f"frame {'more' if by > 0 else 'less'}{3 if abs(by) > 0.25 else 2 if abs(by) > 0.1 else 1}"
