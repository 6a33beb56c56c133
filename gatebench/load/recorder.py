"""Records every request: an Arrow IPC stream, a batch a second, so that a kill loses one second at most."""

from __future__ import annotations

import math
import statistics
import time
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gevent
import pyarrow as pa
from locust.runners import Runner

from gatebench.load import mistakes
from gatebench.load.counting import counted, without
from gatebench.load.plain import cause_of_plain
from gatebench.load.schema import MOST_WORDS, SCHEMA, WORD
from gatebench.load.user import RequestFailedError, in_flight
from gatebench.records import Cause

FLUSH_S = 1.0

OBSERVED = ("started", "elapsed_ms", "name", "method", "status", "cause", "request_id", "bytes")
"""What is known of a request when it ends; its step and the users are added once a batch."""


class Recorder:
    """Listens to Locust's `request` event until it is closed. `error` is why nothing more can be recorded.

    `requests`, `failures` and `elapsed_ms` (the sum of how long they took, but for those that are `paced`) are of all
    requests that have ended. A success that took more than `late_ms` is counted as late, unless its name is among those
    that are `paced`. What is `pushed` is recorded and no request: it is in none of these numbers.
    """

    def __init__(
        self,
        path: Path,
        runner: Runner,
        timeout_s: float | None = None,
        late_ms: float = math.inf,
        paced: Sequence[str] = (),
        pushed: Sequence[str] = (),
    ) -> None:
        self.requests = 0
        self.failures = 0
        self.elapsed_ms = 0.0
        self.error: Exception | None = None
        self._runner = runner
        self._timeout_s = timeout_s
        self._late_ms = late_ms
        self._paced = paced
        self._pushed = pushed
        self._unwaited = {*paced, *pushed}
        self._rows: list[tuple[Any, ...]] = []
        self._words: dict[str, list[str]] = {"name": [], "method": [], "cause": []}
        self._step_starts: list[float] = []
        self._held_since: dict[int, float] = {}
        self._counted: list[dict[str, Any]] = []
        self._due = 0
        self._updates = self._late_updates = 0  # of the newest hold
        self._updated = 0.0  # when the newest update came
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_stream(self._file, SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd"))
        runner.environment.events.request.add_listener(self._on_request)
        self._flusher = gevent.spawn(self._flush_each_second)

    def begin_step(self, now: float) -> None:
        """From `now` on, requests that start belong to the next step."""
        self._step_starts.append(now)

    def begin_hold(self, now: float) -> None:
        """From `now` on, requests of the step are counted as those of its hold."""
        self._held_since[len(self._step_starts)] = now
        self._updates = self._late_updates = 0

    def step_at(self, moment: float) -> int:
        """The number of the step in which something began; 0 before the first."""
        return bisect_right(self._step_starts, moment)

    def take_counted(self) -> dict[str, Any] | None:
        """What was flushed since the last time, and how many requests of earlier steps had no answer then."""
        steps, self._counted = self._counted, []
        return {"due": self._due, "steps": steps} if steps else None

    def overdue(self) -> int:
        """How many requests have waited for longer than the objective has it, and still do."""
        latest = time.time() - self._late_ms / 1000
        return sum(request.started < latest and request.name not in self._unwaited for request in in_flight.values())

    def waited_ms(self) -> float:
        """How long the requests in flight have waited for their answers, on average; those that are paced aside."""
        now = time.time()
        waited = [now - request.started for request in in_flight.values() if request.name not in self._unwaited]
        return 1000 * statistics.fmean(waited) if waited else 0.0

    def updates_due(self, since: float) -> bool:
        """Whether an update may be on its way that was due at `since`: until, from then on, none has come for as long
        as the objective has it.
        """
        return bool(self._pushed) and time.time() - max(since, self._updated) < self._late_ms / 1000

    def late_updates(self) -> float:
        """Of what was pushed in the newest hold, the share that came later than the objective has it."""
        return self._late_updates / self._updates if self._updates else 0.0

    def why_not(self) -> str:
        """`error` as a sentence."""
        reason = self.error.strerror if isinstance(self.error, OSError) else self.error
        return f"The requests could not be recorded ({type(self.error).__name__}: {reason})."

    def close(self) -> int:
        """Records what is still in flight as unfinished, ends the file, and returns how many those were."""
        self._flusher.kill()
        self._runner.environment.events.request.remove_listener(self._on_request)
        now = time.time()
        for request_id, (started, method, name) in in_flight.items():
            elapsed_ms = (now - started) * 1000
            self._rows.append((started, elapsed_ms, name, method, None, Cause.UNFINISHED, request_id, None))
        self.flush()
        try:
            self._writer.close()
            self._file.close()
        except Exception as error:
            self.error = self.error or error
        return len(in_flight)

    def flush(self) -> None:
        """Appends what was recorded since the last flush as one batch, and counts it; `error` tells what kept it."""
        try:
            self._append()
        except Exception as error:  # whatever it is, the rows of this batch are lost with it
            self.error = self.error or error

    def _append(self) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        columns: dict[str, Any] = dict(zip(OBSERVED, zip(*rows, strict=True), strict=True))
        columns["step"] = [self.step_at(started) for started in columns["started"]]
        columns["users"] = [self._runner.user_count] * len(rows)
        batch = pa.record_batch([self._array(field, columns[field.name]) for field in SCHEMA], schema=SCHEMA)
        self._writer.write_batch(batch)
        self._counted += counted(without(batch, self._pushed), self._held_since, self._late_ms, self._paced)
        newest = self._step_starts[-1] if self._step_starts else 0.0
        self._due = sum(request.started < newest for request in in_flight.values())

    def _on_request(
        self,
        request_type: str,
        name: str,
        response_time: float,
        response_length: int,
        exception: Exception | None,
        context: dict[str, Any],
        start_time: float,
        response: Any,
        **_: Any,
    ) -> None:
        try:
            request_id = context["request_id"]
            status = response.status_code or None
        except (KeyError, AttributeError):  # Locust would write it to its log, and go on
            mistakes.say(f"{request_type} {name} was not asked for by self.get or self.post, and is not recorded")
            return
        in_flight.pop(request_id, None)
        if name not in self._pushed:
            self.requests += 1
            self.elapsed_ms += 0 if name in self._paced else response_time
        else:
            self._updated = time.time()
            if start_time >= self._held_since.get(len(self._step_starts), math.inf):
                self._updates += 1
                self._late_updates += response_time > self._late_ms
        cause = None
        if exception is not None:
            self.failures += 1
            cause = exception.cause if isinstance(exception, RequestFailedError) else cause_of_plain(exception)
        elif self._waited_too_long(name, response_time):  # it came whole, and too late
            self.failures += 1
            cause = Cause.TIMEOUT
        length = response_length if status else None
        self._rows.append((start_time, response_time, name, request_type, status, cause, request_id, length))

    def _waited_too_long(self, name: str, response_time: float) -> bool:
        """Somebody who paces an answer, or whom it is sent to unasked, does not wait for it."""
        if not self._timeout_s or name in self._unwaited:
            return False
        return response_time > 1000 * self._timeout_s

    def _array(self, field: pa.Field, values: Any) -> pa.Array:
        if field.type != WORD:
            return pa.array(values, field.type)
        words = self._words[field.name]
        words += sorted({value for value in values if value is not None} - set(words))
        if len(words) > MOST_WORDS:
            raise ValueError(f"{len(words):,} different request names: a name says what a user does, and no address")
        places: dict[str | None, int | None] = {word: place for place, word in enumerate(words)} | {None: None}
        indices = pa.array([places[value] for value in values], pa.int16())
        return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))

    def _flush_each_second(self) -> None:
        while self.error is None:
            gevent.sleep(FLUSH_S)
            self.flush()
