"""A guide: how many users each kind of site holds under each side, and which side that speaks for.

Made of run.json and steps.csv alone. What a side holds is compared within its workload.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from gatebench.analysis.comparing.held import (
    ALL,
    AT_LEAST,
    AT_MOST,
    MARGIN,
    MIXED,
    NONE,
    NOTHING,
    Apart,
    apart,
    held,
    over_trials,
)
from gatebench.analysis.comparing.sentences import listed
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.schema import GUIDE, GUIDE_RUNS, framed
from gatebench.records import GUIDE_COLUMNS, Run

OF_A_STEP = {
    "cpu_ms": "cpu_ms_per_request_app",
    "rss_bytes": "rss_bytes_app",
    "threads": "threads_app",
    "update_p95_ms": "update_p95_ms",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """`best` are the columns that nothing else is clearly better than, the plainest first; none where the guide does
    not show it. Where it is `undecided`, all were measured well enough, and none is proven to be better or as good.
    """

    best: Sequence[str]
    sentence: str
    undecided: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """What a guide says of a workload."""

    workload: str
    about: str
    choice: Choice


def guide_runs(found: Sequence[tuple[Run, pd.DataFrame]]) -> pd.DataFrame:
    """GUIDE_RUNS, of runs with their steps tables."""
    return framed([_row(run, steps) for run, steps in found if len(steps)], GUIDE_RUNS)


def _row(run: Run, steps: pd.DataFrame) -> dict[str, Any]:
    assert run.trial is not None
    workload, found = run.config["workload"], held(run, steps)
    row: dict[str, Any] = {
        "workload": workload["name"],
        "about": workload.get("about", ""),
        "side": run.trial.side,
        "trial": run.trial.number,
        "run": run.id,
        "found": found.found,
        "low_users": found.low_users,
        "asgi_only": bool(workload.get("websockets")),
    }
    if found.at is None:
        return row
    first = steps.iloc[0]
    return row | {
        "users": found.users,
        "tried": found.tried,
        "p50_ms": first["p50_ms"] if found.low_users == first["users"] else None,
        **{name: float(found.at[column]) for name, column in OF_A_STEP.items() if pd.notna(found.at[column])},
    }


def guide_table(runs: pd.DataFrame) -> pd.DataFrame:
    """GUIDE, of GUIDE_RUNS: workloads in the order of their names, sides in that of the columns."""
    groups = runs.groupby(["workload", "side"], sort=False)
    lines = [{"workload": workload, "side": side, **_over(group)} for (workload, side), group in groups]
    lines.sort(key=lambda line: (line["workload"], _place(line["side"])))
    return framed(lines, GUIDE)


def _place(side: str) -> tuple[int, str]:
    return (GUIDE_COLUMNS.index(side) if side in GUIDE_COLUMNS else len(GUIDE_COLUMNS), side)


def _over(trials: pd.DataFrame) -> dict[str, Any]:
    known = trials[trials["found"] != NOTHING]
    return {
        "about": trials["about"].iloc[0],
        **over_trials(trials),
        "p50_ms": trials["p50_ms"].median(),
        **{name: known[name].median() for name in OF_A_STEP},
    }


def advise(runs: pd.DataFrame) -> list[Advice]:
    """One a workload, of GUIDE_RUNS: from the four columns alone."""
    table = guide_table(runs)
    columns = table[table["side"].isin(GUIDE_COLUMNS)]
    return [_advice(of_one, runs[runs["workload"] == name]) for name, of_one in columns.groupby("workload")]


def _advice(table: pd.DataFrame, runs: pd.DataFrame) -> Advice:
    return Advice(table["workload"].iloc[0], table["about"].iloc[0], _best(list(rows(table)), runs))


def _best(sides: Sequence[Any], runs: pd.DataFrame) -> Choice:
    unknown = [spoken(one.side) for one in sides if one.found == NOTHING]
    if unknown:
        return Choice([], f"Not shown: no trial of {listed(unknown)} is valid.")
    if len(sides) == 1 and not runs["asgi_only"].all():
        return Choice([], f"Not shown: {spoken(sides[0].side)} alone was measured.")
    if mixed := [spoken(one.side) for one in sides if one.found == MIXED]:
        why = "one trial held the complete ramp, and another not its first step"
        return Choice([], f"Not shown: of {listed(mixed)} {why}.")
    if all(one.found == ALL for one in sides):
        return Choice([], f"Not shown: {_held_all(sides, 'each' if len(sides) > 1 else spoken(sides[0].side))}.")
    if all(one.found == NONE for one in sides):
        fewest = max(one.low_users for one in sides)
        return Choice([], f"Not shown: none held {fewest:,} users, the fewest that were tried.")
    if len(sides) == 1:
        return Choice([sides[0].side], f"Nothing but {spoken(sides[0].side)} serves it: {_counted(sides[0])} users.")
    return _among(sorted(sides, key=lambda one: -_number(one)), runs)


def _number(side: Any) -> float:
    """Users of a side, or what bounds them."""
    return float({ALL: side.tried, NONE: side.low_users}.get(side.found, side.users))


def _counted(side: Any) -> str:
    """As in "at least 500"."""
    bounds = {ALL: "at least ", AT_LEAST: "at least ", AT_MOST: "at most ", NONE: "fewer than "}
    return f"{bounds.get(side.found, '')}{_number(side):,.0f}"


def _held_all(beyond: Sequence[Any], subject: str) -> str:
    """The subject's, or where their numbers differ each one's: "WSGI held 30 users and … held 500 users, …"."""
    most = "the most that could be measured"
    if len({one.tried for one in beyond}) == 1:
        return f"{subject} held {beyond[0].tried:,} users, {most}"
    return f"{listed(f'{spoken(one.side)} held {one.tried:,} users' for one in beyond)}, {most}"


def _among(sides: Sequence[Any], runs: pd.DataFrame) -> Choice:
    """`sides`: the one with the most users first."""
    names = [one.side for one in sides]
    pairs = apart(names, runs)
    first = names[0]
    if any(not pairs[first, other].known for other in names[1:]):
        both = "; ".join(f"{spoken(one.side)} held {_counted(one)} users" for one in sides[:2])
        return Choice([], f"{both}: too few valid trials to say how sure that is.")
    tied = [first, *(other for other in names[1:] if pairs[first, other].same or not pairs[first, other].clear)]
    unproven = _unproven([pairs[first, other] for other in tied[1:]])
    all_same = all(pairs[pair].same for pair in combinations(tied, 2))
    tied.sort(key=GUIDE_COLUMNS.index)
    behind = [name for name in names if name not in tied]
    if not behind:
        return Choice(tied, EITHER) if all_same else Choice([], f"Not proven: {unproven}.", undecided=True)
    above = next(name for name in (*tied, first) if pairs[name, behind[0]].clear)
    has = "" if above == tied[0] else f"{spoken(above)} has "
    times, interval = pairs[above, behind[0]].in_words()
    taken = f"{_take(tied)}{f' ({unproven})' * bool(unproven)}"
    return Choice(tied, f"{taken}: {has}{times} times the users of {spoken(behind[0])}{interval}.")


EITHER = f"Either: they hold the same number of users, to within {100 * (MARGIN - 1):.0f} %."


def _unproven(pairs: Sequence[Apart]) -> str:
    """How often the first of each pair was ahead of one that it is not known to equal; empty where there is none."""
    unproven = [one for one in pairs if not one.same]
    if not unproven:
        return ""
    of_each = listed(f"of {spoken(one.b)} in {one.how_often()}" for one in unproven)
    return f"{spoken(unproven[0].a)} was ahead {of_each}"


def _take(names: Sequence[str]) -> str:
    named = [spoken(name) for name in names]
    either = " or ".join(named)
    return f"Take {either}, which are not clearly apart" if len(named) > 1 else f"Take {either}"


def spoken(side: str) -> str:
    """As a sentence has it: `ASGI, async views` is ASGI with async views."""
    return side.replace(", ", " with ")
