"""Numbers of a frame as a reader sees them. What is missing there, None or NaN or NA, is a dash."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gatebench import words

MISSING = words.MISSING

NOT_NEWEST = "Not the newest run"
"""How a sentence begins that tells of a run which was passed over."""


def percent(value: Any) -> str:
    return MISSING if pd.isna(value) else words.percent(value)


def whole_percent(value: Any) -> str:
    """May be above 100: of one core, for instance."""
    return MISSING if pd.isna(value) else f"{round(value)}%"


def signed_percent(value: Any) -> str:
    """A change."""
    return MISSING if pd.isna(value) else f"{value:+.0f}%"


def number(value: Any) -> str:
    return MISSING if pd.isna(value) else words.number(value)


def count(value: Any) -> str:
    return MISSING if pd.isna(value) else f"{value:,.0f}"


def mebibytes(value: Any) -> str:
    return MISSING if pd.isna(value) else f"{value / 2**20:,.0f} MiB"
