"""What the list of all runs is made of: each run's run.json and steps.csv, and the sentences of earlier analyses."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from gatebench.analysis.steps.objective import Objective
from gatebench.errors import RunFolderError
from gatebench.records import Run
from gatebench.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class StepRow:
    """What the page needs of a row of steps.csv."""

    users: int
    requests: int
    failure_pct: float
    p95_ms: float  # not a number where nothing succeeded, as rps
    update_p95_ms: float  # not a number where nothing is pushed
    rps: float
    valid: bool
    reason: str

    def keeps(self, objective: Objective) -> bool:
        """As Objective.kept of a frame."""
        in_time = self.p95_ms <= objective.p95_ms and not self.update_p95_ms > objective.p95_ms
        return self.failure_pct < objective.failures_pct and in_time


@dataclass(frozen=True, slots=True)
class Entry:
    """A run. `steps` is empty until it is analysed."""

    folder: str  # from the results folder
    run: Run
    steps: tuple[StepRow, ...]

    @property
    def label(self) -> str:
        return self.run.label


@dataclass(frozen=True, slots=True)
class Damaged:
    """A folder that cannot be read, and why."""

    folder: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """What an analysis left: where, and its sentence. Paths are from the results folder."""

    path: str
    made: float
    runs: tuple[str, ...]
    sentence: str  # empty where nothing was compared


def read_reports(results: Path) -> list[Report]:
    """Oldest first; none where the file is missing or damaged: the next analysis makes it again."""
    try:
        found = json.loads((results / "reports.json").read_text())
        return [Report(**{**one, "runs": tuple(one["runs"])}) for one in found]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def read_entries(results: Path) -> tuple[list[Entry], list[Damaged]]:
    """The newest first. A folder is a run's when it has run.json or a folder logs/."""
    entries, damaged = [], []
    for path in sorted(results.iterdir()):
        if not (path / "run.json").exists() and not (path / "logs").is_dir():
            continue
        folder = RunFolder(path)
        try:
            entries.append(Entry(path.name, folder.read_run(), tuple(_steps(folder))))
        except RunFolderError as error:
            damaged.append(Damaged(path.name, str(error)))
    return sorted(entries, key=lambda entry: -entry.run.started), damaged


def _steps(folder: RunFolder) -> Iterator[StepRow]:
    if not folder.steps_csv.exists():
        return
    try:
        with folder.steps_csv.open(newline="") as file:
            for row in csv.DictReader(file):
                if None in row.values():
                    raise ValueError("a row is cut short")
                yield StepRow(
                    users=int(row["users"]),
                    requests=int(row["requests"]),
                    failure_pct=_number(row["failure_pct"]),
                    p95_ms=_number(row["p95_ms"]),
                    update_p95_ms=_number(row.get("update_p95_ms", "")),
                    rps=_number(row["rps"]),
                    valid=row["valid"] == "True",
                    reason=row["invalid_reason"],
                )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunFolderError(
            f"{folder.steps_csv} is damaged ({type(error).__name__}: {error}): analyse this run again."
        ) from error


def _number(text: str) -> float:
    return float(text) if text else math.nan


def held(entry: Entry) -> int | None:
    """How many of the steps, from the first on, kept the objective; None when no step had a request."""
    objective = Objective.of(entry.run)
    kept = [step.keeps(objective) for step in entry.steps if step.requests]
    return ([*kept, False]).index(False) if kept else None


def settings(run: Run) -> str:
    """What was asked of a run, as HTML."""
    config = run.config
    users = config.get("users") or [0]
    app = config.get("workload", {}).get("name") or config.get("app")
    workers = config.get("workers")
    told = [app, config.get("profile"), config.get("stack"), config.get("db"), workers and many(workers, "worker")]
    told.append(f"{users[0]:,} to {users[-1]:,} users" if len(users) > 1 else f"{users[0]:,} users")
    return f"<small>{escape(' · '.join(str(one) for one in told if one))}</small>"


def many(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"
