"""Where the app server's CPU time goes: its stacks, sampled by py-spy while it is busy. Such a run is not timed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from gatebench.errors import MachineError

# It stops nothing: to stop each thread in turn, as py-spy does otherwise, changes which of them holds the GIL.
SECONDS = 8
RATE_HZ = 200

KeepBusy = Callable[[Callable[[], bool]], int]
"""Sends requests until what it is given says that it is enough; returns how many it sent."""


def sample(pid: int, into: Path, keep_busy: KeepBusy) -> float:
    """Writes the stacks of the threads that hold the GIL, of the process and its children: a line each, its frames from
    the outermost on with semicolons between, and how many samples. Returns the CPU ms per request meanwhile. Raises
    MachineError where it cannot be.
    """
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if program is None:
        raise MachineError("Where CPU time goes was not sampled: py-spy is not installed.")
    with tempfile.TemporaryFile("w+") as output:
        command = [
            program, "record", "--pid", str(pid), "--subprocesses", "--duration", str(SECONDS), "--rate", str(RATE_HZ),
            "--gil", "--nonblocking", "--format", "raw", "--function", "--output", str(into),
        ]  # fmt: skip
        before = _cpu_s(pid)
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process:
            try:
                requests = keep_busy(lambda: process.poll() is not None)
            finally:
                process.terminate()
        used_s = _cpu_s(pid) - before
        output.seek(0)
        lines = [line.strip() for line in output.read().splitlines() if line.strip()]
    if not (into.exists() and into.stat().st_size):
        why = next((line for line in lines if "ermission" in line), lines[-1] if lines else "nothing")
        raise MachineError(f"Where CPU time goes was not sampled: py-spy says “{why}”.")
    return 1000 * used_s / requests


def _cpu_s(pid: int) -> float:
    """Seconds that the process and its children have used."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    times = [process.cpu_times() for process in family]
    return float(sum(used.user + used.system for used in times))
