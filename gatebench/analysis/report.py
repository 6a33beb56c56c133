"""The report as a list of blocks, told once and shown twice: in the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gatebench.analysis import tables
from gatebench.analysis.agreement import TOLERANCE_MS, TOLERANCE_PCT
from gatebench.analysis.compare import Comparison, compare
from gatebench.analysis.examples import tell
from gatebench.analysis.frames import rows
from gatebench.analysis.runs import AnalysedRun
from gatebench.analysis.steps import LATE_MS
from gatebench.analysis.tables import Table
from gatebench.analysis.validity import remarks, unchecked

Runs = Sequence[AnalysedRun]

ESSENTIAL_SETTINGS = (
    "profile", "stack", "db", "workers", "settle_s", "hold_s", "timeout_s", "app django", "app python", "app driver",
    "app database", "machine cores",
)  # fmt: skip
"""What a reader must know to read a number; the rest is at the report's end."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a sentence on how to read it, then tables (each with a title or none), remarks and pictures."""

    title: str
    intro: str = ""
    tables: list[tuple[str, Table]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    charts: list[Path] = field(default_factory=list)  # as the report refers to them


def report(runs: Runs, charts: dict[str, list[Path]], notes: Sequence[str] = ()) -> list[Section]:
    """`charts` by what they show: failures, throughput, latency, resources, timeline. `notes` are on runs left out."""
    comparison = compare(runs)
    sections = [
        Section("The answer", answer(runs), remarks=[*notes, *warnings(runs, comparison)]),
        _setup(runs, comparison),
        Section(
            "Failures",
            "The share of requests that failed, of those that started while a step was held.",
            [("", tables.failure_table(runs))],
            list(tables.invalid_steps(runs)),
            charts.get("failures", []),
        ),
        Section(
            "Late or failed",
            f"Failed, or a success slower than {LATE_MS:,} ms.",
            [("", tables.late_or_failed_table(runs))],
        ),
        _causes(runs),
        Section(
            "Throughput",
            "Successful requests a second: a failure is no throughput.",
            [("", tables.throughput_table(runs))],
            charts=charts.get("throughput", []),
        ),
        Section(
            "Latency",
            "Of successes only: read it beside the failures.",
            [("", tables.latency_table(runs))],
            charts=charts.get("latency", []),
        ),
        Section(
            "Capacity",
            "The most users before the first step that did not hold.",
            [("", tables.capacity_table(runs))],
            ["No failure in n requests bounds the failure rate at 3/n, with 95 % confidence."],
        ),
        _measured(runs),
        *_resources(runs, charts.get("resources", [])),
        _ledger(runs),
        _agreement(runs),
    ]
    if "timeline" in charts:
        sections.append(Section("Second by second", "Settling is shaded.", charts=charts["timeline"]))
    return [*sections, *_fairness(runs, comparison), _settings(comparison)]


def answer(runs: Runs) -> str:
    """A sentence by each measure, and how far to trust it."""
    no_failure = "; ".join(f"{run.label} {_held(run, 'no failure')}" for run in runs)
    objective = "; ".join(f"{run.label} {_held(run, 'objective met')}" for run in runs)
    return (
        f"Users held without a failure: {no_failure}. Within the objective ({tables.OBJECTIVE}): {objective}. "
        "One run is one sample: measure again before you build on a difference."
    )


def _held(analysed: AnalysedRun, measure: str) -> str:
    lines = [row for row in rows(analysed.capacity) if row.measure == measure]
    return tables.capacity_text(lines[0])


def warnings(runs: Runs, comparison: Comparison) -> list[str]:
    """What a reader must know before any number."""
    found = [f"{run.label}: {note}" for run in runs for note in run.notes]
    found += [f"ALARM, {run.label}: {alarm}" for run in runs for alarm in run.alarms]
    if invalid := sum(int((~run.steps["valid"]).sum()) for run in runs):
        are = "step is not valid and carries" if invalid == 1 else "steps are not valid and carry"
        found.append(f"{invalid} {are} an asterisk: see under Failures.")
    for run in runs:
        if late := _late_clock(run):
            found.append(
                f"{run.label}: at {late} users the client's percentiles and Nginx's differ by more than "
                f"{TOLERANCE_PCT:g} %: time outside Nginx is in the client's, such as a load generator that waits for "
                "a core."
            )
    if comparison.besides_server:
        names = ", ".join(comparison.besides_server)
        found.append(f"More than the server differs ({names}): the numbers do not compare servers alone.")
    return found


def _late_clock(run: AnalysedRun) -> str:
    """The steps, by their users, at which the client's clock and Nginx's do not agree."""
    if run.latency is None or run.latency.empty:
        return ""
    return ", ".join(str(users) for users in run.latency.loc[~run.latency["agrees"].astype(bool), "users"].unique())


def _setup(runs: Runs, comparison: Comparison) -> Section:
    essentials = ", ".join(
        f"{name} {comparison.shared[name]}" for name in ESSENTIAL_SETTINGS if name in comparison.shared
    )
    if len(runs) == 1:
        return Section("What was measured", f"{essentials}.")
    differing = Table(
        ["Setting", *(run.label for run in runs)],
        [[name, *values] for name, values in comparison.differing.items() if name not in comparison.sheet],
        1 + len(runs),
    )
    return Section("What was measured", f"The runs share {essentials}.", [("They differ in", differing)])


def _settings(comparison: Comparison) -> Section:
    lines = [[name, value] for name, value in comparison.shared.items() if name not in comparison.sheet]
    return Section("Settings and versions", "All that the runs share.", [("", Table(["Setting", "Value"], lines, 2))])


def _fairness(runs: Runs, comparison: Comparison) -> Iterator[Section]:
    """What the live processes were given: shared values, then what differs. Nothing when no run recorded it."""
    if not comparison.sheet:
        return
    section = Section("Fairness sheet", "Read from the live processes, once they served.")
    shared = [[name, value] for name, value in comparison.shared.items() if name in comparison.sheet]
    differing = [[name, *values] for name, values in comparison.differing.items() if name in comparison.sheet]
    if shared:
        title = "The runs share" if len(runs) > 1 else ""
        section.tables.append((title, Table(["Setting", "Value"], shared, 2)))
    if differing:
        header = ["Setting", *(run.label for run in runs)]
        section.tables.append(("They differ in", Table(header, differing, 1 + len(runs))))
    section.remarks.extend(f"{run.label}: no fairness sheet was recorded." for run in runs if not run.run.sheet)
    yield section


def _measured(runs: Runs) -> Section:
    section = Section(
        "Was the server measured?",
        "A step is valid when nothing but the server decided its numbers. An asterisk is at what makes it invalid; the "
        "reasons stand under Failures.",
    )
    for run in runs:
        section.tables.append((run.label, tables.checks_table(run)))
        if lacking := unchecked(run.validity):
            section.remarks.append(f"{run.label} recorded nothing to check these by: {', '.join(lacking)}.")
        section.remarks.extend(f"{run.label}: {remark}" for remark in remarks(run.validity, run.steps["requests"]))
    return section


def _resources(runs: Runs, charts: list[Path]) -> Iterator[Section]:
    """Nothing when no run recorded any."""
    section = Section(
        "Resources",
        "CPU ms a request: what a role used in a hold, divided by the requests that ended in it. Memory that "
        "processes share is counted in each of them.",
        charts=charts,
    )
    for title, table in (
        ("CPU ms a request", tables.cpu_table(runs)),
        ("Peaks while steps were held", tables.peaks_table(runs)),
        ("Database connections, peak of each hold", tables.connections_table(runs)),
    ):
        if table.rows:
            section.tables.append((title, table))
    section.remarks.extend(f"{run.label}: no resources were recorded." for run in runs if run.resources.empty)
    if section.tables:
        yield section


def _causes(runs: Runs) -> Section:
    section = Section("Causes", "Failures in the failure table, by what failed and where, step by step.")
    for run in runs:
        if run.causes.empty:
            section.remarks.append(f"{run.label}: no failure.")
            continue
        section.tables.append((run.label, tables.causes_by_users(run)))
        section.remarks.extend(_advice(run))
    return section


def _advice(run: AnalysedRun) -> Iterator[str]:
    """What to do about each cause, and one of its requests from end to end."""
    example = {(row.failure, row.layer): row for row in rows(run.examples)}
    for row in rows(run.causes.drop_duplicates(["failure", "layer"])):
        yield f"{run.label}, {row.failure}: {row.advice} For example, {tell(example[row.failure, row.layer])}"


def _ledger(runs: Runs) -> Section:
    intro = "Votes since the ramp began. Acknowledged ≤ stored ≤ attempted must hold."
    remarks = [f"ALARM, {run.label}: {alarm}" for run in runs for alarm in run.alarms]
    remarks += [f"{run.label}: there is no reading of the database." for run in runs if run.ledger.empty]
    return Section("Votes ledger", intro, [("", tables.ledger_table(runs))], remarks)


def _agreement(runs: Runs) -> Section:
    section = Section(
        "Agreement",
        "The client's record, Locust's total and Nginx's log. Percentiles are of the same successes by client / Nginx, "
        f"and agree within {TOLERANCE_PCT:g} % or {TOLERANCE_MS:g} ms.",
        [("Requests", tables.counts_table(runs))],
    )
    for run in runs:
        if (table := tables.agreement_table(run)) is not None:
            section.tables.append((f"{run.label}, client / Nginx", table))
        if run.counts.unlogged:
            why = ", ".join(f"{n:,} {cause}" for cause, n in run.counts.unlogged.items())
            verdict = "not all of it explained" if run.counts.unexplained else "explained"
            section.remarks.append(f"{run.label}: recorded and not in Nginx's log, {verdict}: {why}.")
    return section
