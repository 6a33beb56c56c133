"""Whether a step measured the server: the checks, a row each, and why a step is not valid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gatebench.analysis.reading.frames import rows
from gatebench.analysis.words import count, number, signed_percent, whole_percent
from gatebench.records import STATISTICS_RESET, Outcome, Run, Step

BUSY_PCT = 90
"""Of one core, the generator's: Locust runs on one, and warns of itself at 90 % too. Above it requests wait for the
generator, and it is measured instead of the server."""

CLOCK_LATE_MS, CLOCK_LATE_PCT = 25, 5
"""How late the generator's clock may run (p95): both in ms and in percent of the step's p95. A latency is read off that
clock, so what it is late is in the percentiles. 5 % is as closely as the client's and Nginx's percentiles are asked to
agree; 25 ms are a fortieth of the objective, and no choice of a server turns on less."""

LITTLE_PCT = 10
"""Of the users asked for. Little's law holds within 2 % in the recorded runs, saturated or not; a tenth of the users
lost or idle moves a result by about as much as identical runs differ. A short hold allows more: see users_at_edges."""

STEAL_PCT = 5
"""Of the CPU time of all cores. What the hypervisor gives to others is missing from the server: as much as the
agreement that is asked of percentiles."""

OTHERS_PCT = 25
"""Of one core, besides all roles and Gatebench's runner. The kernel's own work needs a few percent; a quarter of a core
is a program that competes with the server for it."""

DRIFT_PCT, DRIFT_REQUESTS = 20, 500
"""Throughput or p50 that differ by more between the halves of a hold are worth a remark. With fewer requests that much
is chance."""

WAITING_PCT = 10
"""Of the hold, that the generator was ready to run and had no core: worth a remark. Its clock says whether
it did harm."""

Row = Any  # of the evidence


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the report's table. `fault` is why the step is not valid and what to do; None when it passes."""

    name: str
    needs: tuple[str, ...]  # columns without which the check cannot be made
    show: Callable[[Row], str]
    fault: Callable[[Row], str | None] = lambda _: None

    def made(self, row: Row) -> bool:
        return not any(pd.isna(getattr(row, name)) for name in self.needs)

    def reason(self, row: Row) -> str | None:
        return self.fault(row) if self.made(row) else None


def _users_lost(row: Row) -> str | None:
    if row.users_running == row.users:
        return None
    return f"{row.users_running} of {row.users} users were running: logs/load.log says what became of the others"


def _not_steady(row: Row) -> str | None:
    if row.steady:
        return None
    return (
        f"its throughput or response times still changed after {row.settled_s:.0f} s of settling: "
        "give a longer SETTLE, or look for what changes them second by second"
    )


def _little(row: Row) -> str | None:
    if abs(row.users_estimated - row.users) <= max(row.users * LITTLE_PCT / 100, row.users_at_edges):
        return None
    what = f"by Little's law {row.users_estimated:,.0f} users were at work, not {row.users:,}"
    if row.users_estimated < row.users:
        return f"{what}: some were lost or idle, look for errors in logs/load.log"
    return f"{what}: does the locustfile's think time differ from what the run says?"


def _generator_busy(row: Row) -> str | None:
    if row.generator_cpu_pct <= BUSY_PCT:
        return None
    return f"the load generator used {row.generator_cpu_pct:.0f} % of its core: fewer users, or a faster machine for it"


def _clock_late(row: Row) -> str | None:
    bearable_ms = 0 if pd.isna(row.p95_ms) else row.p95_ms * CLOCK_LATE_PCT / 100
    if row.late_p95_ms <= max(CLOCK_LATE_MS, bearable_ms):
        return None
    return (
        f"the load generator's clock ran {row.late_p95_ms:,.0f} ms late (p95), and latencies with it: "
        "fewer users, or a core of its own for it"
    )


def _stolen(row: Row) -> str | None:
    if row.steal_pct <= STEAL_PCT:
        return None
    return (
        f"the hypervisor gave {row.steal_pct:.0f} % of the CPU time to others: "
        "measure when they are quiet, or on a machine of its own"
    )


def _others_busy(row: Row) -> str | None:
    if row.others_cpu_pct <= OTHERS_PCT:
        return None
    return (
        f"the machine was busy with something else ({row.others_cpu_pct:.0f} % of a core): "
        "end what else runs there, then measure again"
    )


