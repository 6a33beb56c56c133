"""A guide: how many users each kind of site holds under each side, and which side that speaks for.

Made of run.json and steps.csv alone. What a side holds is compared within its workload, trial by trial.
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

OF_A_STEP = {
    "cpu_ms": "cpu_ms_per_request_app",
    "rss_bytes": "rss_bytes_app",
    "threads": "threads_app",
    "update_p95_ms": "update_p95_ms",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """What a guide says of a workload. `best` are the columns that nothing else is clearly better than, the plainest
    first; none where the guide does not show it.
    """

    workload: str
    about: str
    best: Sequence[str]
    sentence: str


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
    known, found = _agreeing(trials)
    line: dict[str, Any] = {
        "about": trials["about"].iloc[0],
        "trials": len(known),
        "found": found,
        "low_users": int((known if len(known) else trials)["low_users"].max()),
        "tried": known["tried"].min(),
        "p50_ms": trials["p50_ms"].median(),
        **{name: known[name].median() for name in OF_A_STEP},
    }
    if found == HELD:
        logs = np.log(known["users"])
        line["users"] = math.exp(logs.mean())
        if len(logs) > 1:
            reach = float(stdtrit(len(logs) - 1, 1 - ERROR / 2)) * logs.std(ddof=1) / math.sqrt(len(logs))
            line |= {"low": math.exp(logs.mean() - reach), "high": math.exp(logs.mean() + reach)}
    return line


def _agreeing(trials: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The trials that count, and what they found. One that shows no limit, because a step is not valid, says nothing
    beside others whose limit lies beyond what it shows.
    """
    held = trials[trials["found"] == HELD]
    beyond = trials[(trials["found"] == ALL) & ~(trials["tried"] <= held["users"].max())]
    none = trials[trials["found"] == NONE]
    counts = {HELD: held, ALL: beyond, NONE: none}
    found = max(counts, key=lambda name: len(counts[name]))
    return counts[found], found if len(counts[found]) else NOTHING


def advise(runs: pd.DataFrame) -> list[Advice]:
    """One a workload, of GUIDE_RUNS: from the four columns alone."""
    table = guide_table(runs)
    columns = table[table["side"].isin(GUIDE_COLUMNS)]
    return [_advice(of_one, runs[runs["workload"] == name]) for name, of_one in columns.groupby("workload")]


def _advice(table: pd.DataFrame, runs: pd.DataFrame) -> Advice:
    best, sentence = _best(list(rows(table)), runs)
    return Advice(table["workload"].iloc[0], table["about"].iloc[0], best, sentence)


def _best(sides: Sequence[Any], runs: pd.DataFrame) -> tuple[list[str], str]:
    unknown = [spoken(one.side) for one in sides if one.found == NOTHING]
    if unknown:
        return [], f"Not shown: no trial of {listed(unknown)} is valid."
    if len(sides) == 1 and not runs["asgi_only"].all():
        return [], f"Not shown: {spoken(sides[0].side)} alone was measured."
    if len(sides) == 1 and sides[0].found == HELD:
        (one,) = sides
        return [one.side], f"Nothing but {spoken(one.side)} serves it: {one.users:,.0f} users."
    if all(one.found == ALL for one in sides):
        return [], f"Not shown: {_held_all(sides, 'each' if len(sides) > 1 else spoken(sides[0].side))}."
    beyond = [one for one in sides if one.found == ALL]
    held = sorted((one for one in sides if one.found == HELD), key=lambda one: -one.users)
    cut_off = [one for one in beyond if held and not one.tried > held[0].users]
    if cut_off:
        which = listed(f"{spoken(one.side)} beyond {one.tried:,} users" for one in cut_off)
        return [], f"Not shown: no step of {which} is valid."
    if beyond:
        return _beyond(beyond, held)
    if not held:
        return [], f"Not shown: none held {max(one.low_users for one in sides):,} users, the fewest that were tried."
    return _among(held, [one for one in sides if one.found == NONE], runs)


