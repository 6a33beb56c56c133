"""One run, analysed: from its folder to the data frames that every table and chart is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pandas as pd
import pyarrow as pa

from gatebench.analysis.auditing.agreement import Counts, Match, counts, latency, match
from gatebench.analysis.auditing.evidence import evidence
from gatebench.analysis.auditing.ledger import alarms, ledger
from gatebench.analysis.auditing.validity import validity
from gatebench.analysis.failures.causes import causes_table, diagnose
from gatebench.analysis.failures.examples import examples
from gatebench.analysis.failures.follow import client_view, followed
from gatebench.analysis.failures.split import splits
from gatebench.analysis.reading.frames import comparable, parted, read_requests, timed
from gatebench.analysis.reading.holds import Holds, holds_of, measured
from gatebench.analysis.reading.proxy_log import read_proxy_log
from gatebench.analysis.reading.samples import Samples, read_samples
from gatebench.analysis.steps.balance import balance
from gatebench.analysis.steps.capacity import capacity
from gatebench.analysis.steps.flow import flow
from gatebench.analysis.steps.objective import Objective
from gatebench.analysis.steps.resources import connections, resources
from gatebench.analysis.steps.table import judged, steps_table
from gatebench.analysis.steps.timeline import timeline
from gatebench.analysis.steps.updates import updates_table
from gatebench.errors import MachineError, RunFolderError
from gatebench.records import LedgerReading, Outcome, Run
from gatebench.run_folder import RunFolder

Measured = tuple[Run, pd.DataFrame]
"""A run and its steps table."""


class Shown(Protocol):
    """What has a row in a table, a line in a chart: a run, or a Side with the medians of its runs."""

    @property
    def label(self) -> str: ...
    @property
    def objective(self) -> Objective: ...
    @property
    def steps(self) -> pd.DataFrame: ...
    @property
    def capacity(self) -> pd.DataFrame: ...
    @property
    def causes(self) -> pd.DataFrame: ...
    @property
    def examples(self) -> pd.DataFrame: ...
    @property
    def resources(self) -> pd.DataFrame: ...
    @property
    def connections(self) -> pd.DataFrame: ...
    @property
    def balance(self) -> pd.DataFrame: ...


@dataclass(frozen=True, slots=True)
class AnalysedRun:
    """What is known of a run. Each frame is described where it is made. Within a Side, `label` is unique."""

    folder: RunFolder
    run: Run
    label: str
    objective: Objective
    steps: pd.DataFrame
    validity: pd.DataFrame
    resources: pd.DataFrame
    connections: pd.DataFrame
    balance: pd.DataFrame
    causes: pd.DataFrame
    examples: pd.DataFrame
    ledger: pd.DataFrame
    capacity: pd.DataFrame
    counts: Counts
    latency: pd.DataFrame | None  # None without proxy.log
    splits: pd.DataFrame | None  # None without proxy.log
    timeline: pd.DataFrame
    notes: tuple[str, ...]  # whatever a reader must know beside the numbers, a sentence each
    alarms: tuple[str, ...]  # votes that do not add up


def analyse(folder: RunFolder) -> AnalysedRun:
    """Reads a run folder and computes everything; raises RunFolderError when it holds no run."""
    run = folder.read_run()
    recording = read_requests(folder)
    proxy = read_proxy_log(folder)
    requests, pushes = parted(recording.requests, run)
    holds = holds_of(run, requests)
    requests["measured"] = measured(requests, holds)
    requests["timed"] = timed(requests, run)
    requests["comparable"] = comparable(requests, run)
    matched = None if proxy is None else match(requests, proxy)
    samples = read_samples(folder)
    readings, ledger_damage = _readings(folder)
    votes, objective = ledger(requests, readings, run), Objective.of(run)
    updates = updates_table(pushes, run, holds)
    through = flow(requests, run, holds)
    connected = connections(samples, through, run, holds)
    steps, checked, used = _steps(requests, run, holds, through, votes, updates, samples, connected, objective)
    seconds = timeline(requests, holds)
    if proxy is None or matched is None:
        agreement, parts, failures = None, None, diagnose(client_view(requests), traced=False)
    else:
        requests["nginx_ms"] = matched.nginx_ms
        agreement, parts = latency(requests, run), splits(requests, proxy, steps)
        failures = diagnose(followed(requests, proxy, folder, samples), traced=True)
    shared = balance(proxy, run, holds)
    del proxy  # 300 MB of ten million requests, and nothing below looks at it
    pa.default_memory_pool().release_unused()
    notes = (
        _ending(run),
        *run.troubles,
        recording.damage,
        ledger_damage,
        samples.damage,
        _without_proxy_log(matched),
        _outside(failures),
    )
    return AnalysedRun(
        folder=folder,
        run=run,
        label=run.label,
        objective=objective,
        steps=steps,
        validity=checked,
        resources=used,
        connections=connected,
        balance=shared,
        causes=causes_table(failures, run),
        examples=examples(failures),
        ledger=votes,
        capacity=capacity(steps, objective),
        counts=counts(requests, len(pushes), matched, failures, run),
        latency=agreement,
        splits=parts,
        timeline=seconds,
        notes=tuple(note for note in notes if note),
        alarms=tuple(alarms(votes, run)),
    )


def _steps(
    requests: pd.DataFrame,
    run: Run,
    holds: Holds,
    through: pd.DataFrame,
    votes: pd.DataFrame,
    updates: pd.DataFrame,
    samples: Samples,
    connected: pd.DataFrame,
    objective: Objective,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What was measured, step by step; whether it is valid; and what it took of the machine."""
    steps = steps_table(requests, run, through, votes, updates, objective)
    used = resources(samples, through, run, holds)
    checked = validity(evidence(run, holds, steps, through, samples, used), run)
    return judged(steps, checked, used, connected), checked, used


