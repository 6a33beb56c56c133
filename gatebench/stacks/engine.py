"""Is there a Docker engine with Compose v2 that answers?"""

from __future__ import annotations

import shutil
import subprocess


def engine_answers() -> bool:
    return why_not() is None


def why_not() -> str | None:
    """What is missing for the compose stack, as the end of a sentence; None when nothing is."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    if not _works("docker", "info"):
        return "the Docker engine does not answer"
    if not _works("docker", "compose", "version"):
        return "docker has no compose (v2)"
    return None


def _works(*command: str) -> bool:
    try:
        return (
            subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=20, check=False).returncode
            == 0
        )
    except subprocess.TimeoutExpired:
        return False
