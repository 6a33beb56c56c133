"""Ratios of the sides' figures, level by level: a trial's from its steps, a campaign's from its trials, and the one
that holds beyond a single campaign from campaigns.

A campaign is one sitting: its trials share the hour, the machine and the code, so however many they are, they are one
observation of what another sitting would give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.ratio import ERROR, ONE_RUN, Ratio, paired_ratios, unpaired_ratio
from gatebench.analysis.comparing.sides import Side

Figures = Callable[[AnalysedRun], Mapping[int, float]]
"""A run's figures by users, or by 0 where it is one figure of the whole run. What is not valid has none; NaN is one
that should be there and is missing.
"""

NO_FIGURE = "a figure is missing or zero: no ratio"
ONE_CAMPAIGN = (
    "each was measured in one campaign and in none together, so the hours differ as well: "
    "`make bench` measures sides one right after the other"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """B over A, and what stands behind it: trials of both in so many campaigns. Of sides that were never measured
    together there is no such campaign: `apart` says what stands behind each, `trials` is the fewer of the two.
    """

    a: Side
    b: Side
    ratio: Ratio
    campaigns: int = 0
    trials: int = 0
    apart: str = ""


def pairs(sides: Sequence[Side], figures: Figures, error: float = ERROR) -> list[Pair]:
    """Each two of the sides, in the order of `combinations`; their intervals hold together, but for the error."""
    logs = _logs(sides, figures)
    if common_campaigns(sides):
        found = _together(sides, logs, error)
    else:
        each = error / math.comb(len(sides), 2)
        found = [_apart(sides, i, j, logs, each) for i, j in combinations(range(len(sides)), 2)]
    lacking = {sides[n].name for n in logs.loc[logs["log"].isna(), "side"]}
    no_ratio = Ratio(None, doubt=NO_FIGURE)
    return [replace(pair, ratio=no_ratio) if {pair.a.name, pair.b.name} & lacking else pair for pair in found]


def common_campaigns(sides: Sequence[Side]) -> list[str]:
    """The campaigns that measured two of the sides or more, in order."""
    of_sides = [{run.run.trial.campaign for run in side.runs if run.run.trial} for side in sides]
    return sorted({name for a, b in combinations(of_sides, 2) for name in a & b})


def trial_log_ratios(sides: Sequence[Side], figures: Figures) -> pd.DataFrame:
    """A row a campaign and trial, a column a pair in the order of `combinations`: the log ratio of B to A, the mean of
    the steps that are valid on both sides; missing where there is none.
    """
    return _trials(len(sides), _logs(sides, figures))


def _logs(sides: Sequence[Side], figures: Figures) -> pd.DataFrame:
    """A row a side (its place), run and figure: campaign and trial (missing where the run is none), run, users, log.
    The log is missing where the figure is, or is zero.
    """
    lines = [
        (n, trial.campaign if trial else None, trial.number if trial else 0, run.run.id, users, _log(figure))
        for n, side in enumerate(sides)
        for run in side.runs
        for trial in [run.run.trial]
        for users, figure in figures(run).items()
    ]
    return pd.DataFrame(lines, columns=["side", "campaign", "trial", "run", "users", "log"])


def _log(figure: float) -> float:
    return math.log(figure) if figure > 0 and math.isfinite(figure) else math.nan


def _trials(sides: int, logs: pd.DataFrame) -> pd.DataFrame:
    of_trials = logs.dropna(subset=["campaign", "log"]).set_index(["campaign", "trial", "users", "side"])["log"]
    by_step = of_trials.groupby(level=[0, 1, 2, 3]).mean().unstack("side").reindex(columns=range(sides))
    ratios = {n: by_step[j] - by_step[i] for n, (i, j) in enumerate(combinations(range(sides), 2))}
    return pd.DataFrame(ratios).groupby(level=["campaign", "trial"]).mean().dropna(how="all")


def _together(sides: Sequence[Side], logs: pd.DataFrame, error: float) -> list[Pair]:
    trials = _trials(len(sides), logs)
    campaigns = trials.groupby(level="campaign").mean()
    observations = campaigns if len(campaigns) > 1 else trials
    ratios = paired_ratios(observations.to_numpy(float), len(sides), error)
    behind: Iterator[Any] = zip(campaigns.count(), trials.count(), strict=True)
    return [
        Pair(a, b, ratio, int(n_campaigns), int(n_trials))
        for (a, b), ratio, (n_campaigns, n_trials) in zip(combinations(sides, 2), ratios, behind, strict=True)
    ]


def _apart(sides: Sequence[Side], i: int, j: int, logs: pd.DataFrame, error: float) -> Pair:
    """Of steps that are valid in every run of both: with no trial in common, a run must have its whole figure."""
    of_both = logs[logs["side"].isin([i, j])].dropna(subset="log")
    in_all = of_both.groupby("users")["run"].nunique() == of_both["run"].nunique()
    counted = of_both[of_both["users"].isin(in_all.index[in_all])]
    sitting = counted["campaign"].fillna(counted["run"])
    means = counted.groupby(["side", sitting, "run"])["log"].mean().groupby(level=[0, 1]).mean()
    a, b = (means[means.index.get_level_values(0) == n].tolist() for n in (i, j))
    ratio = unpaired_ratio(a, b, error)
    campaigns = bool(counted["campaign"].notna().all())
    if campaigns and ratio.doubt == ONE_RUN:
        ratio = replace(ratio, doubt=ONE_CAMPAIGN)
    apart = f"{len(a)} and {len(b)} {'campaigns' if campaigns else 'runs'}"
    return Pair(sides[i], sides[j], ratio, trials=min(len(a), len(b)), apart=apart)
