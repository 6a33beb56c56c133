"""Drives the steps: spawn, settle, hold; then drains. Says what happens as it happens, a JSON line each."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

import gevent
import psutil
from locust.runners import Runner

from gatebench.load import mistakes
from gatebench.load.recorder import Recorder
from gatebench.load.rhythm import Rhythm
from gatebench.load.settling import Settling
from gatebench.load.user import MeasuredUser, in_flight, open_streams
from gatebench.records import CLOCK_S, STATISTICS_RESET, LoadSummary, Step

TICK_S = 0.5
STEADY_S = 0.05
MOST_S = 60.0
"""A step settles for so much longer than it was asked to, at most. It is measured then all the same, and not valid."""


class RampStoppedError(Exception):
    """The ramp cannot go on; its text says why, in one sentence."""


@dataclass(slots=True)
class Ramp:
    """One pass over the steps. `events` gets a line for each thing that a runner or a person wants to know, and `told`
    the same as a dict.
    """

    runner: Runner
    recorder: Recorder
    events: TextIO
    settle_s: float
    hold_s: float
    spawn_rate: float
    told: Callable[[dict[str, Any]], None] = lambda _: None
    enough: Callable[[], bool] = lambda: False  # whether a step was the last
    stop_reason: str | None = None
    users_asked: tuple[int, ...] = (0,)  # by us: anything else was asked for in the web UI
    interference: tuple[str, ...] = ()
    last_mistake: str | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    late_ms: list[float] = field(default_factory=list)  # of the clock's ticks since the last progress was said

    def climb(self, users: tuple[int, ...]) -> None:
        """The steps in order; raises RampStoppedError when the run must end early."""
        self._watch_web_ui()
        self.rhythm.listen()
        gevent.spawn(self._watch_clock)
        for number, count in enumerate(users, start=1):
            self._step(Step(number=number, users=count, started=time.time()))
            if self.enough():
                break

    def drain(self, limit_s: float) -> LoadSummary:
        """No user asks for anything more, and who watches a stream leaves it when the last updates have come, at half
        of `limit_s` at the latest; waits `limit_s` at most for the answers due, and closes the recorder.
        """
        # Not Locust's own stop: it kills a user that is about to wake, now and then in the middle of a request.
        started = time.time()
        self.say("drain", limit_s=limit_s)
        MeasuredUser.draining = True
        while (in_flight or open_streams) and time.time() < started + limit_s:
            if not self.recorder.updates_due(started) or time.time() > started + limit_s / 2:
                for stream in tuple(open_streams):
                    stream.close()
            gevent.sleep(STEADY_S)
        unfinished = self.recorder.close()
        self._say_counted()
        self._say_mistakes()
        total = self.runner.stats.total
        summary = LoadSummary(
            locust_requests=total.num_requests,
            locust_failures=total.num_failures,
            unfinished=unfinished,
            drain_s=round(time.time() - started, 3),
            interference=self.interference,
        )
        self.say("summary", **asdict(summary))
        return summary

    def say(self, event: str, **facts: Any) -> None:
        line = {"event": event, "time": time.time(), **facts}
        self.told(line)
        try:
            self.events.write(json.dumps(line) + "\n")
            self.events.flush()
        except OSError as error:
            self.recorder.error = self.recorder.error or error

    def _step(self, step: Step) -> None:
        self.recorder.begin_step(step.started)
        self._say_step(step, "spawn")
        # Locust takes up the new number a moment later: until then it has the one before.
        self.users_asked = (self.users_asked[-1], step.users)
        self.runner.start(step.users, spawn_rate=self.spawn_rate)
        while self.runner.user_count < step.users and not self.runner.spawning_greenlet.ready():
            self._tick(step, "spawn", STEADY_S)
        step = replace(step, running=time.time())
        self.users_asked = (step.users,)
        step = replace(step, steady=self._settle(step))
        cpu_before, hold_started = _cpu_s(), time.time()
        rounds, thought_s = self.rhythm.rounds, self.rhythm.thought_s()
        step = replace(step, hold_started=hold_started)
        self.recorder.begin_hold(hold_started)
        self._say_step(step, "hold")
        self._pass_time(step, "hold", self.hold_s)
        hold_ended = time.time()
        step = replace(
            step,
            hold_ended=hold_ended,
            users_running=self.runner.user_count,
            generator_cpu_pct=round(100 * (_cpu_s() - cpu_before) / (hold_ended - hold_started), 1),
            rounds=self.rhythm.rounds - rounds,
            thought_s=round(self.rhythm.thought_s() - thought_s, 3),
        )
        self.recorder.flush()  # what is said of the step as it ends is of its whole hold
        self._say_counted()
        self._say_step(step, "done")

    def _settle(self, step: Step) -> bool:
        """Returns once the step is steady, or when it has had its time; whether it is steady."""
        settling, recorder = Settling(TICK_S, self.settle_s), self.recorder
        for left in _until(time.monotonic() + self.settle_s + MOST_S):
            answers, elapsed_ms = recorder.requests, recorder.elapsed_ms
            self._tick(step, "settle", min(left, TICK_S))
            settling.add(recorder.requests - answers, recorder.elapsed_ms - elapsed_ms, recorder.waited_ms())
            if settling.settled:
                return True
        return False

    def _pass_time(self, step: Step, phase: str, seconds: float) -> None:
        for left in _until(time.monotonic() + seconds):
            self._tick(step, phase, min(left, TICK_S))

    def _tick(self, step: Step, phase: str, seconds: float) -> None:
        gevent.sleep(seconds)
        self.say(
            "progress",
            step=step.number,
            users=self.runner.user_count,
            phase=phase,
            requests=self.recorder.requests,
            failures=self.recorder.failures,
            late_ms=self.late_ms,
            run_delay_s=_run_delay_s(),
            cpu_s=_cpu_s(),
        )
        self.late_ms = []
        self._say_counted()
        self._say_mistakes()
        if self.runner.target_user_count not in self.users_asked:
            self._interfere(f"the number of users was changed to {self.runner.target_user_count} in the web UI")
            self.stop_reason = "Somebody changed the number of users in the web UI: run it again and only watch."
        if not self.stop_reason and not self.runner.user_count and self.runner.spawning_greenlet.ready():
            why = self.last_mistake or "each ended by itself"
            self.stop_reason = f"No user is left ({why}): mend the locustfile, then run again."
        if self.recorder.error:
            self.stop_reason = self.recorder.why_not()
        if self.stop_reason:
            raise RampStoppedError(self.stop_reason)

    def _watch_clock(self) -> None:
        """How late a user wakes up, whose answer is there: the event loop is busy, or waits for a core."""
        while True:
            # Of uneven length, or the clock could fall into step with whatever holds it up.
            sleep_s = random.uniform(0.5, 1.5) * CLOCK_S
            due = time.monotonic() + sleep_s
            gevent.sleep(sleep_s)
            self.late_ms.append(round((time.monotonic() - due) * 1000, 2))

    def _say_counted(self) -> None:
        if (counted := self.recorder.take_counted()) is not None:
            self.say("counted", **counted)

    def _say_mistakes(self) -> None:
        if (error := self.runner.spawning_greenlet.exception) is not None:
            mistakes.note(error)
        for mistake in mistakes.take(self.recorder.step_at):
            self.last_mistake = mistake.what
            self.say("mistake", **asdict(mistake))

    def _say_step(self, step: Step, phase: str) -> None:
        self.say("step", phase=phase, **asdict(step))

    def _watch_web_ui(self) -> None:
        def stopped(**_: Any) -> None:
            if not MeasuredUser.draining:
                self._interfere("the run was stopped in the web UI")
                self.stop_reason = "Somebody pressed stop in the web UI: run it again and only watch."

        events = self.runner.environment.events
        events.test_stopping.add_listener(stopped)
        events.reset_stats.add_listener(lambda **_: self._interfere(STATISTICS_RESET))

    def _interfere(self, what: str) -> None:
        if what not in self.interference:
            self.interference += (what,)


def _cpu_s() -> float:
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def _run_delay_s() -> float | None:
    """How long the generator has waited for a core although it had work. None where the system does not tell."""
    schedstat = Path("/proc/self/schedstat")
    return int(schedstat.read_text().split()[1]) / 1e9 if schedstat.exists() else None


def _until(deadline: float) -> Iterator[float]:
    while (left := deadline - time.monotonic()) > 0:
        yield left
