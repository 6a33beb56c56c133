"""A run as far as it has come: a row a step, from the events of load.jsonl as they are said.

These are first numbers, for whoever watches. The report counts anew, from the record of every request.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gatebench.records import BIN_GROWTH
from gatebench.values.run_config import SPAWN_RATE, RunConfig

RECENT_S = 10.0
"""The load generator is judged by so much of its time."""

BUSY_PCT, CLOCK_LATE_MS, CLOCK_LATE_PCT = 90, 25, 5
"""The report's own limits: beyond them a step is not valid. The clock's is in ms, and in percent of the step's p95."""

LATE_SHARE = 0.05
"""More late than that, and the p95 is."""

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Generator:
    """How the load generator did for a while."""

    cpu_pct: float | None  # of one core
    late_p95_ms: float | None  # how late its clock ran
    step_p95_ms: float | None

    @property
    def bearable_ms(self) -> float:
        """How late its clock may run."""
        return max(CLOCK_LATE_MS, CLOCK_LATE_PCT / 100 * (self.step_p95_ms or 0))

    @property
    def trouble(self) -> str | None:
        if self.cpu_pct is not None and self.cpu_pct > BUSY_PCT:
            return "generator busy"
        if self.late_p95_ms is not None and self.late_p95_ms > self.bearable_ms:
            return "generator late"
        return None


@dataclass(frozen=True, slots=True)
class Row:
    """A step. While it is not held yet, what came since it began; then what came of its hold alone."""

    number: int
    users: int
    phase: str  # spawn, settle, hold, done
    steady: bool | None  # when its hold began
    requests: int  # that have ended
    failures: int
    late: int  # successes slower than the objective
    p95_ms: float | None  # of successes, to within 5 %
    rps: float | None  # successes a second
    causes: Mapping[str, int]  # failures by the client's view
    generator: Generator  # over its hold
    whole: bool  # it has no request left without an answer

    @property
    def ended(self) -> str:
        """How a step that is over was."""
        if self.phase != "done":
            return "cut off"
        trouble = f", {self.generator.trouble}" if self.generator.trouble else ""
        return f"{'steady' if self.steady else 'not steady'}{trouble}"

    @property
    def failure_pct(self) -> float | None:
        return self._share(self.failures)

    @property
    def late_or_failed_pct(self) -> float | None:
        return self._share(self.late + self.failures)

    def _share(self, part: int) -> float | None:
        return 100 * part / self.requests if self.requests else None


@dataclass(slots=True)
class _Counts:
    requests: int = 0
    late: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    bins: Counter[int] = field(default_factory=Counter)

    def add(self, counted: Event) -> None:
        self.requests += counted["requests"]
        self.late += counted["late"]
        self.causes.update(counted["causes"])
        self.bins.update({int(number): n for number, n in counted["ms"].items()})


@dataclass(slots=True)
class _Step:
    number: int
    users: int
    phase: str = "spawn"
    steady: bool | None = None
    since: float | None = None  # when its phase began
    whole: bool = False
    before: _Counts = field(default_factory=_Counts)
    held: _Counts = field(default_factory=_Counts)
    generator_cpu_pct: float | None = None
    late_ms: list[float] = field(default_factory=list)  # of the clock's ticks in the hold
    answers: list[tuple[float, int]] = field(default_factory=list)  # as the hold began, and at the last look

    def rps(self) -> float | None:
        if len(self.answers) < 2:
            return None
        (began, before), (now, since) = self.answers
        return (since - before) / (now - began)


