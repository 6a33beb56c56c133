"""One failed request from end to end: a lane a layer, what was measured filled, what its silence tells dashed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gatebench.analysis.failures.causes import APP_SERVER, CLIENT, DJANGO, NGINX, PGBOUNCER, POSTGRESQL, SERVICE
from gatebench.analysis.failures.trouble import clock
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.plot import Scale
from gatebench.analysis.words import number

NAMES = {
    CLIENT: "client", NGINX: "Nginx", APP_SERVER: "app server", DJANGO: "Django", POSTGRESQL: "PostgreSQL",
    SERVICE: "service", PGBOUNCER: "PgBouncer",
}  # fmt: skip
"""Of each layer's lane, from the client on."""

BEHIND = (APP_SERVER, DJANGO, POSTGRESQL)
"""Of Nginx, in every run. A service has a lane where it failed."""


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
    """`example` is a row of the examples table, of a run with a proxy.log."""

    name: str
    example: Any

    def draw(self, wide: bool) -> Markup:
        elapsed = max(float(self.example.elapsed_ms), 0.1)
        left, right = (92.0, 690.0) if wide else (2.0, 330.0)
        top, height = 30.0, 42.0 if wide else 48.0
        spans = spans_of(self.example)
        foot = top + height * len(spans)
        at = [one for one in plot.ticks(elapsed, 6 if wide else 4) if one <= elapsed * 1.25]
        x = Scale(0, max(at[-1], elapsed), left, right)
        names = plot.apart([(x(ms), f"{ms:,g} ms" if ms == at[-1] else f"{ms:,g}") for ms in at[1:]])
        content: list[Content] = [
            tag("g", [tag("line", x1=x(ms), x2=x(ms), y1=top - 8, y2=foot) for ms in at], class_="grid"),
            plot.label("0", left, top - 14, css="tick"),
            [
                plot.label(words, place, top - 14, "end" if place > right - 20 else "middle", "tick")
                for place, words in names
            ],
            [self._lane(span, n, x, top + height * n, wide) for n, span in enumerate(spans)],
        ]
        said = "; ".join(f"{NAMES[span.layer]}: {span.said}" for span in spans)
        return plot.svg(self.name, wide, foot + 6, "One failed request, from end to end", f"{said}.", content)

    def _lane(self, span: Span, n: int, x: Scale, top: float, wide: bool) -> Iterator[Content]:
        """What is said of the layer, and below it its bar."""
        failed = span.layer == self.example.layer
        y = top + 18
        said = f"{span.said}; failed here" if failed else span.said
        if wide:
            yield plot.label(NAMES[span.layer], 0, y + 10, css="strong" if failed else None)
        else:
            said = f"{NAMES[span.layer]}: {said}"
        yield plot.label(plot.cut(said, x.end - x.start + 20), x.start + 2, top + 12, css="fail" if failed else "note")
        if span.end <= span.start:
            yield tag("line", class_="lane", x1=x.start, x2=x.end, y1=y + 6, y2=y + 6)
            return
        width = max(x(span.end) - x(span.start), 2.0)
        css = "span broken" if span.inferred else "span"
        yield tag("rect", class_=css, x=x(span.start), y=y, width=width, height=13.0)
        if n == 0:
            end = x(span.start) + width
            yield tag("path", class_="cross", d=f"M{end - 5:.1f},{y + 1.5:.1f} l10,10 m0,-10 l-10,10")


def spans_of(example: Any) -> list[Span]:
    moment = f"{clock(example.started)}.{int(example.started * 1000) % 1000:03d}"
    sent = f"{example.method} {example.name}, sent at {moment}: {example.client} after {number(example.elapsed_ms)} ms"
    elapsed = float(example.elapsed_ms)
    client = Span(CLIENT, sent, 0.0, elapsed)
    if not example.logged:
        nginx = Span(NGINX, "its access log has no line of it", 0.0, elapsed, inferred=True)
        return [client, nginx, *(Span(layer, "not reached") for layer in BEHIND)]
    taken = example.before_ms
    passed = taken + example.in_nginx_ms
    over = passed + example.connecting_ms + example.in_app_ms
    nginx = Span(NGINX, f"logged {example.proxy_status} after {number(example.nginx_ms)} ms", taken, max(over, passed))
    return [client, nginx, *_behind(example, passed, over)]


def _behind(example: Any, passed: float, over: float) -> Iterator[Span]:
    """What is known behind Nginx: the app server's time, and what the app said."""
    if over <= passed and pd.isna(example.connect_ms):
        yield from (Span(layer, "not reached") for layer in BEHIND)
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
    if example.layer == SERVICE:
        yield Span(SERVICE, "what the app said of it is below", passed, over, inferred=True)
    if example.layer == PGBOUNCER:
        yield Span(PGBOUNCER, "its log of that second is below", passed, over, inferred=True)
