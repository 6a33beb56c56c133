"""Writes what the analysis found: report.md and tables/*.csv, with numbers as they are and one row a thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.settings import compare_settings
from gatebench.analysis.comparing.sides import Side, all_runs
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.errors import MachineError

Sides = Sequence[Side]


def save_tables(sides: Sides, verdicts: Sequence[Verdict], folder: Path) -> None:
    """One CSV file a table; raises MachineError when it cannot write."""
    frames = {
        "failures": _wide(sides, "failure_pct"),
        "late_or_failed": _wide(sides, "late_or_failed_pct"),
        "sides": _medians(sides),
        "ratios": _ratios(verdicts),
        "steps": _stacked(sides, lambda run: run.steps),
        "validity": _stacked(sides, lambda run: run.validity),
        "resources": _stacked(sides, lambda run: run.resources),
        "connections": _stacked(sides, lambda run: run.connections),
        "causes": _stacked(sides, lambda run: run.causes),
        "splits": _stacked(sides, lambda run: run.splits),
        "ledger": _stacked(sides, lambda run: run.ledger),
        "capacity": _stacked(sides, lambda run: run.capacity),
        "latency_agreement": _stacked(sides, lambda run: run.latency),
        "request_agreement": _stacked(sides, _counts),
        "timeline": _stacked(sides, lambda run: run.timeline),
        "settings": _settings(all_runs(sides)),
    }
    save_frames(frames, folder)


def save_frames(frames: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """One CSV file each, by its name; raises MachineError when it cannot write."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in frames.items():
            frame.to_csv(folder / f"{name}.csv", index=False)
    except OSError as error:
        raise cannot_write(folder, error) from error


def save_text(text: str, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> MachineError:
    return MachineError(
        f"Cannot write {path} ({error.strerror or error}): free space there, or name another folder with --out."
    )


def _stacked(sides: Sides, frame: Callable[[AnalysedRun], pd.DataFrame | None]) -> pd.DataFrame:
    """Every run's frame under the other, with the run, its side and its trial in front of each row and whether its
    step is valid behind it.
    """
    first = ["run", "label", "side", "trial"]
    parts = [
        _with_valid(part, run).assign(run=run.run.id, label=run.label, side=side.name, trial=_trial(run))
        for side in sides
        for run in side.runs
        if (part := frame(run)) is not None and not part.empty
    ]
    if not parts:
        return pd.DataFrame(columns=first)
    stacked = pd.concat(parts, ignore_index=True)
    return stacked[[*first, *stacked.columns.drop(first)]]


def _with_valid(part: pd.DataFrame, run: AnalysedRun) -> pd.DataFrame:
    """`valid` is missing where a row is of no step."""
    if "step" not in part or "valid" in part:
        return part
    valid = run.steps.set_index("step")["valid"].astype("boolean")
    return part.assign(valid=part["step"].map(valid))


def _trial(run: AnalysedRun) -> int | None:
    return run.run.trial.number if run.run.trial else None


def _medians(sides: Sides) -> pd.DataFrame:
    """The steps of each side of several runs: median, lowest and highest of each number, and valid trials."""
    parts = [
        side.steps.assign(label=side.label, side=side.name)[["label", "side", *side.steps.columns]]
        for side in sides
        if side.spread
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["label", "side"])


def _ratios(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """Those of every verdict."""
    parts = [one.ratios for one in verdicts if len(one.ratios)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["a", "b"])


def _wide(sides: Sides, column: str) -> pd.DataFrame:
    """A row a side and a column a number of users, as in the report. `invalid_at` has the numbers of users, with
    spaces, at which no run's step is valid.
    """
    frame = pd.DataFrame([dict(zip(side.steps["users"], side.steps[column], strict=True)) for side in sides])
    frame = frame.sort_index(axis="columns")
    invalid = [" ".join(str(n) for n in side.steps.loc[~side.steps["valid"], "users"]) for side in sides]
    frame.insert(0, "label", [side.label for side in sides])
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


def _settings(runs: Sequence[AnalysedRun]) -> pd.DataFrame:
    comparison = compare_settings(runs)
    rows = {**comparison.differing, **{name: [value] * len(runs) for name, value in comparison.shared.items()}}
    return (
        pd.DataFrame.from_dict(rows, orient="index", columns=[run.label for run in runs])
        .rename_axis("setting")
        .reset_index()
    )
