"""How many users a side holds, as a mark on an axis of users: with its interval, or an arrow where it may be more."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gatebench.analysis.comparing.held import ALL, AT_LEAST, KNOWN
from gatebench.analysis.showing.guide import held
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.plot import Scale


def users_scale(table: pd.DataFrame, left: float, right: float, wide: bool) -> Scale:
    """Logarithmic, of all users that the table names."""
    ends = [n for name in ("users", "low", "high", "tried", "low_users") for n in table[name].dropna() if n >= 1]
    found = plot.log_ticks(min(ends, default=1.0), max(ends, default=10.0), 9 if wide else 6)
    return Scale(found[0], found[-1], left + 10, right, log=True)


def held_mark(side: Any, mark: str, x: Scale, y: float) -> Markup:
    """A row of GUIDE or MATRIX, with its users in words beside it."""
    words = " ".join(held(side)).strip()
    parts: list[Content] = []
    if side.found in KNOWN:
        at = end = x(side.users)
        if side.found == AT_LEAST:
            parts.append(_reach(at, y))
            end = at + 14
        if pd.notna(side.low):
            end = x(min(side.high, x.high))
            parts.append(tag("line", class_="interval", x1=x(max(side.low, x.low)), x2=end, y1=y, y2=y))
    elif side.found == ALL:
        at, end = x(side.tried), x(side.tried) + 14
        parts.append(_reach(at, y))
    else:
        at = end = x(side.low_users)
    parts.append(plot.point(mark, at, y, side.found in (*KNOWN, ALL)))
    parts.append(plot.label(words, max(end, at) + 9, y + 4, css="tick halo"))
    return tag("g", tag("title", f"{side.side}: {words} users"), parts, class_=f"side-{mark}")


def _reach(x: float, y: float) -> Markup:
    """An arrow: so many, or more."""
    return tag("path", class_="reach", d=f"M{x:.1f},{y:.1f} h16 m-5,-4 l5,4 l-5,4")
