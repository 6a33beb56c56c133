"""What a person sees while a run goes on: a live line on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gatebench.values.run_config import SPAWN_RATE, RunConfig

PLAIN_EVERY_S = 5.0


class Display(Protocol):
    """Shows what a run says of itself."""

    def note(self, text: str) -> None: ...
    def load(self, event: dict[str, Any]) -> None: ...


def expected_s(config: RunConfig) -> float:
    """Seconds that the ramp takes when all goes well: spawning, settling and holding."""
    return config.users[-1] / SPAWN_RATE + len(config.users) * (config.settle_s + config.hold_s)


class Reporter:
    """The one Display: rich on a terminal, else a line each few seconds."""

    def __init__(self, config: RunConfig, console: Console) -> None:
        self._console = console
        self._config = config
        self._begun: float | None = None
        self._last_line = 0.0
        self._before: tuple[float, int] | None = None
        self._rate: float | None = None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=expected_s(config), start=False)

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_bar()

    def note(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def load(self, event: dict[str, Any]) -> None:
        """One event of load.jsonl."""
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
        rate = self._requests_per_s(now, event["requests"])
        steps = len(self._config.users)
        left_s = max(0.0, expected_s(self._config) - (now - self._begun))
        line = (
            f"step {event['step']}/{steps} {event['phase']:<6}  {event['users']:>4} users  {rate:>6} requests/s  "
            f"{event['failures']} failures"
        )
        if self._console.is_terminal:
            self._bar.update(self._task, description=line, completed=now - self._begun)
        elif now - self._last_line >= PLAIN_EVERY_S:
            self._last_line = now
            self.note(f"  {line}  {left_s:.0f} s left")

    def _requests_per_s(self, now: float, requests: int) -> str:
        """Over about the last second, as the display needs it; the analysis reckons its own from the record."""
        if self._before is None:
            self._before = (now, requests)
        elif now - self._before[0] >= 1:
            self._rate = (requests - self._before[1]) / (now - self._before[0])
            self._before = (now, requests)
        return "–" if self._rate is None else f"{self._rate:.0f}"


def clock(seconds: float) -> str:
    """Minutes and seconds, as in 4:05."""
    return time.strftime("%-M:%S", time.gmtime(seconds))
