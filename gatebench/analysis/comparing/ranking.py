"""More than two sides in their order, with ties where they are not clearly apart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from gatebench.analysis.comparing.pairing import Pair
from gatebench.analysis.comparing.sides import Side


@dataclass(frozen=True, slots=True)
class Rank:
    """From how many sides are clearly better to how many are not clearly worse: 2 to 3 is a tie of two."""

    label: str
    best: int
    worst: int

    def __str__(self) -> str:
        return str(self.best) if self.best == self.worst else f"{self.best}–{self.worst}"


def ranked(sides: Sequence[Side], decided: Sequence[Pair], more_is_better: bool = True) -> list[Rank]:
    """Best first. Sides whose ratio is not known are not clearly apart."""
    better: dict[str, int] = {side.label: 0 for side in sides}
    worse = dict(better)
    logs: dict[str, list[float]] = {side.label: [] for side in sides}
    for pair in decided:
        if pair.ratio.value is None:
            continue
        height = math.log(pair.ratio.value) * (1 if more_is_better else -1)
        logs[pair.b.label].append(height)
        logs[pair.a.label].append(-height)
        if pair.ratio.clear:
            winner, loser = (pair.b, pair.a) if height > 0 else (pair.a, pair.b)
            better[loser.label] += 1
            worse[winner.label] += 1
    ranks = [Rank(label, better[label] + 1, len(sides) - worse[label]) for label in better]
    return sorted(ranks, key=lambda rank: (rank.best, rank.worst, -statistics.fmean(logs[rank.label] or [-math.inf])))
