"""The report's tables as text: laid out as the article's, a column a number of users and a row a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun, Shown
from gatebench.analysis.auditing.validity import CHECKS, Check
from gatebench.analysis.comparing.gates import Judgement
from gatebench.analysis.comparing.measures import BY_STEP
from gatebench.analysis.comparing.sides import Side
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.steps.capacity import NO_FAILURE, OBJECTIVE_MET, users_held
from gatebench.analysis.words import MISSING, count, mebibytes, number, percent
from gatebench.records import ROLES, SOME_ROLES

INVALID = "*"

Runs = Sequence[AnalysedRun]
AllShown = Sequence[Shown]


@dataclass(frozen=True, slots=True)
class Table:
    """Every row is as long as the header. `text_columns` of them hold words, the others numbers."""

    header: list[str]
    rows: list[list[str]]
    text_columns: int = 1


def all_users(runs: AllShown) -> list[int]:
    return sorted({int(users) for analysed in runs for users in analysed.steps["users"]})


def by_users(runs: AllShown, measures: dict[str, tuple[str, Callable[[Any], str]]]) -> Table:
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
        return _marked(form(row[column]), row["valid"])
    return MISSING


def _marked(text: str, valid: bool) -> str:
    return text if valid or text == MISSING else text + INVALID


def failure_table(runs: AllShown) -> Table:
    return by_users(runs, {"failures": ("failure_pct", percent)})


def late_or_failed_table(runs: AllShown) -> Table:
    return by_users(runs, {"late or failed": ("late_or_failed_pct", percent)})


def throughput_table(runs: AllShown) -> Table:
    return by_users(runs, {"requests/s": ("rps", number), "requests": ("requests", count)})


def latency_table(runs: AllShown) -> Table:
    return by_users(
        runs,
        {
            "p50 ms": ("p50_ms", number),
            "p95 ms": ("p95_ms", number),
            "p99 ms": ("p99_ms", number),
            "max ms": ("max_ms", number),
        },
    )


def updates_table(runs: AllShown) -> Table | None:
    """None where nothing was sent unasked."""
    if not any(analysed.steps["updates"].notna().any() for analysed in runs):
        return None
    return by_users(
        runs,
        {
            "updates": ("updates", count),
            "p50 ms": ("update_p50_ms", number),
            "p95 ms": ("update_p95_ms", number),
            "p99 ms": ("update_p99_ms", number),
            "max ms": ("update_max_ms", number),
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
    """Of two sides, a row a step: the ratio of each measure and its interval, the same way round as in the sentence."""
    by_step = verdict.ratios.dropna(subset="users")
    known = set(by_step.loc[by_step["ratio"].notna(), "measure"])
    names = {column: name for column, name in BY_STEP.items() if column in known}
    lines = []
    for users, group in by_step.groupby("users"):
        cells = {row.measure: _ratio_cell(inverted(row) if verdict.turned else row) for row in rows(group)}
        lines.append([str(users), *(cells.get(column, MISSING) for column in names)])
    return Table(["Users", *names.values()], lines, text_columns=0)


def ranking_table(verdict: Verdict) -> Table:
    """Of more than two sides, a row a side, best first: its rank, and by how much it has more than each other side."""
    decisive = verdict.ratios[verdict.ratios["decides"]]
    cells = {}
    for row in rows(decisive):
        cells[row.b, row.a] = _ratio_cell(row)
        cells[row.a, row.b] = _ratio_cell(inverted(row))
    labels = [rank.label for rank in verdict.ranks]
    lines = [
        [rank.label, str(rank), *(cells.get((rank.label, other), MISSING) for other in labels)]
        for rank in verdict.ranks
    ]
    return Table(["Side", "Rank", *(f"/ {label}" for label in labels)], lines)


def inverted(row: Any) -> Any:
    """A row of ratios, the other way round."""
    return row._replace(ratio=1 / row.ratio, low=1 / row.high, high=1 / row.low)


def _ratio_cell(row: Any) -> str:
    if pd.isna(row.ratio):
        return MISSING
    return f"{row.ratio:.2f}" + ("" if pd.isna(row.low) else f" ({row.low:.2f}–{row.high:.2f})")


def gates_table(judgements: Sequence[Judgement]) -> Table:
    results = {True: "pass", False: "FAIL", None: "not judged"}
    lines = [[one.gate, one.side, one.value, one.limit, results[one.passed]] for one in judgements]
    return Table(["Gate", "Side", "Worst", "Limit", "Result"], lines, text_columns=5)


def causes_by_users(analysed: Shown) -> Table:
    """A row a cause, most frequent first."""
    steps = list(rows(analysed.steps))
    lines = []
    for (failure, layer), group in analysed.causes.groupby(["failure", "layer"], sort=False):
        of_step = dict(zip(group["users"], group["failures"], strict=True))
        lines.append(
            [str(failure), str(layer), *(_marked(count(of_step.get(row.users, 0)), row.valid) for row in steps)]
        )
    return Table(["Cause", "Layer", *(str(row.users) for row in steps)], lines, text_columns=2)


def ledger_table(runs: Runs, last_only: bool = False) -> Table:
    """Every reading of the database; of many runs, only each one's last."""
    lines = [
        [
            analysed.label,
            row.name,
            _when(row.step, analysed.steps),
            count(row.votes_attempted),
            count(row.votes_acknowledged),
            count(row.votes_stored),
            count(row.votes_lost),
            count(row.votes_untold),
        ]
        for analysed in runs
        for row in rows(analysed.ledger.groupby("name").tail(1) if last_only else analysed.ledger)
    ]
    header = [
        "Run",
        "Request",
        "Read",
        "Attempted",
        "Acknowledged",
        "Stored",
        "Lost, at least",
        "Stored untold, at least",
    ]
    return Table(header, lines, text_columns=3)


