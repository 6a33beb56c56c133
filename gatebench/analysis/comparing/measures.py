"""What sides are compared by: three measures, each in one place, and which of them decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.pairing import Figures, common_campaigns
from gatebench.analysis.comparing.sides import Side, all_runs
from gatebench.analysis.steps.capacity import interpolated, shown

THROUGHPUT = "requests/s at saturation"
CAPACITY = "users within the objective"
CPU = "CPU ms per request, app"

HEADLINE = THROUGHPUT
"""The measure that decides, settled before any ratio is looked at. From campaign to campaign it differs as little as
CPU per request, and it is what a site's users get: docs/measurements.md has the figures.
"""

BY_STEP = {
    "rps": "requests/s",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "cpu_ms_per_request_app": CPU,
}
"""What is compared step by step too: column of the steps table -> its name in the report."""

SATURATED = 0.8
"""A side is saturated at a step where its users begin no more than this share of the rounds that they would begin if
answers took no time: a fifth of them wait for answers. How many wait at a moment varies by about the root of those that
think, so of 100 users some wait nearly always (all but 1 % of the time), and of more users even more surely: the server
is never idle, and serves what it can.
"""


Saturated = dict[str | None, frozenset[int]]
"""By campaign, the users at which all sides were saturated."""


@dataclass(frozen=True, slots=True)
class Measure:
    """`says` and `says_short` have places for one side and the ratio, `says` a third for the other side."""

    name: str
    figures: Figures
    says: str
    says_short: str
    more_is_better: bool = True
    users: int | None = None  # where it is of one step
    why: str = ""  # what a reader must know of this choice


def measures(sides: Sequence[Side]) -> list[Measure]:
    """Those that the runs show, the one that decides first; none when the sides have no valid step in common."""
    saturated = saturated_users(sides)
    users = sorted({n for some in saturated.values() for n in some})
    if users:
        found = [_throughput(saturated, users), *_capacity(sides), *_cpu(sides, saturated)]
    elif (top := _top(sides)) is not None:
        found = [_at_top(sides, top), *_capacity(sides), *_cpu(sides, top)]
    else:
        return []
    return sorted(found, key=lambda measure: measure.name != HEADLINE)


def _throughput(saturated: Saturated, users: Sequence[int]) -> Measure:
    where = f"at saturation ({f'{users[0]} to ' * (len(users) > 1)}{users[-1]} users)"
    return Measure(
        THROUGHPUT,
        _at_saturation("rps", saturated),
        f"{{}} served {{}} times the requests/s of {{}} {where}",
        f"{{}} served {{}} times the requests/s {where}",
        why=_left_out(saturated),
    )


def saturated_users(sides: Sequence[Side]) -> Saturated:
    """By campaign, the users at which each of its sides was saturated, in the median of its valid trials. Sides that no
    campaign measured together are looked at as if one had: its name is None.
    """
    found: Saturated = {}
    names: Sequence[str | None] = common_campaigns(sides) or [None]
    for campaign in names:
        of_sides = [[run for run in side.runs if campaign in (None, _campaign(run))] for side in sides]
        found[campaign] = frozenset.intersection(*(_saturated(runs) for runs in of_sides if runs))
    return found


def _saturated(runs: Sequence[AnalysedRun]) -> frozenset[int]:
    shares = pd.concat([_share(run) for run in runs]).groupby(level=0).median()
    return frozenset(int(users) for users in shares.index[shares <= SATURATED])


def _share(run: AnalysedRun) -> pd.Series[float]:
    """By users, over valid steps: those who thought, of all. It is the rounds begun, of those begun if answers took no
    time. Missing where the run does not say.
    """
    share: pd.Series[float] = run.validity[run.validity["valid"]].set_index("users")["thinking_share"]
    return share


def _campaign(run: AnalysedRun) -> str | None:
    return run.run.trial.campaign if run.run.trial else None


def _at_saturation(column: str, saturated: Saturated) -> Figures:
    def figures(run: AnalysedRun) -> dict[int, float]:
        users = saturated.get(None, saturated.get(_campaign(run), frozenset()))
        return {n: figure for n, figure in of_steps(run, column).items() if n in users}

    return figures


def of_steps(run: AnalysedRun, column: str) -> dict[int, float]:
    """A column of the run's valid steps by users; empty where the steps table has no such column."""
    valid = run.steps[run.steps["valid"].astype(bool)]
    if column not in valid:
        return {}
    return {int(users): float(figure) for users, figure in zip(valid["users"], valid[column], strict=True)}


def at(users: int, column: str) -> Figures:
    return lambda run: {n: figure for n, figure in of_steps(run, column).items() if n == users}


def _at_top(sides: Sequence[Side], top: int) -> Measure:
    says = f"at {top} users"
    known = any(_share(run).notna().any() for run in all_runs(sides))
    why = (
        f"Not saturated: at no step were all sides asked for clearly more than they served, so requests/s at {top} "
        "users decide. More USERS would show which serves more."
        if known
        else f"Requests/s at {top} users decide: these runs do not record what a round is, and so not what saturates."
    )
    return Measure(
        "rps",
        at(top, "rps"),
        f"{{}} served {{}} times the requests/s of {{}} {says}",
        f"{{}} served {{}} times the requests/s {says}",
        users=top,
        why=why,
    )


def _top(sides: Sequence[Side]) -> int | None:
    """The most users at which the step is valid in every run, else in one of each side."""
    of_runs = [set(of_steps(run, "rps")) for run in all_runs(sides)]
    of_sides = [set().union(*(of_steps(run, "rps") for run in side.runs)) for side in sides]
    common = set.intersection(*of_runs) or set.intersection(*of_sides)
    return max(common, default=None)


def _capacity(sides: Sequence[Side]) -> list[Measure]:
    """Only where every run's ramp shows it: to leave out the runs that held too much for it would favour the others."""
    if not all(shown(run.steps, run.objective) for run in all_runs(sides)):
        return []
    return [
        Measure(
            CAPACITY,
            _within_objective,
            "{} held {} times the users of {} within the objective",
            "{} held {} times the users within the objective",
        )
    ]


def _within_objective(run: AnalysedRun) -> dict[int, float]:
    users = interpolated(run.steps, run.objective)
    return {} if users is None else {0: users}


def _cpu(sides: Sequence[Side], where: Saturated | int) -> list[Measure]:
    column = "cpu_ms_per_request_app"
    figures = at(where, column) if isinstance(where, int) else _at_saturation(column, where)
    known = [figure for run in all_runs(sides) for figure in figures(run).values()]
    if not known or pd.isna(known).any():
        return []
    says = "{} used {} times the CPU per request"
    return [Measure(CPU, figures, f"{says} of {{}}", says, more_is_better=False)]


def _left_out(saturated: Saturated) -> str:
    without = sum(not users for users in saturated.values())
    if not without:
        return ""
    return f"{without} of {len(saturated)} campaigns take no part: at none of their steps were all sides saturated."
