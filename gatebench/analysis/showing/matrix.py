"""A matrix in tables: what the terminal shows and matrix.md has. Numbers as a reader sees them stand here once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gatebench.analysis.comparing.held import ALL, MIXED, NONE
from gatebench.analysis.comparing.matrix import Matrix
from gatebench.analysis.comparing.sentences import listed
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.guide import held
from gatebench.analysis.showing.report import Section
from gatebench.analysis.showing.text_tables import Table
from gatebench.analysis.words import MISSING, count, mebibytes, number

TITLE = "Which server, bridge, views and database"

HELD = (
    "Users that a side holds within the objective, over the trials, and the 95 % interval; between two steps it is "
    "interpolated. ≥ and ≤ are bounds: trials that held the complete ramp, or not its first step, count with that. A "
    "rank of 2–5: one side is clearly better, and four others are not clearly worse, that one among them. The "
    "intervals behind the ranks hold together in 95 of 100 such matrices."
)
CHANGED = (
    "Each row compares two sides that were asked for in the same way but for one knob. More users are better, and less "
    "CPU time. The intervals of all pairs of sides hold together, these among them."
)

MANY = 3
"""Sides that a sentence names; the tables have all."""

CONNECTING = {
    "persistent": ("persistent connections", "hold"),
    "per-request": ("connections that are made for each request", "hold"),
    "pgbouncer": ("PgBouncer", "holds"),
    "pool": ("a pool", "holds"),
}
"""DB -> what a sentence calls it, with its verb."""


def sections(matrix: Matrix, notes: Sequence[str], chart: Path | None) -> list[Section]:
    changes = changes_table(matrix.changes)
    return [
        Section(
            "The answer", " ".join(findings(matrix)), [("", ranking(matrix))], [HELD, measured_at(matrix)],
            [chart] if chart else [],
        ),
        *([Section("One thing changed", CHANGED, [("", changes)])] if changes.rows else []),
        Section("What it rests on", remarks=list(notes)),
    ]  # fmt: skip


def measured_at(matrix: Matrix) -> str:
    """What the columns beside the users are of."""
    limit = "Memory, threads and connections that were open at once are the most at the last step that a side held"
    if matrix.load is None:
        return f"{limit}. No step was held by every run, so p95 and CPU time are not compared."
    return (
        f"p95, CPU time of the app server and connections to the database that were opened are at {matrix.load:,} "
        f"users, the most that every run held. {limit}."
    )


def findings(matrix: Matrix) -> list[str]:
    """Who holds the most users, what each way to connect brings, and who is cheapest per request."""
    return [headline(matrix), *_connecting(matrix.changes), *_cheapest(matrix)]


def headline(matrix: Matrix) -> str:
    """As in "WSGI granian holds the most users, 450; WSGI gunicorn is not clearly behind it"."""
    ranked = [row for row in rows(matrix.table) if pd.notna(row.best)]
    if not ranked:
        return "Nothing is shown yet: no step is valid."
    first = ranked[0]
    if first.found in (NONE, MIXED):
        return "Nothing is shown: no side held its first step in every trial."
    if all(row.found == ALL for row in ranked):
        return f"Nothing is shown: every side held {first.tried:,} users, the most that were tried. Give more USERS."
    tied = [row.side for row in ranked[1:] if not matrix.held[first.side, row.side].clear]
    users = " ".join(held(first)).strip()
    return f"{first.side} holds the most users, {users}{_level(tied, 'behind')}."


def _level(sides: Sequence[str], where: str) -> str:
    """The end of a sentence on who is not clearly worse."""
    if not sides:
        return ""
    named = listed(sides) if len(sides) <= MANY else f"{len(sides)} others"
    return f"; {named} {'is' if len(sides) == 1 else 'are'} not clearly {where} it"


def _connecting(changes: pd.DataFrame) -> Iterator[str]:
    """A sentence for each way to connect to the database that is not the usual one."""
    for (value, usual), of_one in changes[changes["knob"] == "DB"].groupby(["value", "usual"], sort=False):
        (what, verb), (instead, _) = CONNECTING[str(value)], CONNECTING[str(usual)]
        known = [row for row in rows(of_one) if users_times(row) != MISSING]
        each = [
            f"{users_times(row)} times {'the users' if n == 0 else 'those'} behind {row.before}"
            for n, row in enumerate(known[:MANY])
        ]
        if each:
            yield f"Instead of {instead}, {what} {verb} {listed(each)}."


def _cheapest(matrix: Matrix) -> Iterator[str]:
    """Of the sides that are as usual: who uses the least CPU time per request, and who is not clearly dearer."""
    changed = {*matrix.changes["side"]}
    known = [row for row in rows(matrix.table) if pd.notna(row.cpu_ms) and row.side not in changed]
    if len(known) < 2:
        return
    known.sort(key=lambda row: float(row.cpu_ms))
    first, *others = known
    tied = [row.side for row in others if not matrix.cpu[row.side, first.side].clear]
    yield (
        f"Of the usual sides {first.side} uses the least CPU time per request, {first.cpu_ms:.1f} ms at "
        f"{matrix.load:,} users{_level(tied, 'above')}."
    )


def ranking(matrix: Matrix) -> Table:
    """A row a side."""
    header = [
        "Rank", "Side", "Users held", "p95 ms", "CPU ms per request", "Opened per request", "Memory", "Threads",
        "Open at once",
    ]  # fmt: skip
    return Table(header, [_ranked(row) for row in rows(matrix.table)], text_columns=2)


def _ranked(row: Any) -> list[str]:
    return [
        rank(row), row.side, " ".join(held(row)).strip(), number(row.p95_ms),
        f"{row.cpu_ms:.2f}" if pd.notna(row.cpu_ms) else MISSING,
        f"{row.db_opened_per_request:.2f}" if pd.notna(row.db_opened_per_request) else MISSING,
        mebibytes(row.rss_bytes), count(row.threads), count(row.db_connections),
    ]  # fmt: skip


def rank(row: Any) -> str:
    """As in "1" or "2–5"."""
    if pd.isna(row.best):
        return MISSING
    return str(row.best) if row.best == row.worst else f"{row.best}–{row.worst}"


def changes_table(changes: pd.DataFrame) -> Table:
    """A row for each two sides that differ in one knob."""
    lines = [
        [
            f"{row.knob}={row.value}", row.before, f"{users_times(row)}{_doubt(row.clear)}",
            f"{cpu_times(row)}{_doubt(row.cpu_clear)}",
        ]
        for row in rows(changes)
    ]  # fmt: skip
    return Table(["Changed", "From", "Users held, times", "CPU time, times"], lines, text_columns=2)


def users_times(row: Any) -> str:
    """As in "1.30 (1.10 to 1.50)"; of a bound its end alone, as in "at least 1.20"."""
    if (row.at_least and row.at_most) or pd.isna(row.times):
        return MISSING
    if row.at_least or row.at_most:
        end = row.low if row.at_least else row.high
        return f"at {'least' if row.at_least else 'most'} {row.times if pd.isna(end) else end:.2f}"
    return f"{row.times:.2f}{_interval(row.low, row.high)}"


def cpu_times(row: Any) -> str:
    return MISSING if pd.isna(row.cpu_times) else f"{row.cpu_times:.2f}{_interval(row.cpu_low, row.cpu_high)}"


def _interval(low: float, high: float) -> str:
    return f" ({low:.2f} to {high:.2f})" if pd.notna(low) else ""


def _doubt(clear: bool) -> str:
    return "" if clear else ", not clear"
