"""A guide: how many users each kind of site holds under each side, and which side that speaks for.

Made of run.json and steps.csv alone. What a side holds is compared within its workload, trial by trial. A trial that
held the complete ramp, or not even its first step, counts with that as a bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from gatebench.analysis.comparing.ratio import ERROR, Ratio, paired_ratios
from gatebench.analysis.comparing.sentences import in_words, listed
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.schema import GUIDE, GUIDE_RUNS, framed
from gatebench.analysis.steps.capacity import interpolated
from gatebench.analysis.steps.objective import Objective
from gatebench.records import GUIDE_COLUMNS, Run

HELD, ALL, NONE, NOTHING = "held", "all", "none", "nothing"
"""What a run found, as the schema has it."""

AT_LEAST, AT_MOST, MIXED = "at least", "at most", "mixed"
"""What a side's trials found together, where for some of them only a bound is known; mixed where one held all and
another nothing.
"""

KNOWN = (HELD, AT_LEAST, AT_MOST)
"""Sides with a number of users."""

MARGIN = 1.1
"""Sides whose ratio is known to lie within it hold as many: a tenth decides for no interface. Set before any ratio was
looked at.
"""

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
    """Steps that are not valid take no part. Where one lies between the last that held and the first that did not, the
    limit may lie before it: no more is known than what held.
    """
    assert run.trial is not None
    objective, workload = Objective.of(run), run.config["workload"]
    asked = steps[steps["requests"] > 0].reset_index(drop=True)
    valid = asked[asked["valid"].astype(bool)]
    kept = objective.kept(valid).to_numpy(bool)
    held = len(kept) if kept.all() else int(kept.argmin())
    if 0 < held < len(valid) and valid.index[held] - valid.index[held - 1] > 1:
        valid = valid.iloc[:held]
    row: dict[str, Any] = {
        "workload": workload["name"],
        "about": workload.get("about", ""),
        "side": run.trial.side,
        "trial": run.trial.number,
        "run": run.id,
        "found": NOTHING,
        "low_users": int((steps if valid.empty else valid)["users"].iloc[0]),
        "asgi_only": bool(workload.get("websockets")),
    }
    if valid.empty:
        return row
    at = valid.iloc[max(held - 1, 0)]
    return row | {
        "found": ALL if held == len(valid) else HELD if held else NONE,
        "users": interpolated(valid, objective),
        "tried": int(valid["users"].iloc[-1]),
        "p50_ms": valid["p50_ms"].iloc[0] if valid["users"].iloc[0] == steps["users"].iloc[0] else None,
        **{name: float(at[column]) for name, column in OF_A_STEP.items() if pd.notna(at[column])},
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
    found = _found(set(known["found"]))
    line: dict[str, Any] = {
        "about": trials["about"].iloc[0],
        "trials": len(known),
        "found": found,
        "low_users": int((known if len(known) else trials)["low_users"].max()),
        "tried": known["tried"].min(),
        "p50_ms": trials["p50_ms"].median(),
        **{name: known[name].median() for name in OF_A_STEP},
    }
    if found in KNOWN:
        logs = np.log(_users(known))
        line["users"] = math.exp(logs.mean())
        if found == HELD and len(logs) > 1:
            reach = float(stdtrit(len(logs) - 1, 1 - ERROR / 2)) * logs.std(ddof=1) / math.sqrt(len(logs))
            line |= {"low": math.exp(logs.mean() - reach), "high": math.exp(logs.mean() + reach)}
    return line


def _found(by_trial: set[str]) -> str:
    """What the trials found together."""
    if not by_trial:
        return NOTHING
    if {ALL, NONE} <= by_trial:
        return MIXED
    if len(by_trial) == 1:
        return by_trial.pop()
    return AT_LEAST if ALL in by_trial else AT_MOST


def _users(trials: pd.DataFrame) -> pd.Series[float]:
    """Those that each trial of a side held, or what bounds them: the same for all that are bounded on that side, as it
    is no measurement whose scatter would say anything.
    """
    found = trials["found"]
    least, fewest = trials.loc[found == ALL, "tried"].min(), trials.loc[found == NONE, "low_users"].max()
    return trials["users"].astype(float).mask(found == ALL, least).mask(found == NONE, fewest)


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
    apart = _apart(names, runs)
    first = names[0]
    if any(not apart[first, other].known for other in names[1:]):
        both = "; ".join(f"{spoken(one.side)} held {_counted(one)} users" for one in sides[:2])
        return Choice([], f"{both}: too few valid trials to say how sure that is.")
    tied = [first, *(other for other in names[1:] if apart[first, other].same or not apart[first, other].clear)]
    unproven = _unproven([apart[first, other] for other in tied[1:]])
    all_same = all(apart[pair].same for pair in combinations(tied, 2))
    tied.sort(key=GUIDE_COLUMNS.index)
    behind = [name for name in names if name not in tied]
    if not behind:
        return Choice(tied, EITHER) if all_same else Choice([], f"Not proven: {unproven}.", undecided=True)
    above = next(name for name in (*tied, first) if apart[name, behind[0]].clear)
    has = "" if above == tied[0] else f"{spoken(above)} has "
    times, interval = apart[above, behind[0]].in_words()
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


@dataclass(frozen=True, slots=True)
class Apart:
    """How far two sides lie apart. `ratio` is of A to B. Where it is made of bounds, the true one may be larger
    (`at_least`), smaller (`at_most`), or either. Of the trials that both have, A was ahead in some, and others are
    undecided, as their bounds leave it open.
    """

    a: str
    b: str
    ratio: Ratio
    at_least: bool
    at_most: bool
    ahead: int
    undecided: int
    trials: int

    @property
    def known(self) -> bool:
        """Whether it is known how sure the ratio is. Bounds that are the same in every trial have no interval."""
        return self.ratio.interval is not None or ((self.at_least or self.at_most) and self.trials > 1)

    @property
    def clear(self) -> bool:
        """Whether A is known to hold more."""
        larger = self.ratio.value is not None and self.ratio.value > 1
        return self.known and larger and not self.at_most and (self.ratio.clear or self.ratio.interval is None)

    @property
    def same(self) -> bool:
        """Whether the ratio is known to lie within the margin."""
        if self.at_least or self.at_most or self.ratio.interval is None:
            return False
        low, high = self.ratio.interval
        return bool(low >= 1 / MARGIN and high <= MARGIN)

    def in_words(self) -> tuple[str, str]:
        """As in "2.1" and " (1.8 to 2.4)". Of a bound no more is known than its lower end: "at least 1.8" and ""."""
        value, *ends = in_words(self.ratio)
        if self.at_least:
            return f"at least {ends[0] if ends else value}", ""
        return value, f" ({ends[0]} to {ends[1]})" if ends else ""

    def how_often(self) -> str:
        """As in "2 of 3 trials with 1 undecided"."""
        return f"{self.ahead} of {self.trials} trials{f' with {self.undecided} undecided' * bool(self.undecided)}"


def _apart(names: Sequence[str], runs: pd.DataFrame) -> dict[tuple[str, str], Apart]:
    """Of each two sides. Their intervals hold together."""
    known = runs[(runs["found"] != NOTHING) & runs["side"].isin(names)]
    known = pd.concat([of_side.assign(log=np.log(_users(of_side))) for _, of_side in known.groupby("side")])
    bound = known["tried"].where(known["found"] == ALL, known["low_users"])
    known["own"] = known["users"].fillna(bound).astype(float)
    logs, found, own = (known.pivot(index="trial", columns="side", values=name) for name in ("log", "found", "own"))
    pairs = list(combinations(names, 2))
    differences = np.column_stack([logs[a] - logs[b] for a, b in pairs]) if pairs else np.empty((len(logs), 0))
    apart = {}
    for (a, b), ratio in zip(pairs, paired_ratios(differences, len(names)), strict=True):
        both = logs[a].notna() & logs[b].notna()
        more = ((found[a] == ALL) | (found[b] == NONE)) & both
        less = ((found[a] == NONE) | (found[b] == ALL)) & both
        first, second = ((own[a] > own[b]) & both & ~less), ((own[a] < own[b]) & both & ~more)
        trials, undecided = int(both.sum()), int((both & ~first & ~second & (more | less)).sum())
        bounds = bool(more.any()), bool(less.any())
        apart[a, b] = Apart(a, b, ratio, *bounds, int(first.sum()), undecided, trials)
        apart[b, a] = Apart(b, a, ratio.inverted(), *bounds[::-1], int(second.sum()), undecided, trials)
    return apart
