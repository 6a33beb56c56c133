"""Packages from the index, put into folders and environments that Gatebench makes for itself, and keeps in a cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from gatebench.errors import MachineError


def install(python: Path, what: Sequence[str], target: Path | None = None) -> None:
    """By pip, for an interpreter that need not have it; raises MachineError when it cannot be done."""
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check"]
    command = [*pip, "install", *(["--target", str(target)] if target else []), *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = next(
            (line for line in reversed(done.stderr.splitlines()) if line.startswith("ERROR")), done.stderr[-200:]
        )
        raise MachineError(f"{' '.join(what)} cannot be installed for {python} ({last.strip()}): is the network there?")


def tag(python: Path) -> str:
    """As "cpython-312-x86_64-linux-gnu"."""
    look = "import sysconfig; print(sysconfig.get_config_var('SOABI'))"
    return subprocess.run([str(python), "-c", look], capture_output=True, text=True, check=True).stdout.strip()


def cache() -> Path:
    """The user's, for what is worth keeping between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatebench"


def make_once(home: Path, make: Callable[[Path], None]) -> None:
    """All or nothing: a folder that is there is whole. Raises MachineError."""
    if home.exists():
        return
    home.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=home.parent))
    try:
        make(draft)
        draft.rename(home)
    except OSError as error:
        if not home.exists():  # another run has made it meanwhile
            raise MachineError(f"Cannot write to {home.parent} ({error.strerror}): free space there.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
