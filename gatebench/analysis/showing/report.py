"""The report as a list of blocks, told once and shown twice: in the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice
from pathlib import Path

from gatebench.analysis.analysed_run import AnalysedRun, Shown
from gatebench.analysis.auditing.agreement import TOLERANCE_MS, TOLERANCE_PCT
from gatebench.analysis.auditing.validity import remarks, unchecked
from gatebench.analysis.comparing import article
from gatebench.analysis.comparing.gates import Judgement
from gatebench.analysis.comparing.settings import Comparison, between, compare_settings
from gatebench.analysis.comparing.sides import Side, all_runs, every_side
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.failures.examples import tell
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing import text_tables
from gatebench.analysis.showing.text_tables import Table
from gatebench.analysis.steps.balance import uneven
from gatebench.analysis.steps.capacity import NO_FAILURE

Runs = Sequence[AnalysedRun]
Sides = Sequence[Side]

ONE_SAMPLE = "One run is one sample: measure again before you build on a difference."

MORE_DIFFERS = "More than the server differs"

EACH_BY_ITSELF = (
    "Each interval of a table by users holds by itself: of twenty such intervals one is wrong. What decides is one "
    "measure, settled beforehand. Steps that are not valid take no part."
)
TOGETHER = "The intervals of these sentences hold together: all of them are right in 95 of 100 such reports."

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


def report(
    sides: Sides,
    verdicts: Sequence[Verdict],
    judgements: Sequence[Judgement],
    charts: dict[str, list[Path]],
    notes: Sequence[str] = (),
) -> list[Section]:
    """`charts` by what they show: failures, throughput, latency, resources, timeline. `notes` are on runs left out.

    Tables by users have a row a side; what is told of single runs has a row or a table a run.
    """
    runs = all_runs(sides)
    comparison = compare_settings(runs)
    many = any(side.spread for side in sides)
    sections = [
        _answer(sides, verdicts, [*notes, *warnings(sides, verdicts)]),
        *_gates(judgements),
        _setup(sides, comparison),
        _failures(sides, charts.get("failures", [])),
        *_trials(sides),
        Section(
            "Late or failed",
            f"Failed, or a success slower than {_late(sides)} ms.",
            [("", text_tables.late_or_failed_table(sides))],
        ),
        _causes(sides),
        Section(
            "Throughput",
            "Successful answers that came in a hold, a second of it: a failure is no throughput. Requests are "
            "those that started in it.",
            [("", text_tables.throughput_table(sides))],
            charts=charts.get("throughput", []),
        ),
        Section(
            "Latency",
            "Of successes only: read it beside the failures.",
            [("", text_tables.latency_table(sides))],
            charts=charts.get("latency", []),
        ),
        *_updates(sides),
        Section(
            "Capacity",
            "The most users before the first step that did not hold.",
            [("", text_tables.capacity_table(sides))],
            ["No failure in n requests bounds the failure rate at 3/n, with 95 % confidence."],
        ),
        _measured(runs, only_faulty=many),
        *_resources(sides, charts.get("resources", [])),
        _ledger(runs, last_only=many),
        _agreement(runs, only_apart=many),
    ]
    if "timeline" in charts:
        sections.append(Section("Second by second", "Settling is shaded.", charts=charts["timeline"]))
    return [*sections, *_fairness(sides, comparison), _settings(comparison)]


def _answer(sides: Sides, verdicts: Sequence[Verdict], remarks: list[str]) -> Section:
    """The verdicts, what each side held, and how far to trust it."""
    section = Section("The answer", answer(sides, verdicts))
    for one in verdicts:
        if len(one.ratios) and one.ratios["low"].notna().any():
            section.tables.append(_compared(one))
    if any(len(one.sides) == 2 for one in verdicts) and section.tables:
        section.remarks.append(EACH_BY_ITSELF)
    if len(verdicts) > 1:
        section.remarks.append(TOGETHER)
    section.remarks.extend(list(dict.fromkeys(remark for one in verdicts for remark in one.remarks)) + remarks)
    return section


def _compared(verdict: Verdict) -> tuple[str, Table]:
    if len(verdict.sides) > 2:
        return f"Ranking by {verdict.measure}, with 95 % intervals", text_tables.ranking_table(verdict)
    second, first = reversed(verdict.sides) if verdict.turned else verdict.sides
    return f"{first.label} / {second.label}, 95 % intervals", text_tables.ratio_table(verdict)


def answer(sides: Sides, verdicts: Sequence[Verdict]) -> str:
    """What all sides have, the verdicts, then a sentence by each measure."""
    said = [f"{one.sentence} {one.beside}".strip() for one in verdicts]
    return " ".join([every_side(sides), *said, *held(sides, verdicts)]).strip()


def held(sides: Sides, verdicts: Sequence[Verdict]) -> list[str]:
    """How many users each side held, and how far to trust it, in sentences."""
    no_failure = "; ".join(f"{side.label} {text_tables.held_text(side, NO_FAILURE)}" for side in sides)
    objective = "; ".join(f"{side.label} {text_tables.held_text(side)}" for side in sides)
    one_sample = not all(side.spread for side in sides) and not any(len(one.ratios) for one in verdicts)
    median = " (median of its trials)" if any(side.spread for side in sides) else ""
    return [
        f"Users held without a failure{median}: {no_failure}.",
        f"Within the objective ({text_tables.objectives(sides)}): {objective}.",
        *[ONE_SAMPLE] * one_sample,
    ]


def _late(sides: Sides) -> str:
    return " / ".join(dict.fromkeys(f"{side.objective.p95_ms:,.0f}" for side in sides))


def _gates(judgements: Sequence[Judgement]) -> list[Section]:
    if not judgements:
        return []
    intro = "Limits that were given. A gate is judged on the worst step; of several trials, on their median."
    return [Section("Gates", intro, [("", text_tables.gates_table(judgements))])]


def _failures(sides: Sides, charts: list[Path]) -> Section:
    runs = all_runs(sides)
    table = text_tables.failure_table(sides)
    remarks = list(text_tables.invalid_steps(runs))
    if article.repeats_the_article([run.run for run in runs]):
        table.rows[:0] = article.published_rows(text_tables.all_users(sides))
        remarks.insert(0, f"Published: {article.SOURCE}.")
    intro = "The share of requests that failed, of those that started while a step was held."
    return Section("Failures", intro, [("", table)], remarks, charts)


def _updates(sides: Sides) -> list[Section]:
    """None where nothing was sent unasked."""
    table = text_tables.updates_table(sides)
    intro = (
        "What was sent unasked within a stream, from when its news was stored to its arrival. Counted are those whose "
        "news was made in a hold; they are no requests, and in no other table."
    )
    return [] if table is None else [Section("Updates", intro, [("", table)])]


def _trials(sides: Sides) -> list[Section]:
    """How far the runs of a side lie apart; nothing when each side is one run."""
    several = [side for side in sides if side.spread]
    if not several:
        return []
    intro = (
        "A side of several trials has the median of its valid ones in every table; this is the lowest and the highest. "
        "tables/steps.csv has each run's own."
    )
    return [Section("Trials", intro, [("", text_tables.spread_table(several))])]


def warnings(sides: Sides, verdicts: Sequence[Verdict]) -> list[str]:
    """What a reader must know before any number."""
    runs = all_runs(sides)
    found = [f"{who}: {note}" for side in sides for who, note in _noted(side)]
    found += [f"ALARM, {run.label}: {alarm}" for run in runs for alarm in run.alarms]
    if invalid := sum(int((~run.steps["valid"]).sum()) for run in runs):
        found.append(f"{_not_valid(invalid, sides)}: see under Failures.")
    for run in runs:
        if late := _late_clock(run):
            found.append(
                f"{run.label}: at {late} users the client's percentiles and Nginx's do not agree within "
                f"{TOLERANCE_PCT:g} % or {TOLERANCE_MS:g} ms: time outside Nginx is in the client's, such as waiting "
                "until Nginx accepts, or a load generator that waits for a core."
            )
    besides = dict.fromkeys(name for a, b in combinations(sides, 2) for name in between(a.runs, b.runs))
    if besides and all(len(one.ratios) for one in verdicts):
        names = ", ".join(besides)
        found.append(f"{MORE_DIFFERS} ({names}): the numbers do not compare servers alone.")
    return found


def _not_valid(n: int, sides: Sides) -> str:
    if any(side.spread for side in sides):
        return f"{n} {'step is' if n == 1 else 'steps are'} not valid and no part of any median"
    return (
        f"{n} step is not valid and carries an asterisk" if n == 1 else f"{n} steps are not valid and carry an asterisk"
    )


def _noted(side: Side) -> Iterator[tuple[str, str]]:
    """Each note once, with whom it is about: the side, where it is about all of its runs."""
    for note in dict.fromkeys(note for run in side.runs for note in run.notes):
        about = [run.label for run in side.runs if note in run.notes]
        yield side.label if len(about) == len(side.runs) else ", ".join(about), note


def _late_clock(run: AnalysedRun) -> str:
    """The steps, by their users, at which the client's clock and Nginx's do not agree."""
    if run.latency is None or run.latency.empty:
        return ""
    return ", ".join(str(users) for users in run.latency.loc[~run.latency["agrees"].astype(bool), "users"].unique())


def _setup(sides: Sides, comparison: Comparison) -> Section:
    essentials = ", ".join(
        f"{name} {comparison.shared[name]}" for name in ESSENTIAL_SETTINGS if name in comparison.shared
    )
    differing = [
        [name, *_by_side(values, sides)]
        for name, values in comparison.differing.items()
        if name not in comparison.sheet
    ]
    if not differing:
        alike = f"The runs differ in nothing that was asked for; they share {essentials}."
        return Section("What was measured", alike if len(all_runs(sides)) > 1 else f"{essentials}.")
    table = Table(["Setting", *(side.label for side in sides)], differing, 1 + len(sides))
    return Section("What was measured", f"The runs share {essentials}.", [("They differ in", table)])


def _by_side(values: list[str], sides: Sides) -> Iterator[str]:
    """A value a side, from one a run. Where its runs differ: all of them, or from the lowest to the highest number."""
    left = iter(values)
    for side in sides:
        different = list(dict.fromkeys(islice(left, len(side.runs))))
        if len(different) > 2 and all(value.isdecimal() for value in different):
            different = [f"{min(different, key=int)} to {max(different, key=int)}"]
        yield " / ".join(different)


def _settings(comparison: Comparison) -> Section:
    lines = [[name, value] for name, value in comparison.shared.items() if name not in comparison.sheet]
    return Section("Settings and versions", "All that the runs share.", [("", Table(["Setting", "Value"], lines, 2))])


def _fairness(sides: Sides, comparison: Comparison) -> Iterator[Section]:
    """What the live processes were given: shared values, then what differs. Nothing when no run recorded it."""
    if not comparison.sheet:
        return
    section = Section("Fairness sheet", "Read from the live processes, once they served.")
    shared = [[name, value] for name, value in comparison.shared.items() if name in comparison.sheet]
    differing = [
        [name, *_by_side(values, sides)] for name, values in comparison.differing.items() if name in comparison.sheet
    ]
    if shared:
        title = "The runs share" if len(all_runs(sides)) > 1 else ""
        section.tables.append((title, Table(["Setting", "Value"], shared, 2)))
    if differing:
        header = ["Setting", *(side.label for side in sides)]
        section.tables.append(("They differ in", Table(header, differing, 1 + len(sides))))
    runs = all_runs(sides)
    section.remarks.extend(f"{run.label}: no fairness sheet was recorded." for run in runs if not run.run.sheet)
    yield section


def _measured(runs: Runs, only_faulty: bool) -> Section:
    """A table a run; of many runs, only of those with a step that is not valid."""
    section = Section(
        "Was the server measured?",
        "A step is valid when nothing but the server decided its numbers. An asterisk is at what makes it invalid; the "
        "reasons stand under Failures.",
    )
    in_none = set.intersection(*(set(unchecked(run.validity)) for run in runs)) if len(runs) > 1 else set()
    if in_none:
        lacking = [name for name in unchecked(runs[0].validity) if name in in_none]
        section.remarks.append(f"No run recorded anything to check these by: {', '.join(lacking)}.")
    for run in runs:
        if not only_faulty or not run.steps["valid"].all():
            section.tables.append((run.label, text_tables.checks_table(run)))
        if lacking := [name for name in unchecked(run.validity) if name not in in_none]:
            section.remarks.append(f"{run.label} recorded nothing to check these by: {', '.join(lacking)}.")
        section.remarks.extend(f"{run.label}: {remark}" for remark in remarks(run.validity, run.steps["requests"]))
    return section


def _resources(sides: Sides, charts: list[Path]) -> Iterator[Section]:
    """Nothing when no run recorded any."""
    section = Section(
        "Resources",
        "CPU ms per request: what a role used in a hold, divided by the requests that ended in it. Memory that "
        "processes share is counted in each of them.",
        charts=charts,
    )
    for title, table in (
        ("CPU ms per request", text_tables.cpu_table(sides)),
        ("Peaks while steps were held", text_tables.peaks_table(sides)),
        ("Database connections, peak of each hold", text_tables.connections_table(sides)),
        ("Database connections opened per request", text_tables.opened_table(sides)),
        ("Answers of the busiest process", text_tables.balance_table(sides)),
    ):
        if table.rows:
            section.tables.append((title, table))
    section.remarks.extend(remark for side in sides for remark in _balance(side))
    section.remarks.extend(f"{side.label}: no resources were recorded." for side in sides if side.resources.empty)
    if section.tables:
        yield section


def _balance(side: Side) -> Iterator[str]:
    """Where one process answered clearly more than its share, at the step where it was most."""
    if len(steps := uneven(side.balance)):
        most = max(rows(steps), key=lambda row: row.busiest_pct)
        yield (
            f"{side.label}: at {most.users:,} users one of {most.processes} processes gave {most.busiest_pct:.0f} % of "
            "the answers. Nginx keeps its connections to the app server, each with the process that accepted it."
        )


def _causes(runs: Sequence[Shown]) -> Section:
    section = Section("Causes", "Failures in the failure table, by what failed and where, step by step.")
    for run in runs:
        if run.causes.empty:
            section.remarks.append(f"{run.label}: no failure.")
            continue
        section.tables.append((run.label, text_tables.causes_by_users(run)))
        section.remarks.extend(_advice(run))
    return section


def _advice(run: Shown) -> Iterator[str]:
    """What to do about each cause, and one of its requests from end to end."""
    example = {(row.failure, row.layer): row for row in rows(run.examples)}
    for row in rows(run.causes.drop_duplicates(["failure", "layer"])):
        yield f"{run.label}, {row.failure}: {row.advice} For example, {tell(example[row.failure, row.layer])}"


def _ledger(runs: Runs, last_only: bool) -> Section:
    intro = "Requests that write, since the ramp began. Acknowledged ≤ stored ≤ attempted must hold."
    remarks = [f"ALARM, {run.label}: {alarm}" for run in runs for alarm in run.alarms]
    remarks += [f"{run.label}: there is no reading of the database." for run in runs if run.ledger.empty]
    return Section("Ledger", intro, [("", text_tables.ledger_table(runs, last_only))], remarks)


def _agreement(runs: Runs, only_apart: bool) -> Section:
    """Of many runs, tables of those only in which client and Nginx do not agree."""
    section = Section(
        "Agreement",
        "The client's record, Locust's total and Nginx's log. Percentiles are of the same successes by client / Nginx, "
        f"and agree within {TOLERANCE_PCT:g} % or {TOLERANCE_MS:g} ms.",
        [("Requests", text_tables.counts_table(runs))],
    )
    for run in runs:
        if (table := text_tables.agreement_table(run)) is not None and not (only_apart and not _late_clock(run)):
            section.tables.append((f"{run.label}, client / Nginx", table))
        if run.counts.unlogged:
            why = ", ".join(f"{n:,} {cause}" for cause, n in run.counts.unlogged.items())
            verdict = "not all of it explained" if run.counts.unexplained else "explained"
            section.remarks.append(f"{run.label}: recorded and not in Nginx's log, {verdict}: {why}.")
    return section
