"""What the page /gatebench shows of a run, as text. Nothing here knows Locust."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gatebench.records import Run
from gatebench.so_far import BUSY_PCT, RECENT_S, Generator, Row, SoFar
from gatebench.words import number, percent

HEAT = (0, 1, 10, 33, 67)
"""Percent from which on a cell is darker. The first is none at all, the second what an objective usually allows."""

STATES = {"spawn": "starting users", "settle": "settling", "hold": "measuring"}


def view(run: Run, so_far: SoFar) -> dict[str, Any]:
    rows = so_far.rows
    return {
        "run": run.id,
        "label": so_far.config.side.label,
        "trial": f"trial {run.trial.number} of a campaign, side {run.trial.side}" if run.trial else None,
        "stage": _stage(so_far, rows),
        "left_s": round(so_far.left_s()),
        "over": so_far.over,
        "late": f"{so_far.config.side.workload.objective.p95_ms / 1000:g} s",
        "steps": [_step(row, so_far.over) for row in rows],
        "coming": [f"{users:,}" for users in so_far.config.users[len(rows) :]],
        "causes": _causes(rows),
        "generator": _health(so_far.generator),
        "mistakes": [*so_far.mistakes, *([so_far.stopped] if so_far.stopped else [])],
    }


def _stage(so_far: SoFar, rows: Sequence[Row]) -> str:
    if so_far.over:
        return "The load has ended."
    if so_far.draining:
        return "Waiting for the last answers."
    if not rows:
        return "The load begins."
    row = rows[-1]
    where = f"Step {row.number} of {len(so_far.config.users)}, {row.users:,} users"
    return f"{where}: {STATES.get(row.phase, 'measured')}."


def _step(row: Row, over: bool) -> dict[str, Any]:
    return {
        "users": f"{row.users:,}",
        "requests": f"{row.requests:,}",
        "failed": percent(row.failure_pct),
        "failed_heat": _heat(row.failure_pct),
        "late": percent(row.late_or_failed_pct),
        "late_heat": _heat(row.late_or_failed_pct),
        "p95": number(row.p95_ms),
        "rps": number(row.rps),
        "state": row.ended if over or row.phase == "done" else STATES[row.phase],
        "counts": row.phase in ("hold", "done"),
    }


def _heat(pct: float | None) -> int:
    return 0 if pct is None else sum(pct > 0 and pct >= bound for bound in HEAT)


def _causes(rows: Sequence[Row]) -> list[dict[str, str]]:
    """The most frequent first."""
    total = sum((Counter(row.causes) for row in rows), Counter[str]())
    return [
        {
            "cause": name,
            "total": f"{n:,}",
            "where": ", ".join(f"{row.causes[name]:,} at {row.users:,} users" for row in rows if row.causes.get(name)),
        }
        for name, n in total.most_common()
    ]


def _health(generator: Generator) -> dict[str, str | None]:
    if generator.cpu_pct is None:
        return {"trouble": None, "sentence": "Nothing is known of it yet.", "figures": ""}
    trouble = generator.trouble
    sentence = "It does not keep up: part of what is measured now is the generator." if trouble else "It keeps up."
    clock = f"its clock was {number(generator.late_p95_ms)} ms late (p95; up to {generator.bearable_ms:.0f} do no harm)"
    cpu = f"it used {number(generator.cpu_pct)}% of a core (up to {BUSY_PCT} do no harm)"
    figures = f"In the last {RECENT_S:.0f} s {clock}, and {cpu}."
    return {"trouble": trouble, "sentence": sentence, "figures": figures}