def _beyond(beyond: Sequence[Any], held: Sequence[Any]) -> tuple[list[str], str]:
    """`beyond` held all that was measured, which is more than each of the others did."""
    others = f"{spoken(held[0].side)} {held[0].users:,.0f}" if held else "the others not even the fewest"
    least, names = min(one.tried for one in beyond), [one.side for one in beyond]
    if min(one.trials for one in beyond) < 2 or not all(one.high < least for one in held):
        said = _held_all(beyond, listed(map(spoken, names)))
        return [], f"{said}, and {others}: too few valid trials to say how sure that is."
    return names, f"{_take(names)}: {_held_all(beyond, 'each' if len(names) > 1 else 'it')}, and {others}."


def _held_all(beyond: Sequence[Any], subject: str) -> str:
    """The subject's, or where their numbers differ each one's: "WSGI held 30 users and … held 500 users, …"."""
    most = "the most that could be measured"
    if len({one.tried for one in beyond}) == 1:
        return f"{subject} held {beyond[0].tried:,} users, {most}"
    return f"{listed(f'{spoken(one.side)} held {one.tried:,} users' for one in beyond)}, {most}"


def _among(held: Sequence[Any], none: Sequence[Any], runs: pd.DataFrame) -> tuple[list[str], str]:
    """`held`: those with a number, the largest first; `none` held not even the fewest users."""
    names = [one.side for one in held]
    ratios = _ratios(names, runs)
    first = names[0]
    if any(ratios[first, other].interval is None for other in names[1:]):
        second = f"; {spoken(names[1])} {held[1].users:,.0f}" if len(names) > 1 else ""
        said = f"{spoken(first)} held {held[0].users:,.0f} users{second}"
        return [], f"{said}: too few valid trials to say how sure that is."
    tied = [first, *(other for other in names[1:] if not ratios[first, other].clear)]
    tied.sort(key=GUIDE_COLUMNS.index)
    behind = [name for name in names if name not in tied]
    if not behind and not none:
        return tied, "Either: no clear difference in the users that they hold."
    if not behind and min(one.trials for one in (*held, *none)) < 2:
        return [], f"{spoken(first)} held {held[0].users:,.0f} users: too few valid trials to say how sure that is."
    if not behind:
        others = listed(spoken(one.side) for one in none)
        fewest = f"not even {max(one.low_users for one in none):,} users"
        return tied, f"{_take(tied)}: {held[0].users:,.0f} users, where {others} held {fewest}."
    above = next(name for name in (*tied, first) if ratios[name, behind[0]].clear)
    value, low, high = in_words(ratios[above, behind[0]].inverted())
    has = "" if above == tied[0] else f"{spoken(above)} has "
    return tied, f"{_take(tied)}: {has}{value} times the users of {spoken(behind[0])} ({low} to {high})."


def _take(names: Sequence[str]) -> str:
    said = [spoken(name) for name in names]
    either = " or ".join(said)
    return f"Take {either}, which are not clearly apart" if len(said) > 1 else f"Take {either}"


def spoken(side: str) -> str:
    """As a sentence has it: `ASGI, async views` is ASGI with async views."""
    return side.replace(", ", " with ")


def _ratios(names: Sequence[str], runs: pd.DataFrame) -> dict[tuple[str, str], Ratio]:
    """Of each two sides, the second over the first. Their intervals hold together."""
    by_trial = runs[runs["found"] == HELD].pivot_table(index="trial", columns="side", values="users")
    logs = np.log(by_trial.reindex(columns=list(names)))
    pairs = list(combinations(names, 2))
    differences = np.column_stack([logs[b] - logs[a] for a, b in pairs]) if pairs else np.empty((len(logs), 0))
    found = dict(zip(pairs, paired_ratios(differences, len(names)), strict=True))
    return {**found, **{(b, a): ratio.inverted() for (a, b), ratio in found.items()}}
