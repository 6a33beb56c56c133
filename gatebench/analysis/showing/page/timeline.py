"""A run second by second: its users, its requests a second, its p95, below each other on one axis of time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.looks import Look
from gatebench.analysis.showing.page.plot import Frame, Scale, Told
from gatebench.analysis.showing.page.step_charts import milliseconds
from gatebench.analysis.showing.spacing import spread
from gatebench.analysis.steps.timeline import binned
from gatebench.analysis.words import number

MOST_DRAWN, MOST_TOLD = 240, 60
"""Bins: what a screen can show, and what can be pointed at."""

_HINT = {
    True: "Point at a moment for its values. By keyboard: Tab, then the arrow keys.",
    False: "Touch a moment for its values.",
}


@dataclass(frozen=True)
class Timeline:
    name: str
    look: Look
    run: AnalysedRun

    @cached_property
    def drawn_bins(self) -> pd.DataFrame:
        return binned(self.run.timeline, MOST_DRAWN)

    @cached_property
    def told_bins(self) -> pd.DataFrame:
        return binned(self.run.timeline, MOST_TOLD)

    @cached_property
    def start(self) -> float:
        first = [step.started for step in self.run.run.steps[:1]]
        return min([float(self.run.timeline["time"].iloc[0]), *first])

    @cached_property
    def length(self) -> float:
        return float(self.run.timeline["time"].iloc[-1]) + 1 - self.start

    def draw(self, wide: bool) -> Markup:
        top = 28.0 if wide else 72.0
        frame = Frame(wide, top + 356, 54 if wide else 48, 66 if wide else 12, top, 40)
        x = Scale(0, self.length, frame.left, frame.end)
        users_foot, rate_foot = top + 56, top + 196
        parts: list[Content] = [
            self._settling(x, frame),
            *self._users(x, top, users_foot),
            *self._rates(x, frame, users_foot + 22, rate_foot),
            *self._p95(x, frame, rate_foot + 22, frame.foot),
            [
                plot.label(clock(s), x(s), frame.foot + 18, "middle", "tick")
                for s in _moments(self.length, 8 if wide else 4)
            ],
            plot.label("since the ramp began", (frame.left + frame.end) / 2, frame.foot + 34, "middle", "tick"),
            *plot.telling(frame, list(self._told(x)), _HINT),
        ]
        title = f"{self.run.label}, second by second"
        return plot.svg(self.name, wide, frame.height, title, self._description(), parts)

    def _description(self) -> str:
        steps = ", ".join(f"{step.users:,}" for step in self.run.run.steps)
        failed = int(self.run.timeline["failed"].sum())
        return (
            f"Steps of {steps} users over {self.length:,.0f} seconds. {failed:,} requests failed in all, settling "
            "included."
        )

    def _settling(self, x: Scale, frame: Frame) -> Markup:
        """Everything that is not a hold: it is in no table."""
        spans, at = [], 0.0
        for step in self.run.run.steps:
            if step.hold_started is not None:
                spans.append((at, step.hold_started - self.start))
                at = (step.hold_ended or self.start + self.length) - self.start
        spans.append((at, self.length))
        return tag(
            "g",
            [
                tag("rect", class_="settling", x=x(a), y=frame.top, width=x(b) - x(a), height=frame.foot - frame.top)
                for a, b in spans
                if b > a
            ],
        )

    def _users(self, x: Scale, top: float, foot: float) -> Iterator[Content]:
        steps = self.run.run.steps
        y = Scale(0, 1.3 * max((step.users for step in steps), default=1), foot, top)
        valid = {int(row.step): bool(row.valid) for row in rows(self.run.steps)}
        ends = [*(step.started for step in steps[1:]), self.start + self.length]
        free = -math.inf
        for step, end in zip(steps, ends, strict=False):
            left, right = x(step.started - self.start), x(min(end, self.start + self.length) - self.start)
            css = "users" if valid.get(step.number, True) else "users not"
            yield tag(
                "rect", class_=css, x=left, y=y(step.users), width=max(right - left, 0.0), height=foot - y(step.users)
            )
            half = len(f"{step.users:,}") * plot.LETTER / 2 + 2
            middle = (left + right) / 2
            if middle - half > free:
                yield plot.label(f"{step.users:,}", middle, y(step.users) - 4, "middle", "tick")
                free = middle + half
        yield plot.label("users", x(0) - 7, foot - 2, "end", "tick")

    def _rates(self, x: Scale, frame: Frame, top: float, foot: float) -> Iterator[Content]:
        bins = self.drawn_bins
        at = plot.ticks(1.02 * float(bins[["ok", "failed"]].max().max()), 4)
        y = Scale(at[0], at[-1], foot, top)
        panel = Frame(frame.wide, foot + frame.bottom, frame.left, frame.right, top, frame.bottom)
        yield from plot.grid(panel, y, at, lambda value: f"{value:,.0f}")
        yield plot.label("requests a second", frame.left, top - 7, css="note")
        ends = []
        for column, css in (("ok", self.look.css), ("failed", "failed")):
            if column == "failed" and not bins["failed"].any():
                continue
            points = [(x(t - self.start), y(value)) for t, value in zip(bins["time"], bins[column], strict=True)]
            yield tag("g", tag("path", class_="line trace", d=plot.line_of(points)), class_=css)
            ends.append((column, css, points[-1][1]))
        if frame.wide:
            room = foot - top
            heights = spread([(y_of - top) / room for _, _, y_of in ends], 14 / room)
            for (column, css, _), height in zip(ends, heights, strict=True):
                yield plot.label(column, frame.end + 8, top + height * room, css=f"end {css}")

    def _p95(self, x: Scale, frame: Frame, top: float, foot: float) -> Iterator[Content]:
        bins = self.drawn_bins
        limit = self.run.objective.p95_ms
        known = [float(value) for value in bins["p95_ms"] if value > 0]
        known += plot.around(limit)
        at = plot.log_ticks(min(known), max(known), 4)
        y = Scale(at[0], at[-1], foot, top, log=True)
        panel = Frame(frame.wide, foot + frame.bottom, frame.left, frame.right, top, frame.bottom)
        yield from plot.grid(panel, y, at, milliseconds)
        yield plot.label("p95 of successes", frame.left, top - 7, css="note")
        yield tag("line", class_="limit", x1=frame.left, x2=frame.end, y1=y(limit), y2=y(limit))
        points = [
            (x(t - self.start), y(value)) if value > 0 else None
            for t, value in zip(bins["time"], bins["p95_ms"], strict=True)
        ]
        yield tag("g", tag("path", class_="line trace", d=plot.line_of(points)), class_=self.look.css)

    def _told(self, x: Scale) -> Iterator[Told]:
        users = {step.number: step.users for step in self.run.run.steps}
        for row in rows(self.told_bins):
            since = row.time - self.start
            width = x(since + row.seconds) - x(since)
            step = "" if pd.isna(row.step) else f", {users[int(row.step)]:,} users"
            values = [
                (self.look.css, f"ok {number(row.ok)}/s"),
                ("failed-name", f"failed {number(row.failed)}/s"),
                ("side-n", f"p95 {number(row.p95_ms)} ms"),
            ]
            yield Told(x(since) + width / 2, width, f"{clock(since)}{step}", values)


def _moments(length: float, most: int) -> list[float]:
    step = next(
        n
        for n in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 86400)
        if length <= n * most or n == 86400
    )
    return [float(s) for s in range(0, int(length) + 1, step)]


def clock(seconds: float) -> str:
    """As 1:05, or 2:00:05."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
