"""Sentences beside the numbers, for a reader with little room: what weighs most first, what is said alike once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gatebench.analysis.comparing.sides import Side
from gatebench.analysis.words import NOT_NEWEST

LEAST_ALIKE = 3


def by_weight(remarks: Sequence[str]) -> list[str]:
    """Other runs than were meant, alarms, steps that are not valid, then the rest as it was."""
    heavy = (NOT_NEWEST, "ALARM")
    return sorted(remarks, key=lambda one: 0 if one.startswith(heavy) else 1 if "not valid" in one else 2)


def gathered(sentences: Sequence[str], sides: Sequence[Side]) -> list[str]:
    """Of LEAST_ALIKE sentences that say the same of one side's runs, but for figures, the first, and how many more
    there are.
    """
    by_run = {label: side.label for side in sides for label in (side.label, *(run.label for run in side.runs))}
    labels = sorted(by_run, key=len, reverse=True)
    alike: dict[tuple[str, str], list[str]] = {}
    for one in sentences:
        label = next((label for label in labels if label in one), "")
        said = re.sub(r"\d[\d,.]*(?: \d[\d,.]*)*", "0", one.replace(label, "") if label else one)
        alike.setdefault((by_run.get(label, ""), said), []).append(one)
    found: list[str] = []
    for some in alike.values():
        found += some if len(some) < LEAST_ALIKE else [f"{some[0]} The same {len(some) - 1} more times."]
    return found
