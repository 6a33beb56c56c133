"""Charts by users: lines of one number for every side on one pair of axes, and columns of what adds up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.looks import Look
from gatebench.analysis.showing.page.plot import Frame, Scale, Told
from gatebench.analysis.showing.spacing import spread

MOST_RANGES = 2
"""Of more sides there is no room to tell the lowest and the highest trial beside each value."""

ROOM_A_SIDE = 44


@dataclass(frozen=True, slots=True)
class Series:
    """A side's numbers by users; NaN where there is none. `low` and `high` are of its trials, empty of one run."""

    look: Look
    users: Sequence[int]
    values: Sequence[float]
    valid: Sequence[bool]
    low: Sequence[float] = ()
    high: Sequence[float] = ()

    def at(self, users: int) -> int | None:
        """The place of these users, where there is a value."""
        places = [n for n, one in enumerate(self.users) if one == users and math.isfinite(self.values[n])]
        return places[0] if places else None


def series_of(look: Look, column: str) -> Series:
    steps = look.side.steps

    def numbers(name: str) -> list[float]:
        return [math.nan if pd.isna(value) else float(value) for value in steps[name]]

    spread = (f"{column}_low", f"{column}_high") if f"{column}_low" in steps else ()
    return Series(
        look,
        [int(n) for n in steps["users"]],
        numbers(column),
        [bool(valid) for valid in steps["valid"]],
        *(numbers(name) for name in spread),
    )


@dataclass(frozen=True, slots=True)
class Lines:
    """A chart of lines. `form` writes a value where it is told, with its `unit` behind it; `tick` on the axis."""

    name: str
    title: str
    description: str
    series: Sequence[Series]
    form: Callable[[float], str]
    tick: Callable[[float], str]
    unit: str = ""
    log: bool = False
    limits: Sequence[tuple[float, str]] = ()  # lines across, with their names
    asked: Sequence[tuple[int, float]] = ()  # by users, what was asked for
    steps: Sequence[int] = ()  # users whose details can be opened
    height: int = 400

    def drawn(self) -> list[Markup]:
        return plot.twice(self.draw)

    def draw(self, wide: bool) -> Markup:
        frame = self._frame(wide)
        y, at = self._scale(frame)
        places = places_of(self._users(), frame)
        order = sorted(self.series, key=lambda one: one.look.named)  # the grey lines below
        parts: list[Content] = [
            *plot.grid(frame, y, at, self.tick),
            *plot.users_axis(frame, list(places.items())),
            *self._limits(frame, y),
            self._asked(frame, y, places),
            [_drawn(one, self._beside(one, places), y) for one in order],
            *plot.end_labels(frame, list(_ends(self.series, places, y))),
            *plot.telling(frame, self._told(frame, places)),
        ]
        return plot.svg(self.name, wide, frame.height, self.title, self.description, parts)

    def _frame(self, wide: bool) -> Frame:
        named = [one.look for one in self.series if one.look.named]
        top = plot.head_room(wide, [[words for _, words in self._values(users)] for users in self._users()])
        if wide:
            longest = max((len(look.drawn) for look in named), default=0)
            return Frame(True, self.height + top - 28, 54, 22 + plot.LETTER * min(max(longest, 10), 22), top)
        longest = max((len(look.short) for look in named), default=0)
        return Frame(False, 0.72 * self.height + top, 48, 22 + plot.LETTER * min(max(longest, 3), 9), top)

    def _beside(self, one: Series, places: dict[int, float]) -> dict[int, float]:
        """At a single step the sides stand beside each other, and not on top."""
        if len(places) > 1:
            return places
        sides = [each.look.name for each in self.series]
        off = sides.index(one.look.name) - (len(sides) - 1) / 2
        return {users: x + off * min(ROOM_A_SIDE, 2 * ROOM_A_SIDE / len(sides)) for users, x in places.items()}

    def _users(self) -> list[int]:
        return sorted({n for one in self.series for n in one.users})

    def _scale(self, frame: Frame) -> tuple[Scale, list[float]]:
        values = [n for one in self.series for n in (*one.values, *one.low, *one.high) if math.isfinite(n)]
        most = 10 if frame.wide else 7
        if self.log:
            values = [n for n in [*values, *(n for value, _ in self.limits for n in plot.around(value))] if n > 0] or [
                1.0
            ]
            at = plot.log_ticks(min(values), max(values), most)
        else:
            at = plot.ticks(1.02 * max(values, default=0.0), most)
        return Scale(at[0], at[-1], frame.foot, frame.top, self.log), at

    def _limits(self, frame: Frame, y: Scale) -> Iterator[Markup]:
        for value, words in self.limits:
            yield tag("line", class_="limit", x1=frame.left, x2=frame.end, y1=y(value), y2=y(value))
            said = words if frame.wide else words.partition(":")[0]
            if self._free(value, y, 0) >= self._free(value, y, -1):
                yield plot.label(said, frame.left + 6, y(value) - 6, css="halo")
            else:
                yield plot.label(said, frame.end - 6, y(value) - 6, "end", "halo")

    def _free(self, value: float, y: Scale, end: int) -> float:
        """How far the nearest line is from a limit's name at this end of the axes."""
        ends = [one.values[end] for one in self.series if one.values and math.isfinite(one.values[end])]
        return min((abs(y(one) - y(value) + 8) for one in ends), default=math.inf)

    def _asked(self, frame: Frame, y: Scale, places: dict[int, float]) -> Content:
        """Up to where it leaves the axes."""
        inside = [(places[users], value) for users, value in self.asked if users in places]
        if not inside:
            return None
        points = [(x, y(value)) for x, value in inside if value <= y.high]
        beyond = next(((x, value) for x, value in inside if value > y.high), None)
        if points and beyond:
            (x, value), (last_x, last_y) = beyond, points[-1]
            share = (last_y - frame.top) / (last_y - y(value))
            points.append((last_x + share * (x - last_x), frame.top))
        if len(points) < 2:
            return None
        end_x, end_y = points[-1]
        before = end_x > frame.left + 90
        at, anchor = (end_x - 14, "end") if before else (end_x + 8, None)
        words = plot.label("asked for", at, end_y + (2 if before else 12), anchor, "halo asked-name")
        return [tag("path", class_="asked", d=plot.line_of(points)), words]

    def _told(self, frame: Frame, places: dict[int, float]) -> list[Told]:
        widths = plot.strips(list(places.values()), frame.left, frame.end)
        return [
            Told(x, width, f"{users:,} users", self._values(users), f"step-{users}" if users in self.steps else None)
            for (users, x), width in zip(places.items(), widths, strict=True)
        ]

    def _values(self, users: int) -> list[tuple[str, str]]:
        shown = [one for one in self.series if one.look.named]
        values = [(one.look.css, f"{one.look.short} {self._value(one, users, len(shown))}") for one in shown]
        asked = dict(self.asked)
        return [*values, ("side-n", f"asked for {self.form(asked[users])}")] if users in asked else values

    def _value(self, one: Series, users: int, sides: int) -> str:
        n = one.at(users)
        if n is None:
            return "–"
        told = self.form(one.values[n]) + self.unit + "*" * (not one.valid[n])
        if one.low and sides <= MOST_RANGES and self.form(one.low[n]) != self.form(one.high[n]):
            return f"{told} ({self.form(one.low[n])}–{self.form(one.high[n])})"
        return told


