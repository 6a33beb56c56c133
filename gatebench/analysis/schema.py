"""The frames that the analysis hands on: what a row is, and each column's type, unit and meaning.

Units are in the names: s and ms, pct of what the comment says. What is not known is missing, so whole numbers that may
be unknown are Int64. Samples have the columns of the dataclasses in gatebench/records.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd


def framed(rows: Iterable[Mapping[str, Any]], schema: Mapping[str, Any]) -> pd.DataFrame:
    """The rows with the schema's columns, in its order; what a row does not have is missing, and a row has
    every column of a type that knows nothing missing: int64 and bool.
    """
    lines = list(rows)
    columns = {name: pd.array([line.get(name) for line in lines], dtype=kind) for name, kind in schema.items()}
    return pd.DataFrame(columns)


REQUESTS = {  # a row a request, in the order of their ends: what is read of records.Request
    "started": "float64",  # s since the epoch
    "elapsed_ms": "float32",
    "name": "category",
    "method": "category",
    "status": "Int16",  # missing where no answer came
    "cause": "category",  # missing for a success
    "step": "Int16",
    "request_id": "uint64",
}

FLOW = {  # a row a step; all but the first two are missing where it was not held
    "step": "int64",
    "unfinished": "float64",  # of its requests, those without an answer at the run's end
    "hold_s": "float64",
    "ended": "float64",  # requests that ended in the hold, whenever they started
    "rps": "float64",  # of them the successes, a second
    "request_s": "float64",  # seconds of the hold that users spent in requests, added up
    "paced_s": "float64",  # of them in requests that the client paced
    "rounds": "float64",  # begun in the hold; missing where neither was recorded nor which request begins one
    "thought_s": "float64",  # seconds of the hold that users thought, added up
    "edge_s": "float64",  # by how much thought_s may be off: 0 where it was measured
    "rps_drift_pct": "float64",  # by how much rps changed from the first half of the hold to the second
    "p50_drift_pct": "float64",  # the same, of the successes that started in each half
}

MEASURED = {  # a row a step, of the requests that started while it was held
    "step": "int64",
    "users": "int64",
    "requests": "int64",
    "failures": "int64",
    "failure_pct": "float64",  # of the requests
    "late_or_failed_pct": "float64",  # failed, or a success slower than the objective's p95
    "rps": "float64",  # alone of the answers that came in the hold: see FLOW
    "asked_rps": "float64",  # that they would ask for if answers took no time; missing where none is known to think
    "p50_ms": "float64",  # of successes, as the following
    "p75_ms": "float64",
    "p90_ms": "float64",
    "p95_ms": "float64",
    "p99_ms": "float64",
    "p999_ms": "float64",  # p99.9
    "max_ms": "float64",
}

UPDATES = {  # of a step; all are missing where nothing is pushed
    "updates": "Int64",  # that the server sent unasked, of news that was made while the step was held
    "update_p50_ms": "float64",  # from the news to its arrival, as the following
    "update_p95_ms": "float64",
    "update_p99_ms": "float64",
    "update_max_ms": "float64",
}

STEPS = {  # steps.csv
    **MEASURED,
    "votes_attempted": "Int64",  # see LEDGER: of the reading at the step's end
    "votes_acknowledged": "Int64",
    "votes_stored": "Int64",
    **UPDATES,
    "drift_pct": "float64",  # rps_drift_pct of FLOW
    "cpu_ms_per_request_app": "float64",  # see RESOURCES, as the following
    "rss_bytes_app": "Int64",
    "threads_app": "Int64",
    "db_connections": "Int64",  # see CONNECTIONS, as the following
    "db_opened_per_request": "float64",
    "valid": "bool",
    "invalid_reason": "str",  # missing for a valid step
}

RESOURCES = {  # a row a step and role; none without resources.csv
    "step": "int64",
    "users": "int64",
    "role": "str",  # one of records.ROLES and SOME_ROLES, or RUNNER
    "cpu_pct": "float64",  # of one core, over the hold
    "cpu_ms_per_request": "float64",  # of those that ended in the hold
    "rss_bytes": "Int64",  # the hold's peak, as the following
    "processes": "Int64",
    "threads": "Int64",
    "sockets": "Int64",
}

CONNECTIONS = {  # a row a step
    "step": "int64",
    "users": "int64",
    "db_connections": "Int64",  # the hold's peak
    "db_waiting": "Int64",  # of them, for a lock: the hold's peak
    "db_opened_per_request": "float64",  # connections opened in the hold, per request that ended in it
    "db_limit": "Int64",  # what PostgreSQL allows
    "db_pool_limit": "Int64",  # what the app's pools or PgBouncer allow all together; missing without
}

BALANCE = {  # a row a step that was held; none where Nginx's log names no processes
    "step": "int64",
    "users": "int64",
    "processes": "Int64",  # of the app server
    "busiest_pct": "float64",  # of the answers: those that the busiest process gave
}

TIMELINE = {  # a row a second from the first request on
    "time": "float64",  # when the second began, s since the epoch
    "ok": "int64",  # requests that started in it
    "failed": "int64",
    "p95_ms": "float32",  # of the ok ones
    "step": "Int64",  # that was held when it began
}

CAPACITY = {  # two rows, by measure
    "measure": "str",  # no failure; objective met
    "users": "Int64",  # of the last step that held; missing when the first did not
    "requests": "Int64",  # of that step
    "ramp_ended": "bool",  # no step failed to hold
    "invalid_reason": "str",  # why one of the steps that decide is not valid
}

LEDGER = {  # a row a reading of the database, cumulative since the ramp began
    "name": "str",  # of the request that writes
    "step": "Int64",  # that had just ended; missing after the drain
    "votes_attempted": "Int64",  # sent before the reading ended
    "votes_acknowledged": "Int64",  # answered before the reading began
    "votes_stored": "Int64",
    "votes_lost": "Int64",  # acknowledged and not stored, at least
    "votes_untold": "Int64",  # stored and never acknowledged, at least; known after the drain only
}

EVIDENCE = {  # a row a step: what it is judged by
    "step": "Int64",
    "users": "Int64",
    "users_running": "Int64",  # at the end of the hold
    "listen_overflows": "Int64",  # connections that a full listen backlog turned away in the hold
    "retransmits": "Int64",  # TCP segments sent again in the hold
    "unfinished": "Int64",
    "steady": "boolean",  # whether it had settled when the hold began
    "settled_s": "float64",  # from when all users ran until the hold began
    "generator_cpu_pct": "float64",  # of its core
    "late_p95_ms": "float64",  # how late the generator's clock ran
    "p95_ms": "float64",  # the step's own
    "run_delay_pct": "float64",  # of the hold, that the generator waited for a core
    "users_estimated": "float64",  # by Little's law
    "users_at_edges": "float64",  # to within so many: see edge_s of FLOW
    "thinking_share": "float64",  # of the users asked for, those who thought or paced a request, on average
    "rounds_per_s": "float64",  # begun
    "offered_rounds_per_s": "float64",  # that users and think time would give
    "steal_pct": "float64",  # of all cores
    "others_cpu_pct": "float64",  # of one core, by programs that are not ours
    "runner_cpu_pct": "float64",  # of one core, by Gatebench's runner
    "pressure_pct": "float64",  # of the hold, that something waited for a core
    "rps_drift_pct": "float64",  # see FLOW
    "p50_drift_pct": "float64",
}

VALIDITY = {**EVIDENCE, "valid": "bool", "invalid_reason": "str"}

LATENCY = {  # a row a step and percentile, of the same successful requests
    "step": "int64",
    "users": "int64",
    "percentile": "str",  # p50, p95, p99
    "client_ms": "float64",
    "nginx_ms": "float64",
    "generator_cpu_pct": "float64",  # of its core
    "difference_ms": "float64",  # the client's less Nginx's
    "difference_pct": "float64",  # of Nginx's
    "agrees": "bool",
}

LADDER_RUNS = {  # a row a run of a ladder and step
    "rung": "str",
    "campaign": "str",
    "trial": "int64",
    "run": "str",
    "users": "int64",
    "valid": "bool",
    "rps": "float64",
    "asked_rps": "float64",  # see MEASURED
    "cpu_ms": "float64",  # of the app server per request
    "p50_ms": "float64",
    "p95_ms": "float64",
    "threads": "float64",  # of the app server, the hold's peak, as the following
    "rss_bytes": "float64",
    "db_connections": "float64",
}

LADDER = {  # a row a rung, of the step with the most users in the trials in which it is valid
    "rung": "str",
    "change": "str",  # what differs from the rung before
    "before": "str",  # missing for the first
    "trials": "int64",
    "campaigns": "int64",
    "cpu_ms": "float64",  # of the app server per request: the geometric mean
    "cpu_low_ms": "float64",  # the lowest and the highest trial
    "cpu_high_ms": "float64",
    "added_ms": "float64",  # to the rung before, with the 95 % interval; missing for the first
    "added_low_ms": "float64",
    "added_high_ms": "float64",
    "times": "float64",  # the same as a ratio
    "low": "float64",
    "high": "float64",
    "clear": "boolean",  # whether the interval leaves out 1
    "rps": "float64",  # the geometric mean
    "threads": "float64",  # the most of a trial, as the following
    "db_connections": "float64",
    "rss_bytes": "float64",  # the median
}

LADDER_STEPS = {  # a row a rung and number of users: medians over the valid trials
    "rung": "str",
    "users": "int64",
    "trials": "int64",
    "rps": "float64",
    "cpu_ms": "float64",
    "p50_ms": "float64",
    "p95_ms": "float64",
}

COUNTS = {  # a row a rung: what one process begins for each request of one page
    "rung": "str",
    "submissions": "float64",  # to executors
    "threads": "float64",  # started
    "wakeups": "float64",  # of the event loop, by other threads
    "switches": "float64",  # of context, as the kernel counts them
}

SPENDING = {  # a row a rung and part of the program
    "rung": "str",
    "part": "str",  # one of comparing.spending.PARTS, or other
    "ms": "float64",  # of CPU per request, by samples of the stacks
}

REMEDIES = {  # a row for each two rungs of which one has one remedy more
    "remedy": "str",
    "beside": "str",  # the other remedies, with commas; missing where it is alone
    "rung": "str",
    "before": "str",
    "times": "float64",  # CPU time per request with it, as a share of that without it, with the 95 % interval
    "low": "float64",
    "high": "float64",
    "clear": "boolean",
}

MATRIX_RUNS = {  # a row a run of a matrix
    "side": "str",  # its label
    "interface": "str",
    "server": "str",
    "bridge": "str",  # empty as shipped
    "views": "str",
    "db": "str",
    "trial": "int64",
    "run": "str",
    "found": "str",  # as the following: see GUIDE_RUNS
    "users": "float64",
    "tried": "Int64",
    "low_users": "int64",
    # At the most users that it held:
    "rss_bytes": "float64",  # of the app server, its peak
    "threads": "float64",
    "db_connections": "float64",
    # At the most users that every run of the matrix held:
    "p95_ms": "float64",
    "cpu_ms": "float64",  # of the app server per request
    "db_opened_per_request": "float64",
}

MATRIX = {  # a row a side: over its trials, who holds the most users first
    "best": "Int64",  # its rank is from how many sides are clearly better
    "worst": "Int64",  # to how many are not clearly worse; missing where no trial is valid
    "side": "str",
    "interface": "str",
    "server": "str",
    "bridge": "str",
    "views": "str",
    "db": "str",
    "trials": "int64",  # that found something
    "found": "str",  # as the following: see GUIDE
    "users": "float64",
    "low": "float64",
    "high": "float64",
    "tried": "Int64",
    "low_users": "int64",
    "p95_ms": "float64",  # the median, as the following: see MATRIX_RUNS
    "cpu_ms": "float64",
    "db_opened_per_request": "float64",
    "rss_bytes": "float64",
    "threads": "float64",
    "db_connections": "float64",
}

CHANGES = {  # a row for each two sides of a matrix that differ in one knob
    "knob": "str",  # BRIDGE, VIEWS or DB
    "value": "str",
    "usual": "str",
    "side": "str",  # that has the value
    "before": "str",  # that has the usual one
    "times": "float64",  # users held by the side, as a share of those of `before`, with the 95 % interval
    "low": "float64",
    "high": "float64",
    "at_least": "bool",  # made of bounds: the true one may be larger
    "at_most": "bool",  # … smaller
    "clear": "bool",
    "cpu_times": "float64",  # CPU time per request, likewise
    "cpu_low": "float64",
    "cpu_high": "float64",
    "cpu_clear": "bool",
}

GUIDE_RUNS = {  # a row a run of a guide
    "workload": "str",
    "about": "str",  # the workload in a few words
    "side": "str",  # one of records.GUIDE_COLUMNS, or another of the workload's
    "trial": "int64",
    "run": "str",
    "found": "str",  # held: `users`; all: every valid step; none: not even the first; nothing: no step is valid
    "users": "float64",  # within the objective, interpolated; missing unless held
    "tried": "Int64",  # users of the last step that is valid
    "low_users": "int64",  # of the first step that is valid
    "asgi_only": "bool",  # no WSGI server can serve it: WebSockets
    "p50_ms": "float64",  # of the first step, where that is valid
    # The following are of the last valid step that held, else of the first valid one.
    "cpu_ms": "float64",  # of the app server a request
    "rss_bytes": "float64",  # of the app server, its peak
    "threads": "float64",
    "update_p95_ms": "float64",
}

GUIDE = {  # a row a workload and side: over its trials
    "workload": "str",
    "about": "str",
    "side": "str",
    "trials": "int64",  # that found something
    "found": "str",  # as above; at least, at most: some trials held all or none, and count with what bounds them; mixed
    "users": "float64",  # the geometric mean; missing where no trial is held
    "low": "float64",  # its 95 % interval; missing for a single trial, and of bounds
    "high": "float64",
    "tried": "Int64",  # the least of these trials
    "low_users": "int64",
    "p50_ms": "float64",  # the median, as the following: p50 of all trials, the rest of these
    "cpu_ms": "float64",
    "rss_bytes": "float64",
    "threads": "float64",
    "update_p95_ms": "float64",
}
