"""One failed request from end to end: a lane a layer, what was measured filled, what its silence tells dashed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gatebench.analysis.failures.causes import APP_SERVER, CLIENT, DJANGO, NGINX, POSTGRESQL
from gatebench.analysis.failures.trouble import clock
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.plot import Scale
from gatebench.analysis.words import number

NAMES = {CLIENT: "client", NGINX: "Nginx", APP_SERVER: "app server", DJANGO: "Django", POSTGRESQL: "PostgreSQL"}
"""Of each layer's lane, from the client on."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is known of a layer: from when to when (ms) it had the request, if at all. `said` stands in the lane."""

    layer: str
    said: str
    start: float = 0.0
    end: float = 0.0
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Lanes:
    """`example` is a row of the examples table."""

    name: str
    example: Any

    def draw(self, wide: bool) -> Markup:
        elapsed = max(float(self.example.elapsed_ms), 0.1)
        left, right = (92.0, 560.0) if wide else (2.0, 338.0)
        top, height = 34.0, 34.0 if wide else 50.0
        spans = spans_of(self.example)
        foot = top + height * len(spans)
        at = [one for one in plot.ticks(elapsed, 6 if wide else 4) if one <= elapsed * 1.25]
        x = Scale(0, max(at[-1], elapsed), left, right)
        content: list[Content] = [
            tag("g", [tag("line", x1=x(ms), x2=x(ms), y1=top - 8, y2=foot) for ms in at], class_="grid"),
            [
                plot.label(f"{ms:,g}", x(ms), top - 14, "start" if n == 0 else "middle", "tick")
                for n, ms in enumerate(at[:-1])
            ],
            plot.label(f"{at[-1]:,g} ms", x(at[-1]), top - 14, "end" if x(at[-1]) > right - 20 else "middle", "tick"),
            [self._lane(span, n, x, top + height * n, wide) for n, span in enumerate(spans)],
        ]
        said = "; ".join(f"{NAMES[span.layer]}: {span.said}" for span in spans)
        return plot.svg(self.name, wide, foot + 6, "One failed request, from end to end", f"{said}.", content)

    def _lane(self, span: Span, n: int, x: Scale, top: float, wide: bool) -> Iterator[Content]:
        failed = span.layer == self.example.layer
        y = top if wide else top + 18
        if wide:
            yield plot.label(NAMES[span.layer], 0, y + 13, css="strong" if failed else None)
        else:
            yield plot.label(
                f"{NAMES[span.layer]}{': failed here' * failed}", x.start, top + 11, css="fail" if failed else None
            )
        if span.end > span.start:
            width = max(x(span.end) - x(span.start), 2.0)
            css = "span broken" if span.inferred else "span"
            yield tag("rect", class_=css, x=x(span.start), y=y, width=width, height=18.0)
            if n == 0:
                end = x(span.start) + width
                yield tag("path", class_="cross", d=f"M{end - 5:.1f},{y + 4:.1f} l10,10 m0,-10 l-10,10")
        else:
            yield tag("line", class_="lane", x1=x.start, x2=x.end, y1=y + 9, y2=y + 9)
        inside = len(span.said) * plot.LETTER < x(span.end) - x(span.start) - 16
        here = x(span.start) + 8 if inside or span.end <= span.start else x(span.end) + 10
        room = (720 if wide else 342) - here - (130 if wide and failed else 0)
        if room < len(span.said) * plot.LETTER and not inside:
            here, room = x.start + 8, x.end - x.start - 8
        yield plot.label(plot.cut(span.said, room), here, y + 13, css=None if inside else "note")
        if failed and wide:
            yield plot.label("failed here", 720, y + 13, "end", "fail")


def spans_of(example: Any) -> list[Span]:
    moment = f"{clock(example.started)}.{int(example.started * 1000) % 1000:03d}"
    sent = f"{example.method} {example.name}, sent at {moment}: {example.client} after {number(example.elapsed_ms)} ms"
    elapsed = float(example.elapsed_ms)
    client = Span(CLIENT, sent, 0.0, elapsed)
    if pd.isna(example.logged):
        return [client, *(Span(layer, "not known: there is no proxy.log") for layer in list(NAMES)[1:])]
    if not example.logged:
        nginx = Span(NGINX, "its access log has no line of it", 0.0, elapsed, inferred=True)
        return [client, nginx, *(Span(layer, "not reached") for layer in list(NAMES)[2:])]
    taken = example.before_ms
    passed = taken + example.in_nginx_ms
    over = passed + example.connecting_ms + example.in_app_ms
    nginx = Span(NGINX, f"logged {example.proxy_status} after {number(example.nginx_ms)} ms", taken, max(over, passed))
    return [client, nginx, *_behind(example, passed, over)]


def _behind(example: Any, passed: float, over: float) -> Iterator[Span]:
    """What is known behind Nginx: the app server's time, and what the app said."""
    if over <= passed and pd.isna(example.connect_ms):
        yield from (Span(layer, "not reached") for layer in list(NAMES)[2:])
        return
    status = "no status" if example.upstream_status in ("-", "") else str(example.upstream_status)
    yield Span(APP_SERVER, f"gave {status} after {number(over - passed)} ms", passed, over)
    told = isinstance(example.app_line, str)
    for layer in (DJANGO, POSTGRESQL):
        if layer == example.layer:
            yield Span(layer, "its log line is below" if told else "what decides is below", passed, over, inferred=True)
        elif layer == DJANGO and told:
            yield Span(layer, "wrote a line about it", passed, over, inferred=True)
        else:
            yield Span(layer, "keeps no record of single requests")