class SoFar:
    """Add every event in its order; then ask."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.draining = False
        self.over = False
        self.mistakes: list[str] = []  # a sentence each
        self.stopped: str | None = None  # why the run ends early
        self._steps: list[_Step] = []
        self._taken = 0
        self._recent: deque[Event] = deque()  # progress of the last RECENT_S

    def add(self, event: Event) -> None:
        match event["event"]:
            case "step":
                self._add_step(event)
            case "progress":
                self._add_progress(event)
            case "counted":
                self._add_counted(event)
            case "mistake":
                self.mistakes.append(f"Step {event['step']} is not valid: {event['what']}.")
            case "stopped":
                self.stopped = event["reason"]
            case "drain":
                self.draining = True
            case "summary":
                self.over = True
                for step in self._steps:
                    step.whole = True

    @property
    def rows(self) -> list[Row]:
        """Of the steps that have begun."""
        return [self._row(step) for step in self._steps]

    def take_whole(self) -> list[Row]:
        """Of the steps that have become whole since the last time: a step does when those before it have."""
        found = [self._row(step) for step in self._steps[self._taken :] if step.whole]
        self._taken += len(found)
        return found

    @property
    def generator(self) -> Generator:
        """In the last RECENT_S."""
        first, last = (self._recent[0], self._recent[-1]) if self._recent else ({}, {})
        passed_s = last["time"] - first["time"] if self._recent else 0
        late_ms = [late for event in self._recent for late in event["late_ms"]]
        cpu_pct = 100 * (last["cpu_s"] - first["cpu_s"]) / passed_s if passed_s else None
        return Generator(cpu_pct, _p95(late_ms), self._row(self._steps[-1]).p95_ms if self._steps else None)

    @property
    def rps(self) -> float | None:
        """Successes a second, over about the last one."""
        if not self._recent:
            return None
        last = self._recent[-1]
        before = [event for event in self._recent if event["time"] <= last["time"] - 0.9]
        if not before:
            return None
        return (_ok(last) - _ok(before[-1])) / float(last["time"] - before[-1]["time"])

    def past_objective(self, overdue: int, late_updates: float = 0.0) -> bool:
        """Whether the newest step misses what the site promises, by what has been answered of its hold, by the share of
        its updates that came late, and by how many requests are `overdue` still: those of a site that hangs are
        answered when the hold is long over.
        """
        objective, row = self.config.side.workload.objective, self.rows[-1]
        if late_updates > LATE_SHARE or overdue > LATE_SHARE * (row.requests + overdue):
            return True
        return (row.failure_pct or 0) >= objective.failures_pct or (row.p95_ms or 0) > objective.p95_ms

    def left_s(self) -> float:
        """Until the last hold ends, when every step settles as fast as it may."""
        if self.draining:
            return 0.0
        if not self._steps:
            return expected_s(self.config)
        coming = [self._steps[-1].users, *self.config.users[len(self._steps) :]]
        rest = coming[-1] - coming[0]
        return self._left_of_step_s() + rest / SPAWN_RATE + (len(coming) - 1) * _step_s(self.config)

    def _left_of_step_s(self) -> float:
        step, config = self._steps[-1], self.config
        last = self._recent[-1] if self._recent else None
        passed_s = last["time"] - step.since if last and step.since is not None else 0.0
        match step.phase:
            case "spawn":
                return max(0, step.users - (last["users"] if last else 0)) / SPAWN_RATE + _step_s(config)
            case "settle":
                return max(0.0, config.settle_s - passed_s) + config.hold_s
            case "hold":
                return max(0.0, config.hold_s - passed_s)
        return 0.0

    def _add_step(self, event: Event) -> None:
        if event["phase"] == "spawn":
            self._steps.append(_Step(event["number"], event["users"], since=event["time"]))
            return
        step = self._steps[-1]
        step.phase, step.since, step.steady = event["phase"], event["time"], event["steady"]
        step.generator_cpu_pct = event["generator_cpu_pct"]
        if step.phase == "hold" and self._recent:
            step.answers = [(self._recent[-1]["time"], _ok(self._recent[-1]))]

    def _add_progress(self, event: Event) -> None:
        self._recent.append(event)
        while self._recent[0]["time"] < event["time"] - RECENT_S:
            self._recent.popleft()
        step = self._steps[-1]
        if step.phase == "spawn" and event["phase"] == "settle":
            step.phase, step.since = "settle", event["time"]
        if step.phase == "hold":
            step.answers[1:] = [(event["time"], _ok(event))]
            step.late_ms += event["late_ms"]

    def _add_counted(self, event: Event) -> None:
        for counted in event["steps"]:
            step = self._steps[counted["step"] - 1]
            (step.held if counted["held"] else step.before).add(counted)
        if not event["due"]:
            for step in self._steps[:-1]:
                step.whole = True

    def _row(self, step: _Step) -> Row:
        is_held = step.phase in ("hold", "done")
        counts = step.held if is_held else step.before
        p95_ms = _p95_of_bins(counts.bins)
        return Row(
            number=step.number,
            users=step.users,
            phase=step.phase,
            steady=step.steady,
            requests=counts.requests,
            failures=counts.causes.total(),
            late=counts.late,
            p95_ms=p95_ms,
            rps=step.rps() if is_held else self.rps,
            causes=dict(counts.causes),
            generator=Generator(step.generator_cpu_pct, _p95(step.late_ms), p95_ms),
            whole=step.whole,
        )


def expected_s(config: RunConfig) -> float:
    """Seconds that the ramp takes when all goes well: spawning, settling and holding."""
    return config.users[-1] / SPAWN_RATE + len(config.users) * _step_s(config)


def _step_s(config: RunConfig) -> float:
    return config.settle_s + config.hold_s


def _ok(progress: Event) -> int:
    return int(progress["requests"] - progress["failures"])


def _p95(values: Iterable[float]) -> float | None:
    ordered = sorted(values)
    return ordered[int(0.95 * (len(ordered) - 1))] if ordered else None


def _p95_of_bins(bins: Mapping[int, int]) -> float | None:
    """Bin n has the response times from BIN_GROWTH**n ms on."""
    wanted, passed = 0.95 * sum(bins.values()), 0
    for place, n in sorted(bins.items()):
        if n and passed + n >= wanted:
            return float(BIN_GROWTH ** (place + (wanted - passed) / n))
        passed += n
    return None