def _when(step: Any, steps: pd.DataFrame) -> str:
    if pd.isna(step):
        return "after the drain"
    for row in rows(steps[steps["step"] == step]):
        return _marked(f"after {row.users} users", row.valid)
    return "before the ramp"


def objectives(runs: AllShown) -> str:
    """As "<1% failures, p95 ≤ 1 s"; each, where they are not all measured by one."""
    return " / ".join(dict.fromkeys(str(one.objective) for one in runs))


def capacity_table(runs: AllShown) -> Table:
    lines = [[analysed.label, *_capacity_cells(analysed.capacity)] for analysed in runs]
    within = f"Users within the objective ({objectives(runs)})"
    header = ["Run", "Users without a failure", "Requests there", "So the rate is below", within, "Requests there"]
    return Table(header, lines)


def _capacity_cells(capacity: pd.DataFrame) -> list[str]:
    no_failure, objective = users_held(capacity, NO_FAILURE), users_held(capacity)
    return [
        capacity_text(no_failure),
        count(no_failure.requests),
        MISSING if pd.isna(no_failure.requests) else percent_bound(no_failure.requests),
        capacity_text(objective),
        count(objective.requests),
    ]


def held_text(run: Shown, measure: str = OBJECTIVE_MET) -> str:
    return capacity_text(users_held(run.capacity, measure))


def capacity_text(row: Any) -> str:
    """Users; whether more might have held, and an asterisk where a step that decides is not valid."""
    if pd.isna(row.users):
        text = "not measured" if row.ramp_ended else "none of its steps"
    else:
        text = f"{row.users:,}" + (" (end of the ramp)" if row.ramp_ended else "")
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
    valid = analysed.steps.set_index("users")["valid"]
    for users, group in analysed.latency.groupby("users"):
        pairs = {row.percentile: f"{number(row.client_ms)} / {number(row.nginx_ms)}" for row in rows(group)}
        cpu = group["generator_cpu_pct"].iloc[0]
        line = [*pairs.values(), percent(cpu), _agreement(bool(group["agrees"].all()))]
        lines.append([_marked(str(users), valid[users]), *line])
    return Table(["Users", "p50 ms", "p95 ms", "p99 ms", "Generator's CPU", "Agree"], lines, text_columns=0)


def _agreement(agree: bool) -> str:
    return "yes" if agree else "no"


def _or_missing(value: int | None) -> str:
    return MISSING if value is None else count(value)


