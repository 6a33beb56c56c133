"""What takes a while, and for how long already: `python -m gatebench.waiting "Installing …" pip install …`.

Only the standard library: make calls it before anything is installed.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TextIO

LONG_S = 5.0
"""What takes longer is told how long it took."""

Tell = Callable[[str], None]


class Waiting:
    """A context in which something takes a while. It gives a function that is told what begins: a line says so, and on
    a terminal another one below it counts the seconds.
    """

    def __init__(self, say: Tell, terminal: TextIO | None) -> None:
        self._say = say
        self._terminal = terminal
        self._since: float | None = None
        self._over = threading.Event()
        self._counter: threading.Thread | None = None

    def __enter__(self) -> Tell:
        return self._begin

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        took_s = self._stop()
        if error is None:
            self._tell_how_long(took_s)

    def _begin(self, doing: str) -> None:
        self._tell_how_long(self._stop())
        self._say(f"{doing} …")
        self._since = time.monotonic()
        if self._terminal is not None:
            self._over.clear()
            self._counter = threading.Thread(target=self._count, args=(self._terminal, self._since), daemon=True)
            self._counter.start()

    def _count(self, terminal: TextIO, since: float) -> None:
        while not self._over.wait(1):
            minutes, seconds = divmod(round(time.monotonic() - since), 60)
            terminal.write(f"\x1b[K  {minutes}:{seconds:02} so far\r")  # what others write begins at the line's begin
            terminal.flush()

    def _stop(self) -> float:
        """The seconds since something began; 0 when nothing has."""
        if self._counter is not None and self._terminal is not None:
            self._over.set()
            self._counter.join()
            self._counter = None
            self._terminal.write("\x1b[K")
            self._terminal.flush()
        took_s = 0.0 if self._since is None else time.monotonic() - self._since
        self._since = None
        return took_s

    def _tell_how_long(self, took_s: float) -> None:
        if took_s >= LONG_S:
            self._say(f"  took {took_s:.0f} s")


def main(doing: str, command: Sequence[str]) -> int:
    """The command's exit code."""

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        with Waiting(say, sys.stderr if sys.stderr.isatty() else None) as tell:
            tell(doing)
            return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
