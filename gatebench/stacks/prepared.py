"""What set-up leaves behind, kept while a campaign lasts: each run of the same app begins with a copy of it.

Migrations and demo data can take longer than a step, and every run then starts from the very same data.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from gatebench.errors import MachineError
from gatebench.values.side import Side
from gatebench.watchdog import Watchdog, undisturbed


class Prepared:
    """`password` is that of every copy's database."""

    def __init__(self, home: Path) -> None:
        self.password = secrets.token_urlsafe(24)
        self._home = home

    def folder(self, side: Side) -> Path:
        """What set-up has left for a side; not there before it has been kept. The server makes no difference."""
        app = replace(side.workload.app, front=(), back=())
        workload = replace(side.workload, app=app)
        decides = [
            asdict(workload),
            asdict(side.footing),
            dict(side.env),
            side.environment and asdict(side.environment),
        ]
        return self._home / hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:16]

    def keep(self, side: Side, made: Path) -> None:
        """All or nothing: a folder that is there is whole."""
        draft = self._home / "draft"
        copy(made, draft)
        draft.rename(self.folder(side))


@contextlib.contextmanager
def prepared() -> Iterator[Prepared]:
    """It is gone afterwards, however this process ends."""
    watchdog = Watchdog(None, Path(os.devnull))
    try:
        with undisturbed():
            home = Path(tempfile.mkdtemp(prefix="gatebench-prepared-"))
            watchdog.remove_folder(home)
        yield Prepared(home)
    finally:
        watchdog.end_everything()


def copy(source: Path, target: Path) -> None:
    """With owners and modes: PostgreSQL looks at both. Raises MachineError."""
    done = subprocess.run(["cp", "-a", str(source), str(target)], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["cp said nothing"])[-1]
        raise MachineError(f"What set-up made cannot be copied ({said}): free space in {target.parent}.")
