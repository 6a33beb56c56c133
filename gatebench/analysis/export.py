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
        "validity": _stacked(runs, lambda run: run.validity),
        "resources": _stacked(runs, lambda run: run.resources),
        "connections": _stacked(runs, lambda run: run.connections),
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
    """Every run's frame under the other, with the run in front of each row and whether its step is valid behind it."""
    parts = [
        _with_valid(part, run).assign(run=run.run.id, label=run.label)
        for run in runs
        if (part := frame(run)) is not None and not part.empty
    ]
    if not parts:
        return pd.DataFrame(columns=["run", "label"])
    stacked = pd.concat(parts, ignore_index=True)
    return stacked[["run", "label", *stacked.columns.drop(["run", "label"])]]


def _with_valid(part: pd.DataFrame, run: AnalysedRun) -> pd.DataFrame:
    """`valid` is missing where a row is of no step."""
    if "step" not in part or "valid" in part:
        return part
    valid = run.steps.set_index("step")["valid"].astype("boolean")
    return part.assign(valid=part["step"].map(valid))


def _wide(runs: Runs, column: str) -> pd.DataFrame:
    """A row a run and a column a number of users, as in the report. `invalid_at` has the numbers of users, with spaces,
    at which a step is not valid.
    """
    frame = pd.DataFrame([dict(zip(run.steps["users"], run.steps[column], strict=True)) for run in runs])
    frame = frame.sort_index(axis="columns")
    invalid = [" ".join(str(n) for n in run.steps.loc[~run.steps["valid"], "users"]) for run in runs]
    frame.insert(0, "label", [run.label for run in runs])
    return frame.assign(invalid_at=invalid)


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
