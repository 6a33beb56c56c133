"""Limits that a side must keep to, for CI: failures and p95 at every step, and users held within the objective."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from gatebench.analysis.comparing.sides import Side
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.steps.capacity import or_zero, users_held
from gatebench.analysis.words import MISSING
from gatebench.errors import GateError, InvalidError, UsageError

GATES = {
    "MAX_FAILURES": "most failures of a step, as in 1%",
    "MAX_P95": "highest p95 of a step, as in 1000ms or 1s",
    "MIN_CAPACITY": "fewest users within the objective, as in 300",
}
"""By name, in make's, the environment's and (as --max-failures) analyze.py's way of writing."""

_FORMS = {
    "MAX_FAILURES": (re.compile(r"(\d+(?:\.\d+)?)%", re.ASCII), "a share of requests, as in MAX_FAILURES=1%"),
    "MAX_P95": (re.compile(r"(\d+(?:\.\d+)?)(ms|s)", re.ASCII), "a time, as in MAX_P95=1000ms or MAX_P95=1s"),
    "MIN_CAPACITY": (re.compile(r"([1-9]\d*)", re.ASCII), "a number of users, as in MIN_CAPACITY=300"),
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a side stands to a gate. `passed` is None when that cannot be judged, and `why` says why."""

    gate: str
    side: str
    value: str
    limit: str
    passed: bool | None
    why: str = ""


def parse_gates(given: Mapping[str, str]) -> dict[str, float]:
    """Limits by gate, in %, ms and users; those not given are left out. Raises UsageError for a bad one."""
    return {name: _limit(name, given[name]) for name in GATES if given.get(name)}


def _limit(name: str, text: str) -> float:
    form, wanted = _FORMS[name]
    match = form.fullmatch(text)
    if match is None or (name == "MAX_FAILURES" and float(match[1]) > 100):
        raise UsageError(f"{name}={text} is not understood: give {wanted}.")
    return float(match[1]) * (1000 if match.lastindex == 2 and match[2] == "s" else 1)


def judge(sides: Iterable[Side], limits: Mapping[str, float]) -> list[Judgement]:
    """A judgement each gate and side, on the side's worst valid step; of several runs on their median."""
    return [_JUDGES[name](side, limit) for name, limit in limits.items() for side in sides]


def enforce(judgements: Iterable[Judgement]) -> None:
    """Raises GateError for the gates that were missed, else InvalidError for those that cannot be judged."""
    judged = list(judgements)
    if missed := [one for one in judged if one.passed is False]:
        raise GateError(
            "\n".join(f"{one.gate} was missed: {one.side} has {one.value}, the limit is {one.limit}." for one in missed)
        )
    if open_ := [one for one in judged if one.passed is None]:
        raise InvalidError("\n".join(f"{one.gate} cannot be judged for {one.side}: {one.why}." for one in open_))


def _highest(gate: str, column: str, form: Callable[[float], str]) -> Callable[[Side, float], Judgement]:
    def judge_steps(side: Side, limit: float) -> Judgement:
        known = side.steps[side.steps["valid"].astype(bool) & side.steps[column].notna()]
        value = MISSING
        if len(known):
            worst = known.iloc[int(known[column].to_numpy(float).argmax())]
            value = f"{form(worst[column])} at {worst['users']} users"
            if worst[column] > limit:
                return Judgement(gate, side.label, value, form(limit), False)
        why = _unknown(side.steps, column)
        return Judgement(gate, side.label, value, form(limit), None if why else True, why)

    return judge_steps


def _unknown(steps: pd.DataFrame, column: str) -> str:
    """Why a step has no number to be judged by; empty when each has one."""
    for row in rows(steps):
        if not row.valid:
            return f"the step of {row.users} users is not valid ({row.invalid_reason})"
        if pd.isna(getattr(row, column)):
            return f"the step of {row.users} users has no {'' if column == 'failure_pct' else 'successful '}request"
    return "" if len(steps) else "no step was measured"


def _capacity(side: Side, limit: float) -> Judgement:
    held = users_held(side.capacity)
    users = or_zero(held.users)
    why = ""
    if pd.notna(held.invalid_reason):
        why = f"a step that decides is not valid ({held.invalid_reason})"
    elif held.ramp_ended and users < limit:
        why = f"its ramp ends at {users} users: give USERS up to {limit:.0f}" if users else "no step was measured"
    passed = None if why else users >= limit
    return Judgement("MIN_CAPACITY", side.label, f"{users} users", f"{limit:.0f} users", passed, why)


def _percent(value: float) -> str:
    """Exact enough to tell a value from its limit."""
    return f"{value:.4g}%"


def _ms(value: float) -> str:
    return f"{value:.6g} ms"


_JUDGES = {
    "MAX_FAILURES": _highest("MAX_FAILURES", "failure_pct", _percent),
    "MAX_P95": _highest("MAX_P95", "p95_ms", _ms),
    "MIN_CAPACITY": _capacity,
}
