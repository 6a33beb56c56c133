"""Builds run folders as a run leaves them, small enough to count by hand.

Time is in seconds since BEGAN. A step lasts 20 s: 10 s of settling, 10 s of hold.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from gatebench.analysis.schema import GUIDE_RUNS, framed
from gatebench.records import (
    GUIDE_COLUMNS,
    PGBOUNCER,
    Cause,
    DatabaseSample,
    LedgerReading,
    LoadSummary,
    MachineSample,
    Outcome,
    ProcessSample,
    Request,
    RoleSample,
    Run,
    SessionSample,
    Step,
)
from gatebench.run_folder import RunFolder

BEGAN = 1_700_000_000.0
STEP_S, SETTLE_S = 20.0, 10.0

WORD = pa.dictionary(pa.int8(), pa.string())
SCHEMA = pa.schema(
    [
        ("started", pa.float64()),
        ("elapsed_ms", pa.float32()),
        ("name", WORD),
        ("method", WORD),
        ("status", pa.int16()),
        ("cause", WORD),
        ("step", pa.int16()),
        ("users", pa.int32()),
        ("request_id", pa.uint64()),
        ("bytes", pa.int32()),
    ]
)

_ids = count(1)


def step(number: int, users: int | None = None, **changes: Any) -> Step:
    """A step that was held from second 10 to 20 of its own."""
    start = BEGAN + STEP_S * (number - 1)
    users = 100 * number if users is None else users
    whole = Step(
        number,
        users,
        start,
        running=start + 2,
        steady=True,
        hold_started=start + SETTLE_S,
        hold_ended=start + STEP_S,
        users_running=users,
        generator_cpu_pct=20.0,
    )
    return replace(whole, **changes)


def request(at: float, elapsed_ms: float = 50, cause: Cause | None = None, **changes: Any) -> Request:
    """A request that started `at` seconds after BEGAN, in the step it falls in. A failed one had no answer."""
    usual = {
        "started": BEGAN + at,
        "elapsed_ms": elapsed_ms,
        "name": "form",
        "method": "GET",
        "status": None if cause else 200,
        "cause": cause,
        "step": int(at // STEP_S) + 1,
        "users": 100,
        "request_id": next(_ids),
        "bytes": None if cause else 1000,
    }
    return Request(**{**usual, **changes})


def requests(step_number: int, ok: int, failed: int = 0, elapsed_ms: float = 50) -> list[Request]:
    """So many requests in the hold of a step."""
    at = STEP_S * (step_number - 1) + SETTLE_S + 1
    return [request(at, elapsed_ms) for _ in range(ok)] + [request(at, 1, Cause.RESET) for _ in range(failed)]


def served(step_number: int, users: int, rps: float) -> list[Request]:
    """What so many users ask for through a step, who think for 1.5 s and wait for the rest of the time that a server of
    so many requests/s leaves them: by Little's law they are all at work.
    """
    wait_s = users / rps - 1.5
    hold = STEP_S * (step_number - 1) + SETTLE_S
    first = hold - wait_s
    moments = (first + n / rps for n in range(int((wait_s + STEP_S - SETTLE_S) * rps + 0.5)))
    return [request(at, 1000 * wait_s, step=step_number) for at in moments]


def vote(at: float, elapsed_ms: float = 50, cause: Cause | None = None) -> Request:
    return request(at, elapsed_ms, cause, name="vote", method="POST", status=None if cause else 302)


def reading(step_number: int | None, at: float, stored: int, name: str | None = None) -> LedgerReading:
    """Read from `at` to a tenth of a second later."""
    return LedgerReading(step_number, BEGAN + at, BEGAN + at + 0.1, stored, name)


def proxy_line(of: Request, **changes: Any) -> dict[str, Any]:
    """Nginx's line of a request: one that was answered by the app as the client saw it, 0.1 ms sooner."""
    took = max(of.elapsed_ms - 0.1, 0) / 1000
    line = {
        "time": of.started + of.elapsed_ms / 1000,
        "id": f"{of.request_id:016x}",
        "method": of.method,
        "uri": "/polls/1/",
        "status": of.status or 499,
        "request_time": took,
        "upstream_status": str(of.status or "-"),
        "upstream_connect_time": "0.000",
        "upstream_header_time": f"{took:.3f}",
        "upstream_response_time": f"{took:.3f}",
        "bytes": 1000,
        "worker": "7" if of.status else "-",
        "connection": 17,
        "connection_requests": 1,
    }
    return line | changes


def error_line(at: float, message: str, level: str = "error") -> str:
    """A line of Nginx's error log, in the second of `at`."""
    stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime(BEGAN + at))
    return f"{stamp} [{level}] 29#29: {message}"


OUT_OF_CONNECTIONS = "1024 worker_connections are not enough"