def kept(folder: RunFolder) -> Measured:
    """A run of which no more is kept than its steps table; raises RunFolderError."""
    try:
        return folder.read_run(), pd.read_csv(folder.steps_csv)
    except FileNotFoundError as error:
        raise RunFolderError(f"{folder.path} has neither requests.arrows nor steps.csv: remove it.") from error


def steps_of(folder: RunFolder) -> Measured:
    """A run with its steps table: of one of which no more is kept than that, that."""
    if not folder.requests.exists():
        return kept(folder)
    analysed = analyse(folder)
    write_steps(analysed)
    return analysed.run, analysed.steps


def write_steps(analysed: AnalysedRun) -> None:
    """steps.csv in the run's own folder; raises MachineError when it cannot be written."""
    try:
        analysed.steps.to_csv(analysed.folder.steps_csv, index=False)
    except OSError as error:
        raise MachineError(f"Cannot write {analysed.folder.steps_csv} ({error.strerror}).") from error


def _readings(folder: RunFolder) -> tuple[list[LedgerReading], str | None]:
    try:
        return folder.read_votes(), None
    except (RunFolderError, TypeError):
        return [], "votes.json is damaged: the votes ledger is left out."


def _ending(run: Run) -> str | None:
    match run.outcome:
        case Outcome.COMPLETE:
            return None
        case Outcome.RUNNING:
            return "This run has no end: the runner was killed, or is still at work."
        case Outcome.INTERRUPTED:
            return f"This run {(run.reason or 'was interrupted.').removeprefix('It ')}"
        case Outcome.FAILED:
            return f"This run failed. {run.reason or ''}".strip()


def _without_proxy_log(matched: Match | None) -> str | None:
    if matched is not None:
        return None
    return "There is no proxy.log: causes are the client's view only, and Nginx's times cannot be compared."


def _outside(failures: pd.DataFrame) -> str | None:
    n = int((~failures["measured"]).sum())
    return f"{n:,} failures while users were spawned, settled or drained are in no table." if n else None
