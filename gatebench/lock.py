"""One run at a time in a results folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil

from gatebench.errors import BusyError, MachineError

LOOK_EVERY_S = 0.1
CLEANING_S = 30.0


@contextlib.contextmanager
def locked(results: Path) -> Iterator[IO[str]]:
    """Holds the results folder: one run at a time. A run that was killed holds it until its watchdog has cleaned up."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        lock = (results / ".lock").open("a+")
    except OSError as error:
        raise MachineError(
            f"Cannot write to {results} ({error.strerror}): give another folder with RESULTS=."
        ) from error
    with lock:
        deadline = time.monotonic() + CLEANING_S
        while not _take(lock):
            lock.seek(0)
            holder = lock.read().strip()
            if holder.isdecimal() and _runs(int(holder)):
                raise BusyError(
                    f"Another run (process {holder}) is using {results}: wait for it, or stop it with Ctrl-C."
                )
            if time.monotonic() > deadline:
                raise BusyError(
                    f"The run before was killed and its clean-up does not end: see the newest logs in {results}."
                )
            time.sleep(LOOK_EVERY_S)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