WHERE = " (polls/views.py, line 12)"
"""What stands beside an exception of app_error's: the innermost line that is the project's own."""


def app_error(of: Request, *chain: str) -> str:
    """What Django writes of a request that raised, the exceptions of the chain each with a stack."""
    stack = (
        'Traceback (most recent call last):\n  File "/srv/site/polls/views.py", line 12, in vote\n    raise\n'
        '  File "/srv/.venv/lib/python3.13/site-packages/django/db/utils.py", line 9, in inner\n    raise\n'
    )
    heading = (
        f"2023-11-14 22:13:20,000 ERROR django.request pid=7 request_id={of.request_id:016x} Internal Server Error"
    )
    return heading + "\n" + "\n\nDuring handling of the above …\n\n".join(stack + one for one in chain)


SECONDS = range(61)
"""When samples are taken: three steps' time."""


def role_samples(role: str, cpu_pct: float, **changes: Any) -> list[RoleSample]:
    """A sample a second of a role that uses so much of a core all the time."""
    first = RoleSample(BEGAN, role, 0.0, 2**20, 1, 2, 3, "")
    return [replace(first, time=BEGAN + at, cpu_s=cpu_pct / 100 * at, **changes) for at in SECONDS]


def machine_samples(
    busy_pct: float, steal_pct: float | None = 0, pressure_pct: float | None = 0, overflows_a_s: int = 0
) -> list[MachineSample]:
    """A sample a second; percent are of one core's time. Counters began long before."""
    return [
        MachineSample(
            time=BEGAN + at,
            busy_s=5000 + busy_pct / 100 * at,
            steal_s=None if steal_pct is None else 700 + steal_pct / 100 * at,
            pressure_s=None if pressure_pct is None else 60 + pressure_pct / 100 * at,
            listen_overflows=3 + overflows_a_s * at,
            retransmits=40 + at,
        )
        for at in SECONDS
    ]


def database_samples(connections: dict[float, int | None]) -> list[DatabaseSample]:
    """Connections found at so many seconds since BEGAN; None where no answer came."""
    return [
        DatabaseSample(BEGAN + at, None if n is None else 1.5, n, None if n is None else 0)
        for at, n in connections.items()
    ]


def process_samples(
    role: str, pid: int, states: Sequence[str], parent: int = 1, cores: float = 0.0, since: float = 0.0
) -> list[ProcessSample]:
    """A sample a second of one process, which knows itself by its id less a hundred, from `since` seconds on."""
    return [
        ProcessSample(BEGAN + since + at, role, pid, pid - 100, parent, state, cores * at, 3)
        for at, state in enumerate(states)
    ]


def session(at: float, query_s: float, wait: str = "", **changes: Any) -> SessionSample:
    """A session that was at a query for so long, and waited for what "Type Event" says."""
    wait_type, _, wait_event = wait.partition(" ")
    sample = SessionSample(
        time=BEGAN + at,
        pid=41,
        application="",
        query="UPDATE polls_choice",
        query_s=query_s,
        wait_type=wait_type or None,
        wait_event=wait_event or None,
        lock_s=None,
        blocker=None,
        blocker_application=None,
        blocker_state=None,
        blocker_query=None,
    )
    return replace(sample, **changes)


