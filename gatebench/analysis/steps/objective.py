"""What the site promises its users, as a run recorded it: a step that keeps it counts as held."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from gatebench.records import Run


@dataclass(frozen=True, slots=True)
class Objective:
    """The defaults are what runs were measured by before they recorded it."""

    failures_pct: float = 1.0  # fewer than that
    p95_ms: float = 1000.0  # up to that; a success that took longer is late

    @classmethod
    def of(cls, run: Run) -> Objective:
        recorded = run.config.get("workload", {}).get("objective")
        return cls() if recorded is None else cls(recorded["failures_pct"], recorded["p95_ms"])

    def kept(self, steps: pd.DataFrame) -> pd.Series[bool]:
        """Whether each row of the steps table keeps it; a step without a success does not. Updates may be as late as
        answers.
        """
        kept = (steps["failure_pct"] < self.failures_pct) & (steps["p95_ms"] <= self.p95_ms)
        return kept & ~(steps["update_p95_ms"] > self.p95_ms) if "update_p95_ms" in steps else kept

    def __str__(self) -> str:
        return f"<{self.failures_pct:g}% failures, p95 ≤ {self.p95_ms / 1000:g} s"
