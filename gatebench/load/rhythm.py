"""How users alternate between rounds and thinking, as Locust lets them: measured, whatever a locustfile declares."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, field
from typing import Any

from locust import TaskSet


@dataclass(slots=True)
class Rhythm:
    """Of all users since they began: `rounds` begun, and the seconds that they thought."""

    rounds: int = 0
    _thought_s: float = 0.0
    _since: dict[int, float] = field(default_factory=dict)

    def listen(self) -> None:
        """From now on; once a process."""
        execute, sleep = TaskSet.execute_next_task, TaskSet._sleep

        @functools.wraps(execute)
        def counted(tasks: Any) -> None:
            self.rounds += 1
            execute(tasks)

        @functools.wraps(sleep)
        def thinking(tasks: Any, seconds: float) -> None:
            self._since[id(tasks)] = began = time.monotonic()
            try:
                sleep(tasks, seconds)
            finally:
                self._thought_s += time.monotonic() - began
                del self._since[id(tasks)]

        TaskSet.execute_next_task, TaskSet._sleep = counted, thinking

    def thought_s(self) -> float:
        """With what those who are thinking right now have thought so far."""
        now = time.monotonic()
        return self._thought_s + sum(now - began for began in self._since.values())
