"""Writes what the analysis found: report.md and tables/*.csv, with numbers as they are and one row a thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from gatebench.analysis.compare import compare
from gatebench.analysis.runs import AnalysedRun
from gatebench.errors import MachineError

Runs = Sequence[AnalysedRun]


def save_tables(runs: Runs, folder: Path) -> None:
    """One CSV file a table; raises MachineError when it cannot write."""
    frames = {
        "failures": _wide(runs, "failure_pct"),
        "late_or_failed": _wide(runs, "late_or_failed_pct"),
        "steps": _stacked(runs, lambda run: run.steps),
        "causes": _stacked(runs, lambda run: run.causes),
        "ledger": _stacked(runs, lambda run: run.ledger),
        "capacity": _stacked(runs, lambda run: run.capacity),
        "latency_agreement": _stacked(runs, lambda run: run.latency),
        "request_agreement": _stacked(runs, _counts),
        "timeline": _stacked(runs, lambda run: run.timeline),
        "settings": _settings(runs),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in frames.items():
            frame.to_csv(folder / f"{name}.csv", index=False)
    except OSError as error:
        raise cannot_write(folder, error) from error


def save_text(text: str, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> MachineError:
    return MachineError(
        f"Cannot write {path} ({error.strerror or error}): free space there, or name another folder with --out."
    )


def _stacked(runs: Runs, frame: Callable[[AnalysedRun], pd.DataFrame | None]) -> pd.DataFrame:
    """Every run's frame under the other, with the run in front of each row."""
    parts = [
        part.assign(run=run.run.id, label=run.label)[["run", "label", *part.columns]]
        for run in runs
        if (part := frame(run)) is not None and not part.empty
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["run", "label"])


def _wide(runs: Runs, column: str) -> pd.DataFrame:
    """A row a run and a column a number of users, as in the report; steps.csv says which steps are valid."""
    return (
        pd.DataFrame(
            [dict(zip(run.steps["users"], run.steps[column], strict=True)) for run in runs],
            index=pd.Index([run.label for run in runs], name="label"),
        )
        .sort_index(axis="columns")
        .reset_index()
    )


def _counts(run: AnalysedRun) -> pd.DataFrame:
    counts = run.counts
    return pd.DataFrame(
        [
            {
                "recorded": counts.recorded,
                "locust": counts.locust,
                "unfinished": counts.unfinished,
                "logged": counts.logged,
                "log_only": counts.log_only,
                "agree": counts.agree,
            }
        ]
    )


def _settings(runs: Runs) -> pd.DataFrame:
    comparison = compare(runs)
    rows = {**comparison.differing, **{name: [value] * len(runs) for name, value in comparison.shared.items()}}
    return (
        pd.DataFrame.from_dict(rows, orient="index", columns=[run.label for run in runs])
        .rename_axis("setting")
        .reset_index()
    )