CHECKS = (
    Check("Users running", ("users_running",), lambda row: count(row.users_running), _users_lost),
    Check("Seconds settled", ("steady", "settled_s"), lambda row: number(row.settled_s), _not_steady),
    Check("Users by Little's law", ("users_estimated", "users_at_edges"),
          lambda row: count(round(row.users_estimated)), _little),
    Check("Rounds/s begun / offered", ("rounds_per_s", "offered_rounds_per_s"),
          lambda row: f"{number(row.rounds_per_s)} / {number(row.offered_rounds_per_s)}"),
    Check("Generator's CPU, of its core", ("generator_cpu_pct",),
          lambda row: whole_percent(row.generator_cpu_pct), _generator_busy),
    Check("Generator's clock late, p95 ms", ("late_p95_ms",), lambda row: number(row.late_p95_ms), _clock_late),
    Check("Generator waited for a core", ("run_delay_pct",), lambda row: whole_percent(row.run_delay_pct)),
    Check("Steal, of all cores", ("steal_pct",), lambda row: whole_percent(row.steal_pct), _stolen),
    Check("CPU of other programs, of a core", ("others_cpu_pct",),
          lambda row: whole_percent(row.others_cpu_pct), _others_busy),
    Check("CPU of Gatebench's runner", (), lambda row: whole_percent(row.runner_cpu_pct)),
    Check("CPU pressure", ("pressure_pct",), lambda row: whole_percent(row.pressure_pct)),
    Check("Throughput, first half to second", (), lambda row: signed_percent(row.rps_drift_pct)),
    Check("p50, first half to second", (), lambda row: signed_percent(row.p50_drift_pct)),
    Check("Listen overflows", ("listen_overflows",), lambda row: count(row.listen_overflows)),
    Check("TCP retransmits", ("retransmits",), lambda row: count(row.retransmits)),
)  # fmt: skip


def validity(evidence: pd.DataFrame, run: Run) -> pd.DataFrame:
    """VALIDITY, a row a step."""
    reasons = [invalid_reason(row, step, run) for row, step in zip(rows(evidence), run.steps, strict=True)]
    reason = pd.Series(reasons, index=evidence.index, dtype="str")
    return evidence.assign(valid=reason.isna(), invalid_reason=reason)


def invalid_reason(row: Row, step: Step, run: Run) -> str | None:
    """Why the step's numbers cannot be trusted, and what to do; None when nothing speaks against them."""
    found = [*_of_run(row, step, run), *(check.reason(row) for check in CHECKS), *_interference(run)]
    return "; ".join(reason for reason in found if reason) or None


def _of_run(row: Row, step: Step, run: Run) -> Iterator[str]:
    """Unfinished requests are failures when the run was drained, and only cut off when it ended early."""
    if step.hold_ended is None:
        how = {Outcome.RUNNING: "when the runner was killed", Outcome.FAILED: "when the run failed"}
        yield f"it was cut off {how.get(run.outcome, 'when the run was interrupted')}: run it again"
    for mistake in run.mistakes:
        if mistake.step == step.number:
            yield f"{mistake.what}: mend the locustfile, then run it again"
    if row.unfinished and run.outcome is not Outcome.COMPLETE:
        yield f"{row.unfinished:,} requests were still waited for when the run ended early: run it again"


def _interference(run: Run) -> Iterator[str]:
    for what in run.load.interference if run.load else ():
        if what == STATISTICS_RESET:
            continue  # no number of a step comes from there
        yield f"{what}: run it again and only watch"


def unchecked(table: pd.DataFrame) -> list[str]:
    """The checks that could not be made in any step, for want of a record."""
    judged = list(rows(table))
    return [check.name for check in CHECKS if judged and not any(check.made(row) for row in judged)]


def remarks(table: pd.DataFrame, requests: Iterable[int]) -> Iterator[str]:
    """What does not make a step invalid and must be read beside it. `requests` of each step, in order."""
    judged = list(zip(rows(table), requests, strict=True))
    if drifted := [row.users for row, n in judged if n >= DRIFT_REQUESTS and _drifts(row)]:
        yield (
            f"throughput or p50 changed by more than {DRIFT_PCT} % within the hold at {_listed(drifted)} users: "
            "a longer HOLD tells more."
        )
    if waited := [row.users for row, _ in judged if row.run_delay_pct > WAITING_PCT]:
        yield (
            f"the load generator waited for a core for more than {WAITING_PCT} % of the time at "
            f"{_listed(waited)} users: fewer users, or more cores for it."
        )
    if overflowed := [row for row, _ in judged if pd.notna(row.listen_overflows) and row.listen_overflows > 0]:
        yield (
            f"a full listen backlog turned connections away at {_listed(row.users for row in overflowed)} users, "
            f"{sum(row.listen_overflows for row in overflowed):,} times: their clients try again after 1, 3 and 7 s."
        )


def _drifts(row: Row) -> bool:
    return any(abs(drift) > DRIFT_PCT for drift in (row.rps_drift_pct, row.p50_drift_pct))


def _listed(users: Iterable[int]) -> str:
    return ", ".join(str(n) for n in users)
