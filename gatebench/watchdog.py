"""Ends what a run has started, however the run itself ends: a process of its own that waits for the runner to go.

The runner tells it, a JSON line each, what it started. When the pipe closes, because the runner is done or because it
was killed, the watchdog ends all of it, newest first. There is no other way down, so each run tries it out.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psutil

from gatebench.errors import MachineError

GRACE_S = 5.0
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C and the like wait until the block is over: nothing is started that the watchdog is not told of.

    They come to the main thread only, so that any other is undisturbed as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    before = {number: signal.signal(number, lambda came, _: caught.append(came)) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if caught:
        raise KeyboardInterrupt


class Watchdog:
    """The runner's end of the pipe. A `lock` stays held until everything is down, so that no run starts before."""

    def __init__(self, lock: IO[Any] | None, log: Path) -> None:
        self.afterwards = contextlib.ExitStack()  # what this process lets go of once everything is down
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gatebench.watchdog"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=[lock.fileno()] if lock else [],
                start_new_session=True,
                cwd=Path(__file__).resolve().parents[1],
            )

    def end_process(self, process: subprocess.Popen[Any], number: signal.Signals = signal.SIGTERM) -> None:
        self._say(pid=process.pid, created=psutil.Process(process.pid).create_time(), signal=int(number))
        self.afterwards.callback(_let_go, process)

    def run_command(self, command: list[str], env: dict[str, str]) -> None:
        """`env` is all of the command's environment."""
        self._say(command=command, env=env)

    def remove_folder(self, folder: Path) -> None:
        self._say(folder=str(folder))

    def end_everything(self) -> bool:
        """Returns when all that was started has been ended; False when something resisted, which its log names."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        with self.afterwards:
            return self._process.wait() == 0

    def _say(self, **what: Any) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise MachineError("The watchdog was killed: run again, and leave it alone.") from error


def _let_go(process: subprocess.Popen[Any]) -> None:
    """Collects a process that has ended, and closes our ends of its pipes."""
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(OSError):  # what it was not sent any more
                pipe.close()
    process.poll()


def main() -> None:
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    started = [json.loads(line) for line in sys.stdin]
    resisted = False
    for what in reversed(started):
        try:
            _end(what)
        except Exception as error:  # the others must come down whatever happens to this one
            resisted = True
            print(f"could not end {what}: {error}", flush=True)
    sys.exit(resisted)


def _end(what: dict[str, Any]) -> None:
    if "pid" in what:
        _end_process(what["pid"], what["created"], what["signal"])
    elif "command" in what:
        subprocess.run(what["command"], env=what["env"], stdin=subprocess.DEVNULL, check=True)
    else:
        shutil.rmtree(what["folder"], ignore_errors=True)  # once more below, to say what would not go
        if Path(what["folder"]).exists():
            shutil.rmtree(what["folder"])


def _end_process(pid: int, created: float, number: int) -> None:
    """Signals a process, and after a grace kills whatever is left of it and of its group."""
    try:
        process = psutil.Process(pid)
        if process.create_time() != created:
            return  # another process by now
        process.send_signal(number)
    except psutil.NoSuchProcess:  # killed by somebody else: its workers have nobody left to tell them
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)
    # By group, not by parent: the workers of a master that was killed have no parent left.
    for survivor in (alive := _still_alive(_group(pid))):
        with contextlib.suppress(psutil.NoSuchProcess):
            survivor.kill()
    if left := _still_alive(alive):
        raise RuntimeError(f"processes that outlive SIGKILL: {', '.join(str(process.pid) for process in left)}")


def _group(pid: int) -> list[psutil.Process]:
    """The processes of the group that a process leads or led."""
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == pid:
                members.append(process)
    return members


def _still_alive(family: list[psutil.Process]) -> list[psutil.Process]:
    """Waits until all of them have ended; those that have not after the grace. A zombie has: its parent is slow."""
    deadline = time.monotonic() + GRACE_S
    while (alive := [process for process in family if _lives(process)]) and time.monotonic() < deadline:
        psutil.wait_procs(alive, timeout=0.05)
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    main()
