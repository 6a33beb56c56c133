"""A guide in tables: what the terminal shows and guide.md has. Numbers as a reader sees them stand here once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gatebench.analysis.comparing.guide import Advice, spoken
from gatebench.analysis.comparing.held import ALL, AT_LEAST, AT_MOST, HELD, MIXED, NONE
from gatebench.analysis.comparing.sentences import listed
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.report import Section
from gatebench.analysis.showing.text_tables import Table
from gatebench.analysis.words import MISSING, mebibytes, number
from gatebench.records import GUIDE_COLUMNS

TITLE = "Which interface for which kind of site"
HOLD = (
    "Users that a site holds within its objective, over the trials, and the 95 % interval. "
    "Where it lies between two steps it is interpolated; a workload's own report has the whole steps. "
    "≥ and ≤ are bounds: trials that held the complete ramp, or not its first step, count with that. "
    "What is held is compared within a row: each workload has an objective of its own."
)
DETAILS = (
    "The median answer (p50) is at the low load that the ramp begins with. CPU per request, memory and threads are of "
    "the app server, at the last step that held."
)


def sections(table: pd.DataFrame, advice: Sequence[Advice], notes: Sequence[str], chart: Path | None) -> list[Section]:
    return [
        Section(
            "The answer", HOLD, [("", users_table(table))],
            [f"{one.workload}: {one.choice.sentence}" for one in advice], [chart] if chart else [],
        ),
        Section("Each workload", DETAILS, [(str(name), details(of_one)) for name, of_one in table.groupby("workload")]),
        Section("What it rests on", remarks=list(notes)),
    ]  # fmt: skip


def headline(advice: Sequence[Advice]) -> str:
    """As in "WSGI for vote; ASGI with async views for live; not proven for cpu": by the plainest of the best."""
    groups: dict[str, list[str]] = {}
    for one in sorted((one for one in advice if one.choice.best), key=_place):
        groups.setdefault(_plainest(one), []).append(one.workload)
    if undecided := [one.workload for one in advice if one.choice.undecided]:
        groups["not proven"] = undecided
    said = "; ".join(f"{side} for {listed(names)}" for side, names in groups.items()) or "Nothing is shown yet"
    return said[0].upper() + said[1:]


def _plainest(one: Advice) -> str:
    if not _either(one):
        return spoken(one.choice.best[0])
    first, *others = map(spoken, one.choice.best)
    under_asgi = [side for side in others if side.startswith("ASGI")]
    if len(under_asgi) == 1:
        return f"{first} or {under_asgi[0]}"
    return "either" if one.choice.best[0] == GUIDE_COLUMNS[0] else f"{first} or ASGI"


def _place(one: Advice) -> tuple[bool, int]:
    return _either(one), GUIDE_COLUMNS.index(one.choice.best[0])


def _either(one: Advice) -> bool:
    """Whether no interface is clearly better."""
    return len({side.partition(",")[0] for side in one.choice.best}) > 1


def users_table(table: pd.DataFrame) -> Table:
    """A row a workload, a column a side."""
    lines = []
    for name, of_one in table.groupby("workload"):
        by_side = {one.side: one for one in rows(of_one)}
        lines.append([str(name), *(" ".join(held(by_side.get(side))).strip() for side in GUIDE_COLUMNS)])
    return Table(["Workload", *GUIDE_COLUMNS], lines)


def held(side: Any) -> tuple[str, str]:
    """What a side holds, and its interval."""
    if side is None:
        return MISSING, ""
    if side.found == HELD:
        interval = "" if pd.isna(side.low) else f"({side.low:,.0f}–{side.high:,.0f})"
        return f"{side.users:,.0f}", interval
    if side.found in (AT_LEAST, AT_MOST):
        return f"{'≥' if side.found == AT_LEAST else '≤'} {side.users:,.0f}", ""
    if side.found == ALL:
        return f"≥ {side.tried:,}", ""
    return {NONE: f"< {side.low_users:,}", MIXED: "mixed"}.get(side.found, "not valid"), ""


DETAIL_COLUMNS = ("Users held", "95 % interval", "p50 ms", "CPU ms per request", "Memory", "Threads", "Trials")


def details(of_one: pd.DataFrame) -> Table:
    """A row a side of one workload."""
    pushed = of_one["update_p95_ms"].notna().any()
    lines = []
    for side in rows(of_one):
        users, interval = held(side)
        own = [number(side.update_p95_ms)] if pushed else []
        lines.append(
            [
                side.side, users, interval.strip("()") or MISSING, number(side.p50_ms), *own,
                f"{side.cpu_ms:.2f}" if pd.notna(side.cpu_ms) else MISSING, mebibytes(side.rss_bytes),
                f"{side.threads:,.0f}" if pd.notna(side.threads) else MISSING, str(side.trials),
            ]
        )  # fmt: skip
    header = list(DETAIL_COLUMNS)
    if pushed:
        header.insert(3, "Update p95 ms")
    return Table(["Side", *header], lines)
