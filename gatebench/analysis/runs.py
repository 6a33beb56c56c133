"""One run, analysed: from its folder to the data frames that every table and chart is made of."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from gatebench.analysis.agreement import Counts, counts, latency, match
from gatebench.analysis.capacity import capacity
from gatebench.analysis.causes import causes_table, diagnose
from gatebench.analysis.evidence import evidence
from gatebench.analysis.examples import examples
from gatebench.analysis.flow import flow
from gatebench.analysis.frames import last_start, measured, read_requests
from gatebench.analysis.ledger import alarms, ledger
from gatebench.analysis.proxy_log import read_proxy_log
from gatebench.analysis.resources import connections, resources
from gatebench.analysis.samples import Samples, read_samples
from gatebench.analysis.split import splits
from gatebench.analysis.steps import judged, steps_table
from gatebench.analysis.timeline import timeline
from gatebench.analysis.trace import client_view, trace
from gatebench.analysis.validity import validity
from gatebench.errors import MachineError, RunFolderError
from gatebench.records import LedgerReading, Outcome, Run
from gatebench.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class AnalysedRun:
    """What is known of a run. Each frame is described where it is made. Within a Side, `label` is unique."""

    folder: RunFolder
    run: Run
    label: str
    steps: pd.DataFrame
    validity: pd.DataFrame
    resources: pd.DataFrame
    connections: pd.DataFrame
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
    requests = recording.requests
    requests["measured"] = measured(requests, run)
    matched = None if proxy is None else match(requests, proxy)
    samples = read_samples(folder)
    if proxy is None or matched is None:
        failures = diagnose(client_view(requests), traced=False)
    else:
        requests["nginx_ms"] = matched.nginx_ms
        failures = diagnose(trace(requests, proxy, folder, samples), traced=True)
    readings, ledger_damage = _readings(folder)
    votes = ledger(requests, readings)
    steps, checked, used = _steps(requests, run, votes, samples)
    notes = (
        _ending(run),
        recording.damage,
        ledger_damage,
        samples.damage,
        *run.notes,
        _without_proxy_log(proxy),
        _outside(failures),
    )
    return AnalysedRun(
        folder=folder,
        run=run,
        label=str(run.config.get("label", run.id)),
        steps=steps,
        validity=checked,
        resources=used,
        connections=connections(samples, run, last_start(requests)),
        causes=causes_table(failures, run),
        examples=examples(failures),
        ledger=votes,
        capacity=capacity(steps),
        counts=counts(requests, matched, failures, run),
        latency=None if proxy is None else latency(requests, run),
        splits=None if proxy is None else splits(requests, proxy, steps),
        timeline=timeline(requests, run),
        notes=tuple(note for note in notes if note),
        alarms=tuple(alarms(votes, run)),
    )


def _steps(
    requests: pd.DataFrame, run: Run, votes: pd.DataFrame, samples: Samples
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What was measured, step by step; whether it is valid; and what it took of the machine."""
    until = last_start(requests)
    steps, through = steps_table(requests, run, votes), flow(requests, run)
    used = resources(samples, through, run, until)
    checked = validity(evidence(run, steps, through, samples, used, until), run)
    return judged(steps, checked, used), checked, used


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
            return f"This run was interrupted. {run.reason or ''}".strip()
        case Outcome.FAILED:
            return f"This run failed. {run.reason or ''}".strip()


def _without_proxy_log(proxy: pd.DataFrame | None) -> str | None:
    if proxy is not None:
        return None
    return "There is no proxy.log: causes are the client's view only, and Nginx's times cannot be compared."


def _outside(failures: pd.DataFrame) -> str | None:
    n = int((~failures["measured"]).sum())
    return f"{n:,} failures while users were spawned, settled or drained are in no table." if n else None
