"""What a person sees while a run goes on: a live line on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from gatebench.so_far import Row, SoFar, expected_s
from gatebench.values.run_config import RunConfig
from gatebench.waiting import Waiting
from gatebench.words import number, percent

PLAIN_EVERY_S = 5.0


class Display(Protocol):
    """Shows what a run says of itself."""

    def note(self, text: str) -> None: ...
    def load(self, event: dict[str, Any]) -> None: ...
    def waiting(self) -> Waiting: ...


class Reporter:
    """The one Display: rich on a terminal, else a line each few seconds."""

    def __init__(self, config: RunConfig, console: Console) -> None:
        self._console = console
        self._config = config
        self._so_far = SoFar(config)
        self._begun: float | None = None
        self._last_line = 0.0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=expected_s(config), start=False, left="")

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_bar()

    def note(self, text: str) -> None:
        """A line that stays."""
        _say(self._console, text)

    def waiting(self) -> Waiting:
        return waiting_on(self._console)

    def load(self, event: dict[str, Any]) -> None:
        """One event of load.jsonl."""
        self._so_far.add(event)
        for row in self._so_far.take_whole():
            self.note(step_line(row, len(self._config.users)))
        if event["event"] == "progress":
            self._show(event)
        elif event["event"] == "drain":
            self._stop_bar()
            self.note("Waiting for the last answers …")

    def _stop_bar(self) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def _show(self, event: dict[str, Any]) -> None:
        now = event["time"]
        if self._begun is None:
            self._begun = now
            if self._console.is_terminal:
                self._bar.start()
                self._bar.start_task(self._task)
        steps = len(self._config.users)
        left_s = self._so_far.left_s()
        line = (
            f"step {event['step']}/{steps} {event['phase']:<6}  {event['users']:>4} users  "
            f"{number(self._so_far.rps):>6} requests/s  {event['failures']} failures"
        )
        if self._console.is_terminal:
            passed_s, left = now - self._begun, f"{clock(left_s)} left"
            self._bar.update(self._task, description=line, completed=passed_s, total=passed_s + left_s, left=left)
        elif now - self._last_line >= PLAIN_EVERY_S:
            self._last_line = now
            self.note(f"  {line}  {left_s:.0f} s left")


def waiting_on(console: Console) -> Waiting:
    terminal = console.file if console.is_terminal and not console.quiet else None
    return Waiting(lambda text: _say(console, text), terminal)  # type: ignore[arg-type]


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def step_line(row: Row, steps: int) -> str:
    """Of a step whose requests have all ended, in first numbers: the report counts anew."""
    p95 = "no p95" if row.p95_ms is None else f"p95 {number(row.p95_ms)} ms"
    main_cause = f" ({max(row.causes, key=row.causes.__getitem__)})" if row.causes else ""
    return (
        f"  step {row.number}/{steps}  {row.users:>4} users  {number(row.rps):>6} requests/s  "
        f"{percent(row.failure_pct):>5} failed{main_cause}  {p95}  {row.ended}"
    )


def clock(seconds: float) -> str:
    """Minutes and seconds, as in 4:05."""
    return time.strftime("%-M:%S", time.gmtime(seconds))
