"""The report's tables as text: laid out as the article's, a column a number of users and a row a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gatebench.analysis.capacity import FAILURES_PCT, P95_MS
from gatebench.analysis.frames import rows
from gatebench.analysis.gates import Judgement
from gatebench.analysis.runs import AnalysedRun
from gatebench.analysis.trials import Side
from gatebench.analysis.verdict import MEASURES, Verdict
from gatebench.analysis.words import MISSING, count, number, percent

INVALID = "*"

OBJECTIVE = f"<{FAILURES_PCT:g}% failures, p95 ≤ {P95_MS / 1000:g} s"

Runs = Sequence[AnalysedRun]
Shown = Sequence[AnalysedRun | Side]
"""What has a row: a run, or a side with its medians."""


@dataclass(frozen=True, slots=True)
class Table:
    """Every row is as long as the header. `text_columns` of them hold words, the others numbers."""

    header: list[str]
    rows: list[list[str]]
    text_columns: int = 1


def all_users(runs: Shown) -> list[int]:
    return sorted({int(users) for analysed in runs for users in analysed.steps["users"]})


def by_users(runs: Shown, measures: dict[str, tuple[str, Callable[[Any], str]]]) -> Table:
    """A row a measure and run; `measures` is what the row is called -> (column of the steps table, its format)."""
    users = all_users(runs)
    lines = [
        [f"{analysed.label} {name}", *(_cell(analysed.steps, n, column, form) for n in users)]
        for name, (column, form) in measures.items()
        for analysed in runs
    ]
    return Table(["Users", *(str(n) for n in users)], lines)


def _cell(steps: pd.DataFrame, users: int, column: str, form: Callable[[Any], str]) -> str:
    """A dash where the run has no such step, or the step no such number."""
    for _, row in steps[steps["users"] == users].iterrows():
        text = form(row[column])
        return text if row["valid"] or text == MISSING else text + INVALID
    return MISSING


def failure_table(runs: Shown) -> Table:
    return by_users(runs, {"failures": ("failure_pct", percent)})


def late_or_failed_table(runs: Shown) -> Table:
    return by_users(runs, {"late or failed": ("late_or_failed_pct", percent)})


def throughput_table(runs: Shown) -> Table:
    return by_users(runs, {"requests/s": ("rps", number), "requests": ("requests", count)})


def latency_table(runs: Shown) -> Table:
    return by_users(
        runs,
        {
            "p50 ms": ("p50_ms", number),
            "p95 ms": ("p95_ms", number),
            "p99 ms": ("p99_ms", number),
            "max ms": ("max_ms", number),
        },
    )


def spread_table(sides: Sequence[Side]) -> Table:
    """A row a side and measure: lowest to highest over its valid trials; then how many these are."""
    users = all_users(sides)
    measures = {"failures": ("failure_pct", percent), "requests/s": ("rps", number), "p50 ms": ("p50_ms", number),
                "p95 ms": ("p95_ms", number)}  # fmt: skip
    lines = [
        [f"{side.label} {name}", *(_spread_cell(side.steps, n, column, form) for n in users)]
        for name, (column, form) in measures.items()
        for side in sides
    ]
    counts = [[f"{side.label} valid trials", *(_cell(side.steps, n, "trials", count) for n in users)] for side in sides]
    return Table(["Users", *(str(n) for n in users)], [*lines, *counts])


def _spread_cell(steps: pd.DataFrame, users: int, column: str, form: Callable[[Any], str]) -> str:
    for _, row in steps[steps["users"] == users].iterrows():
        low, high = form(row[f"{column}_low"]), form(row[f"{column}_high"])
        return low if low == high else f"{low}–{high}"
    return MISSING


def ratio_table(verdict: Verdict) -> Table:
    """A row a step: the ratio of B to A, and its interval, of each measure."""
    by_step = verdict.ratios.dropna(subset="users")
    names = {column: name for column, name in MEASURES.items() if (by_step["measure"] == column).any()}
    lines = []
    for users, group in by_step.groupby("users"):
        cells = {row.measure: _ratio_cell(row) for row in rows(group)}
        lines.append([str(users), *(cells.get(column, MISSING) for column in names)])
    return Table(["Users", *names.values()], lines, text_columns=0)


def _ratio_cell(row: Any) -> str:
    if pd.isna(row.ratio):
        return MISSING
    return f"{row.ratio:.2f}" + ("" if pd.isna(row.low) else f" ({row.low:.2f}–{row.high:.2f})")


def gates_table(judgements: Sequence[Judgement]) -> Table:
    results = {True: "pass", False: "FAIL", None: "not judged"}
    lines = [[one.gate, one.side, one.value, one.limit, results[one.passed]] for one in judgements]
    return Table(["Gate", "Side", "Worst", "Limit", "Result"], lines, text_columns=5)


def causes_by_users(analysed: AnalysedRun | Side) -> Table:
    """A row a cause, most frequent first."""
    users = [int(n) for n in analysed.steps["users"]]
    lines = []
    for (failure, layer), group in analysed.causes.groupby(["failure", "layer"], sort=False):
        of_step = dict(zip(group["users"], group["failures"], strict=True))
        lines.append([str(failure), str(layer), *(count(of_step.get(n, 0)) for n in users)])
    return Table(["Cause", "Layer", *(str(n) for n in users)], lines, text_columns=2)


def ledger_table(runs: Runs, last_only: bool = False) -> Table:
    """Every reading of the database; of many runs, only each one's last."""
    lines = [
        [
            analysed.label,
            _when(row.step, analysed.steps),
            count(row.votes_attempted),
            count(row.votes_acknowledged),
            count(row.votes_stored),
            count(row.votes_lost),
            count(row.votes_untold),
        ]
        for analysed in runs
        for row in rows(analysed.ledger.tail(1) if last_only else analysed.ledger)
    ]
    header = ["Run", "Read", "Attempted", "Acknowledged", "Stored", "Lost, at least", "Stored untold, at least"]
    return Table(header, lines, text_columns=2)


