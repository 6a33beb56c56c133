"""When a step has settled, so that what is measured from then on is steady: decided as answers come in.

A step has settled when three response times have passed since its users ran, and neither the throughput nor the
response time has an initial transient left: the rule is MSER (White 1997; White, Cobb and Spratt 2000), which finds the
part of a series to leave out by the smallest standard error of the mean of the rest. tests/load/test_settling.py holds
it against a simulated queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

RESPONSE_TIMES = 3
"""So many must have passed: until then answers come from before the queue had its length."""

RECENT_S = 2.0
"""The response time is the mean of the answers of this long."""

LEAST_KEPT = 5
"""Values that MSER always keeps: the standard error of fewer says nothing."""


@dataclass(slots=True)
class Settling:
    """The answers of a step since all its users ran, a value a tick. `least_s` is how long a step settles anyway."""

    tick_s: float
    least_s: float
    _answers: list[float] = field(default_factory=list)
    _mean_ms: list[float] = field(default_factory=list)
    _total_ms: list[float] = field(default_factory=list)
    _waited_ms: float = 0.0

    def add(self, answers: int, elapsed_ms: float, waited_ms: float) -> None:
        """What a tick brought: how many answers, the sum of their response times, and how long the requests that have
        no answer yet have waited on average.
        """
        before = self._mean_ms[-1] if self._mean_ms else 0.0
        self._answers.append(answers)
        self._total_ms.append(elapsed_ms)
        self._mean_ms.append(elapsed_ms / answers if answers else before)
        self._waited_ms = waited_ms

    @property
    def settled(self) -> bool:
        passed_s = len(self._answers) * self.tick_s
        if passed_s < self.least_s or passed_s * 1000 < RESPONSE_TIMES * self._response_ms():
            return False
        return all(transient(series) <= len(series) / 2 for series in (self._answers, self._mean_ms))

    def _response_ms(self) -> float:
        """Of the recent answers; or of what still waits, where that is longer: a site that hangs gives no answers."""
        recent = slice(-round(RECENT_S / self.tick_s), None)
        answers = sum(self._answers[recent])
        return max(self._waited_ms, sum(self._total_ms[recent]) / answers if answers else 0.0)


def transient(series: Sequence[float]) -> int:
    """How many values at the beginning of a series are to be left out, by MSER; 0 of a series too short to tell."""
    best, smallest = 0, float("inf")
    total = squares = 0.0
    # From the end: each step adds the value that is left out last.
    for kept, value in enumerate(reversed(series), start=1):
        total += value
        squares += value * value
        if kept < LEAST_KEPT:
            continue
        error = (squares - total * total / kept) / kept**2
        if error <= smallest:
            best, smallest = len(series) - kept, error
    return best
