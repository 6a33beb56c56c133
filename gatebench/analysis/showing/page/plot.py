"""What charts are made of: scales with their ticks, axes, marks, names at lines' ends, and the layer that tells values.

A chart is drawn twice, so that its text keeps its size: 720 units wide for paper and screens, 344 for a phone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.looks import Look
from gatebench.analysis.showing.spacing import spread

WIDE, NARROW = 720, 344
LETTER = 6.6
"""How wide a letter is, about: names are cut to the room that they have."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the axes are: from left to right and from top to bottom, in units of the drawing."""

    wide: bool
    height: float
    left: float
    right: float  # the room beside the axes
    top: float = 28
    bottom: float = 46

    @property
    def width(self) -> float:
        return WIDE if self.wide else NARROW

    @property
    def end(self) -> float:
        return self.width - self.right

    @property
    def foot(self) -> float:
        return self.height - self.bottom


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places in the drawing, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (math.log(n) if self.log else n for n in (self.low, self.high, max(value, self._least)))
        return self.start + (value - low) / (high - low or 1) * (self.end - self.start)

    @property
    def _least(self) -> float:
        return self.low if self.log else -math.inf


def ticks(high: float, most: int) -> list[float]:
    """Round numbers from 0 to the first that is not below `high`."""
    if high <= 0:
        return [0.0, 1.0]
    unit = 10.0 ** math.floor(math.log10(high / most))
    step = next(unit * n for n in (1, 2, 2.5, 5, 10, 20) if high <= unit * n * most)
    return [step * n for n in range(math.ceil(high / step - 1e-9) + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Those of 1, 2 and 5, or of 1 and 5, or of 1 that are few enough, from the last below `low` to the first above."""
    for steps in ((1, 2, 5), (1, 5), (1,)):
        decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        all_of = [step * 10.0**decade for decade in decades for step in steps]
        below = max(tick for tick in all_of if tick <= low * 1.0001)
        above = min(tick for tick in all_of if tick >= high * 0.9999)
        found = [tick for tick in all_of if below <= tick <= above]
        if len(found) <= most:
            break
    return found if len(found) > 1 else [found[0], found[0] * 10]


def around(limit: float) -> tuple[float, float]:
    """What a logarithmic axis must reach for the line of a limit to stand clear of its foot and its top."""
    return limit / 1.2, limit * 1.2


def apart(places: Sequence[tuple[float, str]], gap: float = 8) -> list[tuple[float, str]]:
    """Labels that are centred at their places, without those that would touch one to their right."""
    shown: list[tuple[float, str]] = []
    free = math.inf
    for x, words in sorted(places, reverse=True):
        half = len(words) * LETTER / 2
        if x + half + gap <= free:
            shown.append((x, words))
            free = x - half
    return shown[::-1]


def some_of(values: Sequence[float], most: int) -> list[float]:
    """Every value, or every second, third, …, so that there are no more than so many, and the last among them."""
    every = -(-len(values) // most) or 1
    return list(values[::-1][::every])[::-1]


def cut(words: str, room: float) -> str:
    most = max(int(room / LETTER), 3)
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def svg(name: str, wide: bool, height: float, title: str, description: str, *content: Content) -> Markup:
    """`name` is unique on the page."""
    which = "wide" if wide else "narrow"
    ids = f"{name}-{which}"
    return tag(
        "svg",
        tag("title", title, id=f"{ids}-t"),
        tag("desc", description, id=f"{ids}-d"),
        content,
        class_=which,
        viewBox=f"0 0 {WIDE if wide else NARROW} {height:g}",
        role="group",
        aria_labelledby=f"{ids}-t",
        aria_describedby=f"{ids}-d",
    )


def twice(draw: Callable[[bool], Markup]) -> list[Markup]:
    return [draw(True), draw(False)]


def label(words: Content, x: float, y: float, anchor: str | None = None, css: str | None = None) -> Markup:
    return tag("text", words, class_=css, x=x, y=y, text_anchor=anchor)


def grid(frame: Frame, scale: Scale, at: Iterable[float], form: Callable[[float], str]) -> Iterator[Markup]:
    """Lines across, with their values on the left; the foot of the axes is drawn stronger."""
    at = list(at)
    yield tag(
        "g",
        [tag("line", x1=frame.left, x2=frame.end, y1=scale(value), y2=scale(value)) for value in at[1:]],
        class_="grid",
    )
    yield tag("g", [label(form(value), frame.left - 7, scale(value) + 4, "end", "tick") for value in at])
    yield tag("line", class_="base", x1=frame.left, x2=frame.end, y1=frame.foot, y2=frame.foot)


def users_axis(frame: Frame, places: Sequence[tuple[int, float]]) -> Iterator[Markup]:
    """`places`: where each number of users stands. Those that have no room are left out."""
    shown = [
        label(words, x, frame.foot + 18, "middle", "tick") for x, words in apart([(x, f"{n:,}") for n, x in places])
    ]
    yield tag("g", shown, label("users", (frame.left + frame.end) / 2, frame.foot + 36, "middle", "tick"))


def line_of(points: Sequence[tuple[float, float] | None]) -> str:
    """A path through the points, broken where one is None."""
    words, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        words.append(f"{pen}{point[0]:.1f},{point[1]:.1f}")
        pen = "L"
    return " ".join(words)


def area_of(points: Sequence[tuple[float, float, float] | None]) -> str:
    """Bands between the second and the third of each (x, low, high), broken where one is None."""
    words: list[str] = []
    run: list[tuple[float, float, float]] = []
    for point in [*points, None]:
        if point is not None:
            run.append(point)
        elif run:
            there = [f"{x:.1f},{low:.1f}" for x, low, _ in run]
            back = [f"{x:.1f},{high:.1f}" for x, _, high in reversed(run)]
            words.append(f"M{' L'.join([*there, *back])} Z")
            run = []
    return " ".join(words)


def point(mark: str, x: float, y: float, valid: bool = True) -> Markup:
    """Each side's mark (see looks.py) has a shape of its own; hollow where the step is not valid."""
    css = "point" if valid else "point not"
    match mark:
        case "b":
            return tag("rect", class_=css, x=x - 4, y=y - 4, width=8.0, height=8.0)
        case "c":
            return tag("path", class_=css, d=f"M{x:.1f},{y - 5:.1f} l5.5,9 h-11 z")
        case "d":
            return tag("path", class_=css, d=f"M{x:.1f},{y - 5.5:.1f} l5.5,5.5 l-5.5,5.5 l-5.5,-5.5 z")
        case _:
            return tag("circle", class_=css, cx=x, cy=y, r=4.5)


def end_labels(frame: Frame, ends: Sequence[tuple[Look, float, float]]) -> Iterator[Markup]:
    """Each named side's name beside its line's end, moved apart where lines end together. The script makes them
    buttons that hide their side.
    """
    ends = [one for one in ends if one[0].named]
    room = frame.foot - frame.top
    gap = 17 / room
    heights = spread([(y - frame.top) / room for _, _, y in ends], gap)
    for (look, _, _), height in zip(ends, heights, strict=True):
        name = look.drawn if frame.wide else look.short
        yield tag(
            "text",
            cut(name, frame.right - 10),
            class_=f"end {look.css}",
            data_series=look.mark,
            data_name=look.name,
            x=frame.end + 10,
            y=frame.top + height * room + 4,
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one place on the x axis: of all, then of each side."""

    x: float
    width: float  # of the strip that shows it
    title: str
    values: Sequence[tuple[str, str]]  # class, words
    step: str | None = None  # the details that it opens, by their id


HINT = {
    True: "Point at a step for its values. By keyboard: Tab, then the arrow keys.",
    False: "Touch a step for its values.",
}


def head_room(wide: bool, values: Sequence[Sequence[str]]) -> float:
    """How much is above the axes: a line for what is told of a step, or a line a value where they do not fit in one."""
    if _in_one_line(wide, values):
        return 28
    return 26 + 15 * max(map(len, values), default=0)


def _in_one_line(wide: bool, values: Sequence[Sequence[str]]) -> bool:
    longest = max((sum(len(words) * LETTER + 14 for words in one) for one in values), default=0)
    return wide and longest < WIDE - 160


def telling(frame: Frame, steps: Sequence[Told], hint: dict[bool, str] = HINT) -> Iterator[Markup]:
    """The layer that shows values above the axes, on hover and on focus."""
    left = frame.left if frame.wide else 2.0
    one_line = _in_one_line(frame.wide, [[words for _, words in step.values] for step in steps])
    yield label(hint[frame.wide], left, 14, css="hint")
    yield tag("g", [_told(frame, step, left, one_line) for step in steps], class_="steps")


def _told(frame: Frame, step: Told, left: float, one_line: bool) -> Markup:
    if one_line:
        values: Content = [tag("tspan", words, class_=css, dx=14.0) for css, words in step.values]
    else:
        room = frame.width - left
        values = [tag("tspan", cut(words, room), class_=css, x=left, dy=15.0) for css, words in step.values]
    foot = frame.foot - frame.top + 30
    return tag(
        "g",
        tag("rect", class_="hit", x=step.x - step.width / 2, y=frame.top - 6, width=step.width, height=foot),
        tag("line", class_="hair", x1=step.x, x2=step.x, y1=frame.top, y2=frame.foot),
        tag("text", step.title, values, class_="readout", x=left, y=14.0 if one_line else 12.0),
        class_="step",
        tabindex="0",
        role="img",
        data_step=step.step,
        aria_label=f"{step.title}: {'; '.join(words for _, words in step.values)}" if step.values else step.title,
    )


def strips(xs: Sequence[float], low: float, high: float) -> list[float]:
    """How wide the strip around each place is, so that they meet half way and stay within the axes."""
    if len(xs) == 1:
        return [high - low]
    nearest = [min(abs(x - other) for other in (*xs[max(n - 1, 0) : n], *xs[n + 1 : n + 2])) for n, x in enumerate(xs)]
    return [min(gap, 2 * (x - low) or gap, 2 * (high - x) or gap) for gap, x in zip(nearest, xs, strict=True)]
