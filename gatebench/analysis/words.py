"""Numbers as a reader sees them. What is missing is a dash."""

from __future__ import annotations

from typing import Any

import pandas as pd

MISSING = "–"

NOT_NEWEST = "Not the newest run"
"""How a sentence begins that tells of a run which was passed over."""


def percent(value: Any) -> str:
    """0% and 100% are said only of none and of all."""
    if pd.isna(value):
        return MISSING
    if value == 0 or value == 100:
        return f"{value:.0f}%"
    if value < 0.1:
        return "<0.1%"
    if value > 99:
        return ">99%"
    return f"{value:.1f}%" if value < 9.95 else f"{value:.0f}%"


def whole_percent(value: Any) -> str:
    """May be above 100: of one core, for instance."""
    return MISSING if pd.isna(value) else f"{round(value)}%"


def signed_percent(value: Any) -> str:
    """A change."""
    return MISSING if pd.isna(value) else f"{value:+.0f}%"


def number(value: Any) -> str:
    """One decimal below ten, none above."""
    if pd.isna(value):
        return MISSING
    return f"{value:.1f}" if abs(value) < 9.95 else f"{value:,.0f}"


def count(value: Any) -> str:
    return MISSING if pd.isna(value) else f"{value:,.0f}"


def mebibytes(value: Any) -> str:
    return MISSING if pd.isna(value) else f"{value / 2**20:,.0f} MiB"
