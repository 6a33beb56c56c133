"""Packages that a project's own environment has not: the server, in folders of our own beside it.

Nothing is ever installed into the project's environment. *front*, before its packages on sys.path, is the server alone;
*back*, after them, is what the server needs, at the project's own versions where it has the package too. They are made
once for each Python, server and set of versions, and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gatebench.errors import MachineError
from gatebench.waiting import Tell

DRIVER = "psycopg"
"""Only where the project has no driver for PostgreSQL: another build of the one that it has would be another driver."""

POOL = "psycopg-pool"
"""Only where connections are pooled."""


@dataclass(frozen=True, slots=True)
class Layers:
    front: Path
    back: Path


def layers(
    python: Path,
    servers: Sequence[str],
    beside: Sequence[str],
    theirs: Mapping[str, str],
    tell: Tell = lambda _: None,
) -> Layers:
    """Of pinned requirements: `servers` alone in front, `beside` with all that both need at the back.

    `theirs` is package -> version of the project's environment. Raises MachineError when they cannot be installed.
    """
    ours = {requirement.partition("==")[0] for requirement in (*servers, *beside)}
    constraints = sorted(f"{name}=={version}" for name, version in theirs.items() if name not in ours)
    tag = _tag(python)
    key = hashlib.sha256(json.dumps([tag, sorted(servers), sorted(beside), constraints]).encode()).hexdigest()[:16]
    home = cache() / "layers" / f"{tag}-{key}"
    if not home.exists():
        tell(f"Installing {', '.join((*servers, *beside))} beside your project, once")
        _make(home, python, servers, beside, constraints)
    return Layers(home / "front", home / "back")


def pinned(names: Sequence[str]) -> list[str]:
    """Each at the version that Gatebench itself has."""
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]


def _make(home: Path, python: Path, servers: Sequence[str], beside: Sequence[str], constraints: Sequence[str]) -> None:
    """All or nothing: a folder that is there is whole."""
    home.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=home.parent))
    try:
        (draft / "constraints.txt").write_text("\n".join(constraints))
        _install(python, draft / "front", ["--no-deps", *servers])
        _install(python, draft / "back", ["--constraint", str(draft / "constraints.txt"), *servers, *beside])
        draft.rename(home)
    except OSError as error:
        if not home.exists():  # another run has made it meanwhile
            raise MachineError(f"Cannot write to {home.parent} ({error.strerror}): free space there.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _install(python: Path, target: Path, what: Sequence[str]) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check"]
    command = [*pip, "install", "--target", str(target), *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = next(
            (line for line in reversed(done.stderr.splitlines()) if line.startswith("ERROR")), done.stderr[-200:]
        )
        raise MachineError(f"{' '.join(what)} cannot be installed for {python} ({last.strip()}): is the network there?")


def _tag(python: Path) -> str:
    """As "cpython-312-x86_64-linux-gnu"."""
    look = "import sysconfig; print(sysconfig.get_config_var('SOABI'))"
    return subprocess.run([str(python), "-c", look], capture_output=True, text=True, check=True).stdout.strip()


def cache() -> Path:
    """The user's, for what is worth keeping between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatebench"
