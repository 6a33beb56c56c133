"""Waiting by condition. What does not come true in time is a MachineError that says what was awaited."""

from __future__ import annotations

import http.client
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path

from gatebench.errors import MachineError
from gatebench.loopback import opener

PATIENCE_S = 60.0
LOOK_EVERY_S = 0.05


def wait_until(condition: Callable[[], bool], what: str, dead: Callable[[], str | None], log: Path) -> None:
    """Returns once the condition holds; raises MachineError when something died or patience ran out."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if (sentence := dead()) is not None:
            raise MachineError(f"Waiting for {what}: {sentence}")
        if time.monotonic() > deadline:
            raise MachineError(f"Waited {PATIENCE_S:g} s for {what}; {log} ends:\n{last_lines(log)}")
        time.sleep(LOOK_EVERY_S)


def answers(url: str) -> bool:
    """Whether the address answers 200."""
    try:
        with opener().open(url, timeout=15) as answer:
            return bool(answer.status == http.client.OK)
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return False


def last_lines(path: Path, count: int = 5) -> str:
    """The end of a log, indented; says so when there is none."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join(f"    {line}" for line in lines[-count:]) or "    (it is empty)"
