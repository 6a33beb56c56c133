"""A ladder in tables: what the terminal shows and why.md has. Numbers as a reader sees them stand here once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gatebench.analysis.comparing.ladder import Ladder, on_the_way
from gatebench.analysis.comparing.ratio import Ratio
from gatebench.analysis.comparing.sentences import in_words, listed
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.report import Section
from gatebench.analysis.showing.text_tables import Table
from gatebench.analysis.words import MISSING, number

TITLE = "Why ASGI costs what it costs"
SHIPPED = "as shipped"
"""The rung that the way ends with: ASGI as Django ships it."""

ONE_HOP = "one hop"

HOW = (
    "CPU time of the app server per request, with the most users: all of its processes, over the requests that ended "
    "in the hold. Each row differs from the row that it names in one thing. The interval is of the trials, paired; "
    "those of all rows hold together in 95 of 100 such reports."
)
COUNTS = (
    "What one process begins for each request of the page that it is warmed up with, asked one after the other: "
    "counted in a run of its own, which is not timed."
)
SPENDING = (
    "CPU ms per request by what it is spent on, of one process that is asked for that page by several at once. The "
    "stack of the thread that holds the GIL is sampled 200 times a second, in a run of its own. A sample is of the "
    "innermost part that it is in."
)
FLAME = (
    "What calls what, from above to below. A box is as wide as the CPU time that is spent in a call and in what it "
    "calls. Coloured: what changes threads and waits for them."
)
DIFFERENCE = "The same graph, in red what takes more and in blue what takes less, wherever the function is called from."
LOADS = "Medians over the valid trials. Where a server is not saturated, it serves what is asked for."
REMEDIES = "What each remedy does to the CPU time per request, alone and where others are there already."


def sections(ladder: Ladder, notes: Sequence[str], chart: Path | None) -> list[Section]:
    counts, remedies = ladder.counts, ladder.remedies
    return [
        Section(
            "The answer",
            " ".join(findings(ladder)),
            [("", rungs_table(ladder.table))],
            [*doubt(ladder), HOW],
            [chart] if chart else [],
        ),
        *([Section("Counts", COUNTS, [("", counts_text(counts))])] if len(counts) else []),
        *([Section("Where it goes", SPENDING, [("", spending_text(ladder.spending))])] if len(ladder.spending) else []),
        Section("At each load", LOADS, load_tables(ladder)),
        *([Section("Remedies", REMEDIES, [("", remedies_text(remedies))])] if len(remedies) else []),
        Section("What it rests on", remarks=list(notes)),
    ]


def findings(ladder: Ladder) -> list[str]:
    """Up to three sentences: the CPU time, what is begun for a request, and how many are served."""
    return [headline(ladder.table), *_begun(ladder.counts), *_served(ladder.served)]


def doubt(ladder: Ladder) -> list[str]:
    """A sentence where the most users do not saturate every rung."""
    if not ladder.unsaturated:
        return []
    return [
        f"With {ladder.runs['users'].max():,} users {listed(ladder.unsaturated)} served nearly all that was asked for: "
        "give more USERS to see how much they can serve."
    ]


def headline(table: pd.DataFrame) -> str:
    by_name = {row.rung: row for row in rows(table)}
    found = [name for name in (table["rung"].iloc[0], SHIPPED, ONE_HOP) if name in by_name]
    first, *others = [f"{ms(by_name[name].cpu_ms)}{{}} {_behind(name)}" for name in found]
    costs = listed([first.format(" of CPU time"), *(cost.format("") for cost in others)])
    return f"Per request the app server uses {costs}."


def _begun(counts: pd.DataFrame) -> Iterator[str]:
    by_name = {row.rung: row for row in rows(counts)}
    if SHIPPED not in by_name:
        return
    shipped = by_name[SHIPPED]
    others = [name for name in (ONE_HOP, counts["rung"].iloc[0]) if name in by_name]
    more = [f"{_three(by_name[name])} {_behind(name)}" for name in others]
    yield (
        f"Behind {_of(SHIPPED)} each request is {shipped.submissions:.0f} submissions to "
        f"an executor, {shipped.threads:.0f} threads started and {shipped.wakeups:.0f} wakeups of the event loop"
        f"{''.join(f'; {counts_of}' for counts_of in more)}."
    )


def _three(row: Any) -> str:
    return listed(f"{n:.0f}" for n in (row.submissions, row.threads, row.wakeups))


def _served(served: Mapping[tuple[str, str], Ratio]) -> Iterator[str]:
    ratios = [
        f"{_times(served[name, ONE_HOP])} {'the requests/s' if n == 0 else 'those'} of {_of(name)}"
        for n, name in enumerate(name for name in (SHIPPED, "WSGI") if (name, ONE_HOP) in served)
    ]
    if ratios:
        yield f"With one hop ASGI served {listed(ratios)}."


def _times(ratio: Ratio) -> str:
    """As in "2.5 (2.0 to 3.1) times"."""
    if ratio.value is None:
        return MISSING
    value, *ends = in_words(ratio)
    return f"{value}{f' ({ends[0]} to {ends[1]})' if ends else ''} times"


def _behind(rung: str) -> str:
    return f"behind {_of(rung)}"


def _of(rung: str) -> str:
    return {SHIPPED: f"ASGI {SHIPPED}", ONE_HOP: f"ASGI with {ONE_HOP}"}.get(rung, rung)


def ms(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:.1f} ms"


def rungs_table(table: pd.DataFrame) -> Table:
    """A row a rung, in the order in which they are measured; those that branch off say from which."""
    way = [row.rung for row in on_the_way(table, SHIPPED)] if SHIPPED in set(table["rung"]) else []
    lines = [
        [
            row.rung,
            row.change if row.rung in way else f"from {row.before}: {row.change}",
            f"{row.cpu_ms:.2f}" if pd.notna(row.cpu_ms) else MISSING,
            f"{row.added_ms:+.2f}" if pd.notna(row.added_ms) else MISSING,
            times(row),
        ]
        for row in rows(table)
    ]
    return Table(
        ["Rung", "What differs", "CPU ms per request", "Added", "Times the rung before"], lines, text_columns=2
    )


def times(row: Any) -> str:
    """As in "1.25 (1.10 to 1.42)", and what that shows."""
    if pd.isna(row.times):
        return MISSING
    ends = f" ({row.low:.2f} to {row.high:.2f})" if pd.notna(row.low) else ""
    return f"{row.times:.2f}{ends}{'' if row.clear else ', not clear'}"


def load_tables(ladder: Ladder) -> list[tuple[str, Table]]:
    """A table a measure, with a row a rung and a column a number of users; then what is bounded, and what is not."""
    steps = ladder.steps
    users = sorted(steps["users"].unique())
    measures = {"p50 ms": "p50_ms", "p95 ms": "p95_ms", "Requests/s": "rps", "CPU ms per request": "cpu_ms"}
    found = [
        (name, Table(["Users", *map(str, users)], list(_by_users(steps, column, users))))
        for name, column in measures.items()
    ]
    most = [[row.rung, number(_known(row.threads)), number(_known(row.db_connections))] for row in rows(ladder.table)]
    return [*found, ("The most, with the most users", Table(["Rung", "Threads", "Database connections"], most))]


def _by_users(steps: pd.DataFrame, column: str, users: Sequence[int]) -> Iterator[list[str]]:
    for rung in dict.fromkeys(steps["rung"]):
        own = steps[steps["rung"] == rung].set_index("users")[column]
        yield [str(rung), *(_number(own.get(n), column) for n in users)]


def _number(value: float | None, column: str) -> str:
    if value is None or pd.isna(value):
        return MISSING
    return f"{value:.2f}" if column == "cpu_ms" else number(value)


def counts_text(counts: pd.DataFrame) -> Table:
    header = ["Rung", "Executor submissions", "Threads started", "Wakeups of the loop", "Context switches"]
    lines = [
        [row.rung, *(f"{n:.1f}" for n in (row.submissions, row.threads, row.wakeups, row.switches))]
        for row in rows(counts)
    ]
    return Table(header, lines)


def spending_text(spending: pd.DataFrame) -> Table:
    """A row a rung, a column a part."""
    wide = spending.pivot(index="rung", columns="part", values="ms") if len(spending) else pd.DataFrame()
    parts = list(dict.fromkeys(spending["part"]))
    lines = [
        [rung, *(f"{wide.loc[rung, part]:.2f}" for part in parts), f"{wide.loc[rung].sum():.2f}"]
        for rung in dict.fromkeys(spending["rung"])
    ]
    return Table(["Rung", *(part[0].upper() + part[1:] for part in parts), "In all"], lines)


def remedies_text(remedies: pd.DataFrame) -> Table:
    lines = [
        [row.remedy, row.beside if pd.notna(row.beside) else "nothing", f"{row.before} → {row.rung}", times(row)]
        for row in rows(remedies)
    ]
    return Table(["Remedy", "Beside", "Rungs", "CPU time, times"], lines, text_columns=3)


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
