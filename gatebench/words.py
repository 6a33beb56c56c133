"""Numbers as a reader sees them, while a run goes on and in a report. What is missing is a dash."""

from __future__ import annotations

MISSING = "–"


def percent(value: float | None) -> str:
    """0% and 100% are said only of none and of all."""
    if value is None:
        return MISSING
    if value in (0, 100):
        return f"{value:.0f}%"
    if value < 0.1:
        return "<0.1%"
    if value > 99:
        return ">99%"
    return f"{value:.1f}%" if value < 9.95 else f"{value:.0f}%"


def number(value: float | None) -> str:
    """One decimal below ten, none above."""
    if value is None:
        return MISSING
    return f"{value:.1f}" if abs(value) < 9.95 else f"{value:,.0f}"