def places_of(users: Sequence[int], frame: Frame) -> dict[int, float]:
    """Where each number of users stands, with a margin at both ends of the axis."""
    if not users:
        return {}
    room = frame.end - frame.left
    margin = min(0.3 * room / max(len(users), 1), 26)
    if len(users) == 1:
        return {users[0]: frame.left + room / 2}
    x = Scale(users[0], users[-1], frame.left + margin, frame.end - margin)
    return {n: x(n) for n in users}


def _drawn(one: Series, places: dict[int, float], y: Scale) -> Markup:
    xs = [places[n] for n in one.users]
    ends = [(x, y(value)) if math.isfinite(value) else None for x, value in zip(xs, one.values, strict=True)]
    bands = [
        (x, y(low), y(high)) if math.isfinite(low) and math.isfinite(high) else None
        for x, low, high in zip(xs, one.low, one.high, strict=bool(one.low))
    ]
    with_mark = [(at, valid) for at, valid in zip(ends, one.valid, strict=True) if at and (one.look.named or not valid)]
    return tag(
        "g",
        tag("path", class_="band", d=plot.area_of(bands)) if any(bands) and one.look.named else None,
        [_reach(*band, "reach") for band in bands if band] if len(bands) == 1 and one.look.named else None,
        tag("path", class_="line", d=plot.line_of(ends)) if any(ends) else None,
        [plot.point(one.look.mark, *at, valid) for at, valid in with_mark],
        class_=one.look.css,
        data_series=one.look.mark,
    )


def _reach(x: float, low: float, high: float, css: str = "whisker") -> Markup:
    """Of a single step, where a band has no width."""
    return tag(
        "path",
        class_=css,
        d=f"M{x - 3:.1f},{high:.1f} h6 M{x:.1f},{high:.1f} V{low:.1f} M{x - 3:.1f},{low:.1f} h6",
    )


def _ends(series: Sequence[Series], places: dict[int, float], y: Scale) -> Iterator[tuple[Look, float, float]]:
    for one in series:
        known = [n for n, value in enumerate(one.values) if math.isfinite(value)]
        if known:
            yield one.look, places[one.users[known[-1]]], y(one.values[known[-1]])