def checks_table(analysed: AnalysedRun) -> Table:
    """A row a check, with an asterisk at what it does not let pass."""
    judged = list(rows(analysed.validity))
    lines = [[check.name, *(_checked(check, row) for row in judged)] for check in CHECKS]
    lines.append(["Valid", *("yes" if row.valid else "no" + INVALID for row in judged)])
    return Table(["Users", *(str(row.users) for row in judged)], lines)


def _checked(check: Check, row: Any) -> str:
    return _marked(check.show(row), check.reason(row) is None) if check.made(row) else MISSING


def cpu_table(runs: AllShown) -> Table:
    """A row a run and role: CPU ms per request; then what all of the run's roles use together."""
    users = all_users(runs)
    lines = []
    for run in runs:
        wide = run.resources.pivot(index="users", columns="role", values="cpu_ms_per_request")
        if wide.empty:
            continue
        roles = [role for role in (*ROLES, *SOME_ROLES) if role in ROLES or role in wide]
        wide = wide[roles]
        wide = wide.assign(**{"in all": wide.sum(axis="columns", skipna=False)}).reset_index()
        frame = wide.merge(run.steps[["users", "valid"]], on="users")
        lines += [
            [f"{run.label} {part}", *(_cell(frame, n, part, number) for n in users)] for part in (*roles, "in all")
        ]
    return Table(["Users", *(str(n) for n in users)], lines)


def peaks_table(runs: AllShown) -> Table:
    """A row a run and role: the most of a whole run's holds."""
    lines = [
        [run.label, str(role), *_peaks(run, group)]
        for run in runs
        for role, group in run.resources.groupby("role", sort=False)
        if group["processes"].notna().any()
    ]
    return Table(["Run", "Role", "Memory", "Processes", "Threads", "Sockets"], lines, text_columns=2)


def _peaks(run: Shown, of_role: pd.DataFrame) -> list[str]:
    """An asterisk where the most was in a step that is not valid."""
    valid = run.steps.set_index("step")["valid"]
    cells = []
    for name, form in (("rss_bytes", mebibytes), ("processes", count), ("threads", count), ("sockets", count)):
        most = of_role[name].max()
        cells.append(_marked(form(most), pd.isna(most) or valid[of_role.loc[of_role[name] == most, "step"]].any()))
    return cells


def opened_table(runs: AllShown) -> Table:
    """A row a run: the connections to the database that were opened in each hold, per request."""
    users = all_users(runs)
    lines = [
        [run.label, *(_cell(run.steps, n, "db_opened_per_request", number) for n in users)]
        for run in runs
        if run.steps["db_opened_per_request"].notna().any()
    ]
    return Table(["Users", *(str(n) for n in users)], lines)


def connections_table(runs: AllShown) -> Table:
    """A row a run: the peak of its database connections in each hold, and the limits."""
    users = all_users(runs)
    lines = []
    for run in runs:
        if run.connections["db_connections"].isna().all():
            continue
        frame = run.connections.merge(run.steps[["users", "valid"]], on="users")
        limits = frame.iloc[0]
        cells = [_cell(frame, n, "db_connections", count) for n in users]
        lines.append([run.label, *cells, count(limits["db_pool_limit"]), count(limits["db_limit"])])
    header = ["Users", *(str(n) for n in users), "the pools' limit", "PostgreSQL's limit"]
    return Table(header, lines)


def balance_table(runs: AllShown) -> Table:
    """A row a run: which share of a hold's answers the busiest process of the app server gave."""
    users = all_users(runs)
    lines = []
    for run in runs:
        if len(run.balance):
            frame = run.balance.merge(run.steps[["users", "valid"]], on="users")
            even = percent(100 / float(frame["processes"].max()))
            lines.append([run.label, *(_cell(frame, n, "busiest_pct", percent) for n in users), even])
    return Table(["Users", *(str(n) for n in users), "an even share"], lines)


def invalid_steps(runs: Runs) -> Iterator[str]:
    """A sentence for each reason why steps of a run are not valid."""
    for analysed in runs:
        for reason, steps in analysed.steps[~analysed.steps["valid"]].groupby("invalid_reason", sort=False):
            users = ", ".join(str(n) for n in steps["users"])
            yield f"{INVALID} {analysed.label} at {users} users is not valid, because {reason}."
