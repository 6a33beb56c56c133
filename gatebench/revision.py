"""Which Gatebench made a run: its version, and in a git checkout the revision and whether anything was changed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from gatebench import __version__


def code(checkout: Path) -> dict[str, Any]:
    """version; revision and changed, both None outside a git checkout of Gatebench or without git."""
    known: dict[str, Any] = {"version": __version__, "revision": None, "changed": None}
    top = _git(checkout, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != checkout.resolve():  # a checkout of something else that Gatebench lies in
        return known
    changes = _git(checkout, "status", "--porcelain", "--untracked-files=no")
    return known | {
        "revision": _git(checkout, "rev-parse", "HEAD"),
        "changed": None if changes is None else changes != "",
    }


def _git(checkout: Path, *command: str) -> str | None:
    """What git answers; None where it cannot, as without git or where the checkout is somebody else's."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(checkout), *command], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