def progress(at: float, late_ms: Sequence[float], run_delay_s: float | None = None) -> dict[str, Any]:
    """What the load generator says of its clock, `at` seconds after BEGAN."""
    number = int(at // STEP_S) + 1
    line = {"event": "progress", "time": BEGAN + at, "step": number, "phase": "hold", "users": 100 * number}
    return line | {"requests": 0, "failures": 0, "late_ms": list(late_ms), "run_delay_s": run_delay_s, "cpu_s": 1.0}


WORKLOAD = {"vote_name": "vote", "round_name": "form", "think_s": 1.5}


@dataclass(frozen=True)
class Recorded:
    """Everything that goes into a run folder. `proxy_lines` of None is no proxy.log at all."""

    requests: Sequence[Request] = ()
    steps: Sequence[Step] = ()
    votes: Sequence[LedgerReading] = ()
    proxy_lines: Sequence[dict[str, Any]] | None = None
    error_log: Sequence[str] = ()
    app_log: Sequence[str] = ()
    pgbouncer_log: Sequence[str] = ()
    service_log: Sequence[str] | None = None  # None without a service
    resources: Sequence[RoleSample] | None = None  # these are None without such a file, as in older runs
    machine: Sequence[MachineSample] | None = None
    database: Sequence[DatabaseSample] | None = None
    processes: Sequence[ProcessSample] | None = None
    sessions: Sequence[SessionSample] | None = None
    progress: Sequence[dict[str, Any]] | None = None
    run: Any = None  # changes to the Run, a dict
    config: Any = None  # changes to its config, a dict

    def write(self, path: Path) -> RunFolder:
        folder = RunFolder(path)
        folder.logs.mkdir(parents=True)
        write_requests(folder, self.requests)
        folder.write_votes(list(self.votes))
        folder.nginx_error_log.write_text("".join(line + "\n" for line in self.error_log))
        folder.log("app").write_text("".join(line + "\n" for line in self.app_log))
        folder.log(PGBOUNCER).write_text("".join(line + "\n" for line in self.pgbouncer_log))
        if self.service_log is not None:
            folder.log("service").write_text("".join(line + "\n" for line in self.service_log))
        if self.proxy_lines is not None:
            folder.proxy_log.write_text("".join(json.dumps(line) + "\n" for line in self.proxy_lines))
        if self.progress is not None:
            folder.load_events.write_text("".join(json.dumps(line) + "\n" for line in self.progress))
        write_samples(folder.resources_csv, RoleSample, self.resources)
        write_samples(folder.machine_csv, MachineSample, self.machine)
        write_samples(folder.database_csv, DatabaseSample, self.database)
        write_samples(folder.processes_csv, ProcessSample, self.processes)
        write_samples(folder.sessions_csv, SessionSample, self.sessions)
        folder.write_run(self._run(path.name))
        return folder

    def _run(self, name: str) -> Run:
        users = [one.users for one in self.steps]
        config = {
            "interface": "wsgi",
            "server": "gunicorn",
            "profile": "fair",
            "stack": "native",
            "db": "pool",
            "workers": 2,
            "users": users,
            "settle_s": 10.0,
            "hold_s": 10.0,
            "timeout_s": 10.0,
            "label": "WSGI gunicorn",
        }
        unfinished = sum(one.cause == Cause.UNFINISHED for one in self.requests)
        failures = sum(one.cause is not None for one in self.requests) - unfinished
        run = Run(
            id=name,
            config=config | (self.config or {}),
            started=BEGAN,
            ended=BEGAN + 500,
            outcome=Outcome.COMPLETE,
            steps=tuple(self.steps),
            load=LoadSummary(len(self.requests) - unfinished, failures, unfinished, 1.0),
        )
        return replace(run, **(self.run or {}))


ASGI = {"interface": "asgi", "server": "uvicorn", "label": "ASGI uvicorn"}


def write_samples(path: Path, kind: type[Any], samples: Sequence[Any] | None) -> None:
    """A header and a row a sample; an empty cell is not known."""
    if samples is None:
        return
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        names = [field.name for field in fields(kind)]
        writer.writerow(names)
        writer.writerows(map(attrgetter(*names), samples))


def write_requests(folder: RunFolder, rows: Iterable[Request]) -> None:
    """As the recorder writes them: a batch a second of their ends, with dictionaries that grow."""
    by_second: dict[int, list[Request]] = {}
    for row in sorted(rows, key=lambda row: row.started + row.elapsed_ms / 1000):
        by_second.setdefault(int(row.started + row.elapsed_ms / 1000), []).append(row)
    words: dict[str, list[str]] = {"name": [], "method": [], "cause": []}
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.OSFile(str(folder.requests), "wb") as file, pa.ipc.new_stream(file, SCHEMA, options=options) as writer:
        for batch in by_second.values():
            writer.write_batch(pa.record_batch([_array(field, batch, words) for field in SCHEMA], schema=SCHEMA))


def _array(field: pa.Field, batch: list[Request], words: dict[str, list[str]]) -> pa.Array:
    values = list(map(attrgetter(field.name), batch))
    if field.type != WORD:
        return pa.array(values, field.type)
    known = words[field.name]
    known += sorted({str(value) for value in values if value is not None} - set(known))
    places = pa.array([None if value is None else known.index(value) for value in values], pa.int8())
    return pa.DictionaryArray.from_arrays(places, pa.array(known, pa.string()))


def guide_of(workload: str = "page", asgi_only: bool = False, **sides: list[Any]) -> pd.DataFrame:
    """GUIDE_RUNS of a workload: users by trial, of sides in short; a number, or what a run found without one."""
    names = dict(zip(("wsgi", "many", "sync", "asynchronous"), GUIDE_COLUMNS, strict=True))
    always = {"workload": workload, "about": f"a {workload}", "tried": 500, "low_users": 10, "asgi_only": asgi_only}
    used = {"p50_ms": 5.0, "cpu_ms": 2.0, "rss_bytes": 2.0**28, "threads": 20.0}
    lines = []
    for side, found in sides.items():
        for number, one in enumerate(found, start=1):
            what = {"found": one} if isinstance(one, str) else {"found": "held", "users": one}
            lines.append({**always, **used, **what, "side": names[side], "trial": number, "run": f"{side}-{number}"})
    return framed(lines, GUIDE_RUNS)
