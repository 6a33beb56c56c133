"""What is said while something takes a while: on a terminal a line that counts, elsewhere one before and one after."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import time

import pytest

from gatebench import ROOT
from gatebench.waiting import Waiting


@pytest.fixture
def said() -> list[str]:
    return []


def test_what_is_short_is_said_when_it_begins(said: list[str]) -> None:
    with Waiting(said.append, None) as tell:
        tell("Building the images")
        tell("Starting the containers")
    assert said == ["Building the images …", "Starting the containers …"]


def test_what_takes_long_is_told_how_long_it_took(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([100.0, 142.4, 142.4, 143.0])
    monkeypatch.setattr("gatebench.waiting.time.monotonic", lambda: next(moments))
    with Waiting(said.append, None) as tell:
        tell("Building the images")
        tell("Starting the containers")
    assert said == ["Building the images …", "  took 42 s", "Starting the containers …"]


def test_a_terminal_has_a_line_that_counts_and_goes_away(said: list[str]) -> None:
    terminal = io.StringIO()
    with Waiting(said.append, terminal) as tell:
        tell("Building the images")
        time.sleep(1.3)
    assert terminal.getvalue() == "\x1b[K  0:01 so far\r\x1b[K"


def test_what_ends_it_early_is_said_by_others(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 60.0])
    monkeypatch.setattr("gatebench.waiting.time.monotonic", lambda: next(moments))
    with contextlib.suppress(KeyboardInterrupt), Waiting(said.append, None) as tell:
        tell("Building the images")
        raise KeyboardInterrupt
    assert said == ["Building the images …"]


def test_make_s_commands_keep_their_exit_code_and_their_output() -> None:
    command = [sys.executable, "-c", "print('made'); raise SystemExit(3)"]
    done = subprocess.run(
        [sys.executable, "-m", "gatebench.waiting", "Making it", *command], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "made\n", "Making it …\n")
