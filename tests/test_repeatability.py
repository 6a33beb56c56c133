"""The table on which the choice of the measure that decides stands: how ratios scatter within and between campaigns."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.repeatability import main, spread
from gatebench import ROOT


def log_ratios(*campaigns: tuple[float, ...]) -> pd.Series[float]:
    """Of each campaign, the ratios of its trials."""
    return pd.Series(
        {(n, number): math.log(ratio) for n, trials in enumerate(campaigns) for number, ratio in enumerate(trials)}
    ).rename_axis(["campaign", "trial"])


def test_deviations_by_hand() -> None:
    """Means of 0.10, 0.30 and 0.20: a deviation of 0.1. Trials lie 0.02 around them, two in each: pooled, a square of
    0.0008 a campaign, with a degree each.
    """
    means = (0.10, 0.30, 0.20)
    found = spread(log_ratios(*((math.exp(mean - 0.02), math.exp(mean + 0.02)) for mean in means)))
    assert (found.campaigns, found.trials) == (3, 6)
    assert found.ratio == pytest.approx(math.exp(0.2))
    assert found.between == pytest.approx(0.1)
    assert found.within == pytest.approx(math.sqrt(0.0008))
    assert found.expected == pytest.approx(math.sqrt(0.0008 / 2))


def test_the_interval_of_a_deviation_covers_in_93_to_97_of_a_hundred() -> None:
    random = np.random.default_rng(1)  # chosen before any result was seen
    intervals = [spread(log_ratios(*((one,) for one in np.exp(0.1 * row)))) for row in random.normal(size=(1000, 3))]
    covered = [one.between_interval is not None and one.between_interval[0] <= 0.1 <= one.between_interval[1]
               for one in intervals]  # fmt: skip
    assert 0.93 <= np.mean(covered) <= 0.97


def test_one_campaign_says_nothing_of_others() -> None:
    found = spread(log_ratios((2.0, 2.1)))
    assert (found.between, found.between_interval) == (None, None)
    assert found.within == pytest.approx(math.log(2.1 / 2) / math.sqrt(2))


def test_one_trial_each_says_nothing_of_trials() -> None:
    found = spread(log_ratios((2.0,), (2.1,)))
    assert (found.within, found.expected) == (None, None)
    assert found.between == pytest.approx(math.log(2.1 / 2) / math.sqrt(2))


def table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> str:
    monkeypatch.setattr(sys, "argv", ["repeatability.py", *map(str, arguments)])
    assert main() == 0
    return capsys.readouterr().out


def test_it_reads_the_recorded_campaigns_of_one_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = sorted(path.parent for path in (ROOT / "results" / "recorded" / "aa").glob("*/run.json"))
    out = table(monkeypatch, capsys, *folders)
    assert "WSGI gunicorn B / WSGI gunicorn A" in out
    rows = {line[:26].strip(): line[26:].split() for line in out.splitlines()}
    assert rows["requests/s at saturation"][:4] == ["0.982", "3", "8", "8.0%"]
    assert rows["CPU ms per request, app"][:4] == ["1.018", "3", "8", "7.5%"]