def _when(step: Any, steps: pd.DataFrame) -> str:
    if pd.isna(step):
        return "after the drain"
    users = steps.loc[steps["step"] == step, "users"]
    return f"after {users.iloc[0]} users" if len(users) else "before the ramp"


def capacity_table(runs: Shown) -> Table:
    lines = [[analysed.label, *_capacity_cells(analysed.capacity)] for analysed in runs]
    objective = f"Users within the objective ({OBJECTIVE})"
    header = ["Run", "Users without a failure", "Requests there", "So the rate is below", objective, "Requests there"]
    return Table(header, lines)


def _capacity_cells(capacity: pd.DataFrame) -> list[str]:
    lines = {row.measure: row for row in rows(capacity)}
    no_failure, objective = lines["no failure"], lines["objective met"]
    return [
        capacity_text(no_failure),
        count(no_failure.requests),
        MISSING if pd.isna(no_failure.requests) else percent_bound(no_failure.requests),
        capacity_text(objective),
        count(objective.requests),
    ]


def capacity_text(row: Any) -> str:
    """Users; whether more might have held, and an asterisk where a step that decides is not valid."""
    if pd.isna(row.users):
        text = "not measured" if row.ramp_ended else "none of its steps"
    else:
        text = f"{row.users}" + (" (end of the ramp)" if row.ramp_ended else "")
    return text if pd.isna(row.invalid_reason) else text + INVALID


def percent_bound(requests: int) -> str:
    """No failure in n requests bounds the rate at 3/n, with 95 % confidence."""
    return f"{min(300 / requests, 100):.2g}%"


def counts_table(runs: Runs) -> Table:
    lines = [
        [
            analysed.label,
            _agreement(analysed.counts.agree),
            count(analysed.counts.recorded),
            _or_missing(analysed.counts.locust),
            count(analysed.counts.unfinished),
            _or_missing(analysed.counts.logged),
            _or_missing(analysed.counts.log_only),
        ]
        for analysed in runs
    ]
    header = ["Run", "Agree", "Recorded", "Locust's total", "Unfinished", "In Nginx's log", "Only in Nginx's log"]
    return Table(header, lines, text_columns=2)


def agreement_table(analysed: AnalysedRun) -> Table | None:
    """A row a step: p50, p95 and p99 of client / Nginx, and how busy the generator was. None without proxy.log."""
    if analysed.latency is None or analysed.latency.empty:
        return None
    lines = []
    for users, group in analysed.latency.groupby("users"):
        pairs = {row.percentile: f"{number(row.client_ms)} / {number(row.nginx_ms)}" for row in rows(group)}
        cpu = group["generator_cpu_pct"].iloc[0]
        lines.append([str(users), *pairs.values(), percent(cpu), _agreement(bool(group["agrees"].all()))])
    return Table(["Users", "p50 ms", "p95 ms", "p99 ms", "Generator's CPU", "Agree"], lines, text_columns=0)


def _agreement(agree: bool) -> str:
    return "yes" if agree else "no"


def _or_missing(value: int | None) -> str:
    return MISSING if value is None else count(value)


def invalid_steps(runs: Runs) -> Iterable[str]:
    """A sentence for each reason why steps of a run are not valid."""
    for analysed in runs:
        for reason, steps in analysed.steps[~analysed.steps["valid"]].groupby("invalid_reason", sort=False):
            users = ", ".join(str(n) for n in steps["users"])
            yield f"{INVALID} {analysed.label} at {users} users is not valid: {reason}."
