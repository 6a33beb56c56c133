"""How sides did over time: requests/s a sitting, and whether the newest lies within the noise of the earlier ones."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from scipy.special import stdtrit

from gatebench.analysis.comparing.ratio import SAME
from gatebench.analysis.comparing.settings import configuration
from gatebench.analysis.showing.index.entries import Entry, StepRow, settings
from gatebench.analysis.words import number
from gatebench.records import Outcome

LEAST_SITTINGS = 4
"""Of a trend: three whose spread is the noise, and one that is held against it."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Requests/s of one side at one number of users, a value a sitting: a campaign's median, or a single run's."""

    label: str
    settings: str
    machine: str
    users: int
    started: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def band(self) -> tuple[float, float]:
        """Where the newest lies in 95 of 100 when nothing has changed, by how the earlier ones vary."""
        logs = [math.log(value) for value in self.values[:-1]]
        n, spread = len(logs), max(statistics.stdev(logs), SAME)
        reach = float(stdtrit(n - 1, 0.975)) * spread * math.sqrt(1 + 1 / n)
        return math.exp(statistics.fmean(logs) - reach), math.exp(statistics.fmean(logs) + reach)

    @property
    def finding(self) -> str:
        low, high = self.band
        newest = self.values[-1]
        if low <= newest <= high:
            return "The newest lies within the noise of the earlier ones."
        usual = math.exp(statistics.fmean(map(math.log, self.values[:-1])))
        way = "below" if newest < low else "above"
        return f"The newest lies {abs(100 * (newest / usual - 1)):.0f}% {way} the earlier ones: more than their noise."


def trends(entries: Sequence[Entry]) -> list[Trend]:
    """Of each side that was measured in LEAST_SITTINGS or more on one machine; the one measured last comes first."""
    groups: list[tuple[dict[str, str], list[Entry]]] = []
    by_key: dict[frozenset[tuple[str, str]], list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.run.started):
        if entry.steps and entry.run.outcome is Outcome.COMPLETE:
            asked = {**configuration(entry.run), "machine": str(entry.run.machine.get("id"))}
            key = frozenset(asked.items())
            if key not in by_key:
                by_key[key] = _group(asked, groups)
            by_key[key].append(entry)
    found = [trend for _, runs in groups if (trend := _trend(runs)) is not None]
    return sorted(found, key=lambda trend: -trend.started[-1])


def _group(asked: dict[str, str], groups: list[tuple[dict[str, str], list[Entry]]]) -> list[Entry]:
    """What an older Gatebench did not record is not known to differ."""
    for known, runs in groups:
        if all(known[name] == asked[name] for name in known.keys() & asked.keys()):
            return runs
    groups.append((asked, []))
    return groups[-1][1]


def _trend(runs: Sequence[Entry]) -> Trend | None:
    sittings: dict[str, list[Entry]] = {}
    for entry in runs:
        sittings.setdefault(entry.run.trial.campaign if entry.run.trial else entry.folder, []).append(entry)
    by_users: dict[int, list[tuple[float, float]]] = {}
    for of_one in sittings.values():
        for users in {step.users for entry in of_one for step in entry.steps}:
            rates = [step.rps for entry in of_one for step in entry.steps if step.users == users and _counts(step)]
            if rates:
                by_users.setdefault(users, []).append((of_one[0].run.started, statistics.median(rates)))
    if not by_users:
        return None
    users, points = max(by_users.items(), key=lambda pair: (len(pair[1]), pair[0]))
    if len(points) < LEAST_SITTINGS:
        return None
    machine = runs[-1].run.machine
    return Trend(
        label=runs[-1].label,
        settings=settings(runs[-1].run),
        machine=f"{machine.get('cpu', 'a machine')}, {machine.get('cores', '?')} cores",
        users=users,
        started=tuple(started for started, _ in points),
        values=tuple(value for _, value in points),
    )


def _counts(step: StepRow) -> bool:
    return step.valid and step.rps > 0


WIDE, HIGH, LEFT, TOP, FOOT = 344, 132, 44, 10, 22


def chart(trend: Trend, place: int) -> str:
    """The sittings from left to right, equally far apart, and the band of their noise."""
    low, high = trend.band
    least, most = min(low, *trend.values), max(high, *trend.values)
    span = (most - least) or most

    def y(value: float) -> float:
        return TOP + (HIGH - TOP - FOOT) * (most - value) / span

    def x(n: int) -> float:
        return LEFT + 8 + (WIDE - LEFT - 16) * n / (len(trend.values) - 1)

    points = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in enumerate(trend.values))
    marks = "".join(
        f'<circle class="point" cx="{x(n):.1f}" cy="{y(value):.1f}" r="2.5">'
        f"<title>{day(trend.started[n])}: {number(value)} requests/s</title></circle>"
        for n, value in enumerate(trend.values)
    )
    newest = len(trend.values) - 1
    least_told, most_told = number(min(trend.values)), number(max(trend.values))
    told = (
        f"{newest + 1} sittings, from {least_told} to {most_told} requests/s; the newest has "
        f"{number(trend.values[-1])}. {trend.finding}"
    )
    band_height = max(1.0, y(low) - y(high))
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-labelledby="t{place} d{place}">'
        f'<title id="t{place}">{escape(trend.label)}: requests/s at {trend.users:,} users, by date</title>'
        f'<desc id="d{place}">{escape(told)}</desc>'
        f'<rect class="band" x="{LEFT}" y="{y(high):.1f}" width="{WIDE - LEFT}" height="{band_height:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y(high) + 4:.1f}" text-anchor="end">{number(high)}</text>'
        f'<text x="{LEFT - 6}" y="{y(low) + 4:.1f}" text-anchor="end">{number(low)}</text>'
        f'<polyline class="line" points="{points}"/>{marks}'
        f'<circle class="newest" cx="{x(newest):.1f}" cy="{y(trend.values[-1]):.1f}" r="4.5"/>'
        f'<text x="{LEFT}" y="{HIGH - 5}">{day(trend.started[0])}</text>'
        f'<text x="{WIDE}" y="{HIGH - 5}" text-anchor="end">{day(trend.started[-1])}</text></svg>'
    )


def day(moment: float) -> str:
    return time.strftime("%-d %b %Y", time.localtime(moment))
