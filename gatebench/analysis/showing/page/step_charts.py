"""What a step opens into: its latencies by percentile on a scale that spreads the tail, and its seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.looks import Look
from gatebench.analysis.showing.page.plot import Frame, Scale
from gatebench.analysis.words import number

PERCENTILES = (("p50_ms", "p50", 0.5), ("p75_ms", "p75", 0.75), ("p90_ms", "p90", 0.9), ("p95_ms", "p95", 0.95),
               ("p99_ms", "p99", 0.99), ("p999_ms", "p99.9", 0.999))  # fmt: skip
"""Column of the steps table, its name, and the share of requests that took no longer."""


def milliseconds(value: float) -> str:
    """Of an axis: 2 s for 2000."""
    return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"


@dataclass(frozen=True, slots=True)
class Percentiles:
    """A line a side, at one number of users. `rows` has a row of the steps table a side."""

    users: int
    rows: Sequence[tuple[Look, Any]]
    objectives: Sequence[float]

    @property
    def known(self) -> bool:
        return any(pd.notna(row.p50_ms) for _, row in self.rows)

    def draw(self, wide: bool) -> Markup:
        names = [look.drawn if wide else look.short for look, _ in self.rows]
        right = 22 + plot.LETTER * min(max(map(len, names), default=3), 22 if wide else 9)
        frame = Frame(wide, 270 if wide else 260, 54 if wide else 48, right, 14)
        values = [
            float(getattr(row, column))
            for _, row in self.rows
            for column, _, _ in PERCENTILES
            if getattr(row, column) > 0
        ]
        values += [value for ms in self.objectives for value in plot.around(ms)]
        at = plot.log_ticks(min(values), max(values), 8)
        y = Scale(at[0], at[-1], frame.foot, frame.top, log=True)
        x = Scale(-math.log10(0.5), 3, frame.left + 20, frame.end - 20)
        lines: list[Content] = []
        ends = []
        for look, row in self.rows:
            points = [
                (x(-math.log10(1 - share)), y(getattr(row, name)))
                for name, _, share in PERCENTILES
                if getattr(row, name) > 0
            ]
            if points:
                lines.append(
                    tag(
                        "g",
                        tag("path", class_="line", d=plot.line_of(points)),
                        [plot.point(look.mark, *one, bool(row.valid)) for one in points],
                        class_=look.css,
                        data_series=look.mark,
                    )
                )
                ends.append((look, *points[-1]))
        parts: list[Content] = [
            *plot.grid(frame, y, at, milliseconds),
            [
                plot.label(name if wide else name[1:], x(-math.log10(1 - share)), frame.foot + 18, "middle", "tick")
                for _, name, share in PERCENTILES
            ],
            plot.label(
                "percentile, stretched towards the tail",
                (frame.left + frame.end) / 2,
                frame.foot + 36,
                "middle",
                "tick",
            ),
            [tag("line", class_="limit", x1=frame.left, x2=frame.end, y1=y(ms), y2=y(ms)) for ms in self.objectives],
            lines,
            [plot.label("objective", frame.left + 6, y(ms) - 6, css="halo") for ms in self.objectives],
            *plot.end_labels(frame, ends),
        ]
        said = "; ".join(
            f"{look.name} {', '.join(f'{name} {number(getattr(row, column))} ms' for column, name, _ in PERCENTILES)}"
            for look, row in self.rows
        )
        title = f"Latency at {self.users:,} users by percentile"
        return plot.svg(f"percentiles-{self.users}", wide, frame.height, title, f"{said}.", parts)


@dataclass(frozen=True, slots=True)
class Seconds:
    """Answers in each second of a step's hold: a line a side, from the start of its hold. A cross is a second with a
    failure.
    """

    users: int
    rows: Sequence[tuple[Look, AnalysedRun, pd.DataFrame]]  # of the timeline, those seconds

    @property
    def known(self) -> bool:
        return any(len(seconds) > 1 for _, _, seconds in self.rows)

    def draw(self, wide: bool) -> Markup:
        names = [look.drawn if wide else look.short for look, _, _ in self.rows]
        right = 22 + plot.LETTER * min(max(map(len, names), default=3), 22 if wide else 9)
        frame = Frame(wide, 200, 54 if wide else 48, right, 14)
        most = max((float(seconds["ok"].max()) for _, _, seconds in self.rows if len(seconds)), default=0)
        longest = max(
            (float(seconds["time"].iloc[-1] - seconds["time"].iloc[0]) for _, _, seconds in self.rows if len(seconds)),
            default=1,
        )
        at = plot.ticks(1.02 * most, 4)
        y, x = Scale(at[0], at[-1], frame.foot, frame.top), Scale(0, longest or 1, frame.left, frame.end)
        lines: list[Content] = []
        ends = []
        for look, _, seconds in self.rows:
            if not len(seconds):
                continue
            since = seconds["time"] - seconds["time"].iloc[0]
            points = [(x(s), y(ok)) for s, ok in zip(since, seconds["ok"], strict=True)]
            failed = [x(s) for s, n in zip(since, seconds["failed"], strict=True) if n]
            crosses = tag(
                "path",
                class_="cross small",
                d=" ".join(f"M{s - 3:.1f},{frame.foot - 9:.1f} l6,6 m0,-6 l-6,6" for s in failed),
            )
            lines.append(
                tag(
                    "g",
                    tag("path", class_="line trace", d=plot.line_of(points)),
                    crosses if failed else None,
                    class_=look.css,
                    data_series=look.mark,
                )
            )
            ends.append((look, *points[-1]))
        last = plot.ticks(longest, 5 if wide else 3)
        parts: list[Content] = [
            *plot.grid(frame, y, at, lambda value: f"{value:,.0f}"),
            [plot.label(f"{s:g} s", x(s), frame.foot + 18, "middle", "tick") for s in last if s <= longest],
            plot.label("since the hold began", (frame.left + frame.end) / 2, frame.foot + 36, "middle", "tick"),
            lines,
            *plot.end_labels(frame, ends),
        ]
        failures = sum(int(seconds["failed"].sum()) for _, _, seconds in self.rows)
        said = f"{failures:,} of these requests failed." if failures else "No request failed in these seconds."
        title = f"Successful requests that began in each second, at {self.users:,} users"
        return plot.svg(f"seconds-{self.users}", wide, frame.height, title, said, parts)
