"""Labels that would stand on each other, moved apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """The heights moved as little as keeps their order and `gap` between neighbours, from 0 up."""
    order = np.argsort(np.asarray(heights), kind="stable")
    placed = list(heights)
    floor = 0.0
    for n in order:
        placed[n] = max(placed[n], floor)
        floor = placed[n] + gap
    ceiling = max(1.0, gap * (len(placed) - 1))
    for n in order[::-1]:
        placed[n] = min(placed[n], ceiling)
        ceiling = placed[n] - gap
    return placed