@dataclass(frozen=True, slots=True)
class Stack:
    """What adds up in one column: a part each with its class and its height, from the foot up."""

    users: int
    look: Look
    parts: Sequence[tuple[str, float]]
    words: str  # what is told of it
    inside: str = ""  # written at its foot, where it is wide enough
    above: str = ""
    whisker: tuple[float, float] | None = None
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Columns:
    """A chart of stacked columns, those of one number of users beside each other."""

    name: str
    title: str
    description: str
    stacks: Sequence[Stack]
    tick: Callable[[float], str]
    keys: Sequence[tuple[str, str, str]] = ()  # class, name, and a shorter name of each part, from the foot up
    high: float | None = None  # of the axis
    steps: Sequence[int] = ()
    height: int = 350

    def drawn(self) -> list[Markup]:
        return plot.twice(self.draw)

    def draw(self, wide: bool) -> Markup:
        looks = list(dict.fromkeys(one.look.mark for one in self.stacks))
        users = sorted({one.users for one in self.stacks})
        told = [[one.words for one in self.stacks if one.users == n] for n in users]
        top = plot.head_room(wide, told) + 14 * any(one.above for one in self.stacks)
        height = self.height + top - 28 if wide else 0.78 * self.height + top
        frame = Frame(wide, height, 46, 128 if wide else 94, top)
        tops = [sum(height for _, height in one.parts) for one in self.stacks]
        reach = [one.whisker[1] for one in self.stacks if one.whisker]
        at = plot.ticks(self.high or 1.02 * max([*tops, *reach, 0.0]), 8 if wide else 6)
        y = Scale(at[0], at[-1], frame.foot, frame.top)
        room = (frame.end - frame.left) / max(len(users), 1)
        places = {n: frame.left + room * (place + 0.5) for place, n in enumerate(users)}
        width = min(0.83 * room / max(len(looks), 1), 46)
        parts: list[Content] = [
            *plot.grid(frame, y, at, self.tick),
            *plot.users_axis(frame, list(places.items())),
            [self._column(one, places, looks, (width, room), y) for one in self.stacks],
            tag("line", class_="base", x1=frame.left, x2=frame.end, y1=frame.foot, y2=frame.foot),
            *self._names(frame, y),
            *plot.telling(frame, self._told(places, room)),
        ]
        return plot.svg(self.name, wide, frame.height, self.title, self.description, parts)

    def _column(
        self, one: Stack, places: dict[int, float], looks: list[str], widths: tuple[float, float], y: Scale
    ) -> Markup:
        width, room = widths  # of a column, and of all of one number of users
        left = places[one.users] + width * (looks.index(one.look.mark) - len(looks) / 2) + 1
        middle, wide = left + (width - 2) / 2, width - 2
        bars, at = [], 0.0
        for css, height in one.parts:
            if height > 0:
                bars.append(
                    tag(
                        "rect",
                        class_=css if one.valid else f"{css} not",
                        x=left,
                        y=y(at + height),
                        width=wide,
                        height=y(at) - y(at + height),
                    )
                )
            at += height
        first = one.parts[0][1] if one.parts else 0
        fits = len(one.inside) * plot.LETTER + 2 < wide and y(0) - y(first) > 18
        inside = plot.label(one.inside, middle, y(0) - 7, "middle", "on-bar" if one.valid else "on-bar not")
        above = plot.label(one.above, middle, y(at) - 5, "middle", "tick")
        return tag(
            "g",
            bars,
            _reach(middle, y(one.whisker[0]), y(one.whisker[1])) if one.whisker else None,
            inside if one.inside and fits else None,
            above if one.above and len(one.above) * plot.LETTER + 4 < room else None,
            class_=one.look.css,
            data_series=one.look.mark,
        )

    def _names(self, frame: Frame, y: Scale) -> Iterator[Markup]:
        """Of the parts, at the right of the last column; of the one that has its side's colour, one each side."""
        if not self.stacks:
            return
        last = max(self.stacks, key=lambda one: (one.users, one.look.mark))
        looks = list({one.look.mark: one.look for one in self.stacks}.values())
        keys, at, room = [], 0.0, frame.right - 21
        heights = dict(last.parts)
        for css, *names in self.keys:
            height = heights.get(css, 0.0)
            of_sides = [(look, f"{look.short} ") for look in reversed(looks)] if css == "bar" else []
            for look, who in of_sides if len(of_sides) > 1 else [(last.look, "")]:
                fits = frame.wide and plot.LETTER * len(who + names[0]) <= room
                keys.append((y(at + height / 2), f"{css} {look.css} key", who + names[0 if fits else 1]))
            at += height
        high = frame.foot - frame.top
        up = spread([(frame.foot - place) / high for place, _, _ in keys], 15 / high)
        for (_, css, name), height in zip(keys, up, strict=True):
            here = frame.foot - height * high
            yield tag("rect", class_=css, x=frame.end + 8, y=here - 5, width=9.0, height=9.0)
            yield plot.label(plot.cut(name, room), frame.end + 21, here + 4, css="tick")

    def _told(self, places: dict[int, float], room: float) -> list[Told]:
        return [
            Told(
                x,
                room,
                f"{users:,} users",
                [(one.look.css, one.words) for one in self.stacks if one.users == users],
                f"step-{users}" if users in self.steps else None,
            )
            for users, x in places.items()
        ]


def users_of(looks: Sequence[Look]) -> list[int]:
    return sorted({users for look in looks for users in look.steps})
