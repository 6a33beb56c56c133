"""Every path inside results/<run>/, and the reading and writing of its JSON files.

Writing run.json and votes.json is atomic: a reader, or a run that is killed, finds the old text or the new, never half.
"""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gatebench import INSTALLED, ROOT
from gatebench.errors import MachineError, RunFolderError
from gatebench.records import FORMAT, LedgerReading, Run

OWN_RESULTS = "gatebench-results"
"""The folder in a project of somebody's that its runs are recorded in."""


def _results(here: Path) -> Path:
    """Of the project that we are in, else the checkout's; a package has none of its own."""
    owns = (folder / OWN_RESULTS for folder in (here, *here.parents))
    return next((own for own in owns if own.is_dir()), (here if INSTALLED else ROOT) / "results")


RESULTS = _results(Path.cwd())


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder. Nothing here computes; whoever holds a RunFolder knows where each file is."""

    path: Path

    @property
    def run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def requests(self) -> Path:
        return self.path / "requests.arrows"

    @property
    def load_events(self) -> Path:
        return self.path / "load.jsonl"

    @property
    def proxy_log(self) -> Path:
        return self.path / "proxy.log"

    @property
    def stacks(self) -> Path:
        return self.path / "stacks.txt"

    @property
    def votes_json(self) -> Path:
        return self.path / "votes.json"

    @property
    def resources_csv(self) -> Path:
        return self.path / "resources.csv"

    @property
    def processes_csv(self) -> Path:
        return self.path / "processes.csv"

    @property
    def machine_csv(self) -> Path:
        return self.path / "machine.csv"

    @property
    def database_csv(self) -> Path:
        return self.path / "database.csv"

    @property
    def sessions_csv(self) -> Path:
        return self.path / "sessions.csv"

    @property
    def steps_csv(self) -> Path:
        return self.path / "steps.csv"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def nginx_error_log(self) -> Path:
        return self.logs / "nginx-error.log"

    def log(self, program: str) -> Path:
        return self.logs / f"{program}.log"

    @classmethod
    def create(cls, results: Path, label: str) -> RunFolder:
        """A new, empty folder results/<date>-<time>-<label>/; raises MachineError when it cannot be made."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        try:
            results.mkdir(parents=True, exist_ok=True)
            for suffix in ("", *(f"-{n}" for n in range(2, 100))):
                path = results / f"{stamp}-{label}{suffix}"
                if not path.exists():
                    (path / "logs").mkdir(parents=True)
                    return cls(path)
        except OSError as error:
            raise MachineError(
                f"Cannot write to {results} ({error.strerror}): free space there, or name another folder with RESULTS=."
            ) from error
        raise MachineError(f"A hundred runs began within one second in {results}: try again.")

    def write_run(self, run: Run) -> None:
        _write_json(self.run_json, run.to_json())

    def read_run(self) -> Run:
        """The run's own record; raises RunFolderError when it is missing, damaged or of a newer format."""
        if not self.path.is_dir():
            raise RunFolderError(f"There is no run folder {self.path}: `ls results` shows the runs there are.")
        data = self._read_json(self.run_json)
        if not isinstance(data, dict) or not isinstance(data.get("config"), dict):
            raise RunFolderError(f"{self.run_json} is not the record of a run: leave this folder out.")
        if data.get("format", 0) > FORMAT:
            raise RunFolderError(
                f"{self.run_json} has format {data['format']} and this Gatebench reads up to {FORMAT}: "
                "update Gatebench, then analyse again."
            )
        try:
            return Run.from_json(data)
        except (TypeError, KeyError, ValueError) as error:
            raise RunFolderError(f"{self.run_json} is damaged ({error}): leave this run out.") from error

    def write_votes(self, readings: list[LedgerReading]) -> None:
        _write_json(self.votes_json, [asdict(reading) for reading in readings])

    def read_votes(self) -> list[LedgerReading]:
        """The ledger's readings in order; empty when the run ended before the first."""
        if not self.votes_json.exists():
            return []
        return [LedgerReading(**row) for row in self._read_json(self.votes_json)]

    def _read_json(self, path: Path) -> Any:
        try:
            return json.loads(path.read_text())
        except FileNotFoundError as error:
            raise RunFolderError(f"{path} is missing: this run was cut off before it began, leave it out.") from error
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{path} cannot be read ({error}): leave this run out.") from error


def packed(path: Path) -> Path:
    """What `gzip` makes of a file; a run never writes it."""
    return path.with_name(f"{path.name}.gz")


def contents(path: Path) -> bytes:
    """A file's, unpacked where it is there packed only."""
    if packed(path).exists() and not path.exists():
        return gzip.decompress(packed(path).read_bytes())
    return path.read_bytes()


def _write_json(path: Path, data: Any) -> None:
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(data, indent=2) + "\n")
    os.replace(draft, path)


def recorded(results: Path) -> list[tuple[Run, RunFolder]]:
    """The runs in a results folder that recorded at least one step, oldest first."""
    runs = [(run, folder) for folder, run in _found(results) if isinstance(run, Run) and run.steps]
    return sorted(runs, key=lambda pair: pair[0].started)


def counting(results: Path) -> list[tuple[Run, RunFolder]]:
    """The runs there that counted what is begun for a request, and timed nothing; oldest first."""
    runs = [(run, folder) for folder, run in _found(results) if isinstance(run, Run) and run.counts]
    return sorted(runs, key=lambda pair: pair[0].started)


def passed_over(results: Path) -> list[tuple[RunFolder, str]]:
    """The other runs there, by their folders' names: a sentence on why each is not among the recorded ones."""
    return [(folder, why) for folder, run in _found(results) if (why := _lacking(folder, run))]


def _found(results: Path) -> Iterator[tuple[RunFolder, Run | RunFolderError]]:
    """A folder is a run's when it has run.json or a folder logs/."""
    for path in sorted(results.iterdir()) if results.is_dir() else ():
        if not (path / "run.json").exists() and not (path / "logs").is_dir():
            continue
        folder = RunFolder(path)
        try:
            yield folder, folder.read_run()
        except RunFolderError as error:
            yield folder, error


def _lacking(folder: RunFolder, run: Run | RunFolderError) -> str:
    if isinstance(run, RunFolderError):
        return str(run)
    return (
        ""
        if run.steps or run.counts
        else f"{folder.path} has no step: {run.reason or 'its runner was killed, or is at work.'}"
    )
