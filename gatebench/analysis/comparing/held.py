"""How many users a side holds within its objective, and how far two sides lie apart. A trial that held the complete
ramp, or not even its first step, counts with that as a bound.

Made of run.json and steps.csv alone. What is compared is compared trial by trial.
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
from gatebench.analysis.comparing.sentences import in_words
from gatebench.analysis.steps.capacity import interpolated
from gatebench.analysis.steps.objective import Objective
from gatebench.records import Run

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


@dataclass(frozen=True, slots=True)
class Held:
    """What a run found. `at` is the last valid step that held, else the first valid one; None where none is valid."""

    found: str  # HELD, ALL, NONE or NOTHING
    low_users: int  # of the first valid step
    users: float | None = None  # within the objective, interpolated; None unless held
    tried: int | None = None  # users of the last valid step
    at: pd.Series[Any] | None = None


def held(run: Run, steps: pd.DataFrame) -> Held:
    """Steps that are not valid take no part. Where one lies between the last that held and the first that did not, the
    limit may lie before it: no more is known than what held.
    """
    objective = Objective.of(run)
    asked = steps[steps["requests"] > 0].reset_index(drop=True)
    valid = asked[asked["valid"].astype(bool)]
    if valid.empty:
        return Held(NOTHING, int(steps["users"].iloc[0]))
    kept = objective.kept(valid).to_numpy(bool)
    n = len(kept) if kept.all() else int(kept.argmin())
    if 0 < n < len(valid) and valid.index[n] - valid.index[n - 1] > 1:
        valid = valid.iloc[:n]
    return Held(
        ALL if n == len(valid) else HELD if n else NONE,
        int(valid["users"].iloc[0]),
        interpolated(valid, objective),
        int(valid["users"].iloc[-1]),
        valid.iloc[max(n - 1, 0)],
    )


def held_at(run: Run, steps: pd.DataFrame) -> set[int]:
    """Users of the valid steps that held."""
    valid = steps[(steps["requests"] > 0) & steps["valid"].astype(bool)]
    return {int(users) for users in valid.loc[Objective.of(run).kept(valid).astype(bool), "users"]}


def over_trials(trials: pd.DataFrame) -> dict[str, Any]:
    """Of the trials of a side (found, users, tried, low_users): trials, found, low_users, tried; and users, low, high
    where they are known.
    """
    known = trials[trials["found"] != NOTHING]
    found = _found(set(known["found"]))
    line: dict[str, Any] = {
        "trials": len(known),
        "found": found,
        "low_users": int((known if len(known) else trials)["low_users"].max()),
        "tried": known["tried"].min(),
    }
    if found in KNOWN:
        logs = np.log(_users(known))
        line["users"] = math.exp(logs.mean())
        if found == HELD and len(logs) > 1:
            reach = float(stdtrit(len(logs) - 1, 1 - ERROR / 2)) * logs.std(ddof=1) / math.sqrt(len(logs))
            line |= {"low": math.exp(logs.mean() - reach), "high": math.exp(logs.mean() + reach)}
    return line


def users_or_bound(sides: pd.DataFrame) -> pd.Series[float]:
    """Of sides over their trials: the users that each holds, or what bounds them."""
    bound = sides["tried"].astype("float64").where(sides["found"] == ALL, sides["low_users"].astype("float64"))
    return sides["users"].fillna(bound)


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


def apart(names: Sequence[str], runs: pd.DataFrame) -> dict[tuple[str, str], Apart]:
    """Of each two sides. Their intervals hold together."""
    if not names:
        return {}
    known = runs[(runs["found"] != NOTHING) & runs["side"].isin(names)]
    known = pd.concat([of_side.assign(log=np.log(_users(of_side))) for _, of_side in known.groupby("side")])
    bound = known["tried"].where(known["found"] == ALL, known["low_users"])
    known["own"] = known["users"].fillna(bound).astype(float)
    logs, found, own = (known.pivot(index="trial", columns="side", values=name) for name in ("log", "found", "own"))
    pairs = list(combinations(names, 2))
    differences = np.column_stack([logs[a] - logs[b] for a, b in pairs]) if pairs else np.empty((len(logs), 0))
    found_apart = {}
    for (a, b), ratio in zip(pairs, paired_ratios(differences, len(names)), strict=True):
        both = logs[a].notna() & logs[b].notna()
        more = ((found[a] == ALL) | (found[b] == NONE)) & both
        less = ((found[a] == NONE) | (found[b] == ALL)) & both
        first, second = ((own[a] > own[b]) & both & ~less), ((own[a] < own[b]) & both & ~more)
        trials, undecided = int(both.sum()), int((both & ~first & ~second & (more | less)).sum())
        bounds = bool(more.any()), bool(less.any())
        found_apart[a, b] = Apart(a, b, ratio, *bounds, int(first.sum()), undecided, trials)
        found_apart[b, a] = Apart(b, a, ratio.inverted(), *bounds[::-1], int(second.sum()), undecided, trials)
    return found_apart
