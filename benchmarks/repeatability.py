"""Which measure repeats best: by how much each one's ratio of two sides differs from campaign to campaign.

The measure that decides a verdict (HEADLINE in gatebench/analysis/comparing/measures.py) was chosen with this table.
For each two sides and each measure: the ratio; the standard deviation between campaigns of their mean log ratios, with
a 95 % interval; that of the trials within a campaign; and what these trials alone would make campaigns differ by, if
there were nothing else. Standard deviations of logarithms are given in percent.

    python benchmarks/repeatability.py results/recorded/campaigns/2*
    python benchmarks/repeatability.py --campaigns all [--results results]
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.analysis.analysed_run import analyse  # noqa: E402
from gatebench.analysis.choosing import Chosen, of_campaigns  # noqa: E402
from gatebench.analysis.comparing.measures import measures  # noqa: E402
from gatebench.analysis.comparing.pairing import trial_log_ratios  # noqa: E402
from gatebench.analysis.comparing.sides import Side, sides_of  # noqa: E402
from gatebench.analysis.showing.render import console, show  # noqa: E402
from gatebench.analysis.showing.report import Section  # noqa: E402
from gatebench.analysis.showing.text_tables import Table  # noqa: E402
from gatebench.analysis.words import MISSING  # noqa: E402
from gatebench.command import guarded  # noqa: E402
from gatebench.errors import UsageError  # noqa: E402
from gatebench.run_folder import RESULTS, RunFolder  # noqa: E402

HEADER = ["Measure", "Ratio", "Campaigns", "Trials", "SD between campaigns", "SD within", "It alone would give"]


@dataclass(frozen=True, slots=True)
class Spread:
    """How log ratios scatter. None where there are too few to tell."""

    ratio: float
    campaigns: int
    trials: int
    between: float | None
    between_interval: tuple[float, float] | None  # 95 %
    within: float | None  # of trials in one campaign, pooled over campaigns
    expected: float | None  # of campaigns that differ by nothing but their trials


def spread(log_ratios: pd.Series[float]) -> Spread:
    """From the log ratio of each trial, by campaign and trial."""
    of_campaigns = log_ratios.groupby(level="campaign")
    means, trials = of_campaigns.mean(), of_campaigns.count()
    freedom = int((trials - 1).sum())
    squares = float(((log_ratios - of_campaigns.transform("mean")) ** 2).sum())
    within = math.sqrt(squares / freedom) if freedom else None
    between, n = (float(means.std(ddof=1)) if len(means) > 1 else None), len(means)
    return Spread(
        ratio=math.exp(means.mean()),
        campaigns=n,
        trials=len(log_ratios),
        between=between,
        between_interval=None if between is None else _of_a_deviation(between, n - 1),
        within=within,
        expected=None if within is None else within * math.sqrt(float((1 / trials).mean())),
    )


def _of_a_deviation(found: float, freedom: int) -> tuple[float, float]:
    """By the chi-squared distribution."""
    low, high = stats.chi2.ppf([0.975, 0.025], freedom)
    return found * math.sqrt(freedom / low), found * math.sqrt(freedom / high)


def sections(sides: list[Side]) -> Iterator[Section]:
    """One each two sides that were measured together."""
    for a, b in combinations(sides, 2):
        lines = []
        for measure in measures([a, b]):
            (log_ratios,) = (column.dropna() for _, column in trial_log_ratios([a, b], measure.figures).items())
            if len(log_ratios):
                lines.append(_line(measure.name, spread(log_ratios)))
        if lines:
            yield Section(f"{b.label} / {a.label}", tables=[("", Table(HEADER, lines))])


def _line(name: str, of: Spread) -> list[str]:
    between = _percent(of.between)
    if of.between_interval:
        between += f" ({_percent(of.between_interval[0])} to {_percent(of.between_interval[1])})"
    counts = [str(of.campaigns), str(of.trials)]
    return [name, f"{of.ratio:.3f}", *counts, between, _percent(of.within), _percent(of.expected)]


def _percent(deviation: float | None) -> str:
    return MISSING if deviation is None else f"{100 * deviation:.1f}%"


def main() -> int:
    arguments = _parse()
    if bool(arguments.runs) == bool(arguments.campaigns):
        raise UsageError("Name run folders, or campaigns with --campaigns.")
    chosen = (
        of_campaigns(arguments.campaigns, arguments.results)
        if arguments.campaigns
        else Chosen([RunFolder(path) for path in arguments.runs])
    )
    found = list(sections(sides_of([analyse(folder) for folder in chosen.folders])))
    if not found:
        raise UsageError("No campaign among these runs measured two sides: `make bench TRIALS=5` makes one that does.")
    show(found, console())
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN")
    parser.add_argument("--campaigns", metavar="IDS", help="ids, or all: those that measured the newest one's sides")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(guarded(main, interrupted="Interrupted."))
