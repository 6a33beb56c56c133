"""The sentence that compares two sides, and the ratios behind it.

One measure decides, and which one is settled before any ratio is looked at: capacity within the objective, when every
run of both sides has one that neither end of its ramp cuts off; else throughput at the most users.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun, Shown
from gatebench.analysis.comparing.ratio import Ratio, paired_ratio, unpaired_ratio
from gatebench.analysis.comparing.settings import Comparison, compare
from gatebench.analysis.comparing.sides import Side
from gatebench.analysis.steps.capacity import interpolated
from gatebench.records import Trial

Figure = Callable[[AnalysedRun], float | None]
"""A run's number: NaN when it is missing, None when the step is not valid and the run takes no part."""

MEASURES = {
    "rps": "requests/s",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "cpu_ms_per_request_app": "CPU ms a request, app",
}
"""What is compared step by step: column of the steps table -> its name in the table."""

MOST_NAMED = 3

CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ratios` has a row a measure and step (users missing: the capacity), the one that decides first: ratio of B to A,
    low, high, trials, paired and doubt. It is empty when the sides were not compared.
    """

    a: Side
    b: Side
    sentence: str
    ratios: pd.DataFrame = field(default_factory=pd.DataFrame)
    remarks: tuple[str, ...] = ()


def verdicts(sides: Sequence[Side], anyway: bool = False) -> list[Verdict]:
    """One of two sides. Of more, one each pair that differs in the server alone and was tried more than once."""
    found = [_verdict(a, b, anyway) for a, b in combinations(sides, 2)]
    if len(sides) <= 2:
        return found
    return [one for one in found if len(one.ratios) and one.ratios["low"].notna().any()]


def _verdict(a: Side, b: Side, anyway: bool) -> Verdict:
    comparison = compare([*a.runs, *b.runs])
    if comparison.besides_server and not anyway:
        return Verdict(a, b, f"Not compared: {_differing(comparison)}. ANYWAY=1 compares all the same.")
    measure = _decisive(a, b)
    if measure is None:
        return Verdict(a, b, f"Not compared: {a.label} and {b.label} have no valid step in common.")
    ratio = ratio_of(a, b, measure.figure)
    decided = {"measure": measure.name, "users": measure.users, "decides": True, **_columns(ratio)}
    others = (row for row in _by_step(a, b) if (row["measure"], row["users"]) != (measure.name, measure.users))
    ratios = pd.DataFrame([decided, *others]).astype({"users": "Int64"})
    remarks = [measure.why] if measure.why else []
    if not comparison.differing and ratio.paired and ratio.interval:
        remarks.append(_noise(ratio, *ratio.interval))
    return Verdict(a, b, sentence(a, b, measure, ratio), ratios, tuple(remarks))


@dataclass(frozen=True, slots=True)
class Measure:
    """What decides. `says` has places for the first side, the ratio and the second side."""

    name: str
    users: int | None
    figure: Figure
    says: str
    why: str = ""


def _decisive(a: Side, b: Side) -> Measure | None:
    runs = [*a.runs, *b.runs]
    if all(interpolated(run.steps, run.objective) is not None for run in runs):
        says = "{} held {} times the users of {} within the objective"
        return Measure(CAPACITY, None, lambda run: interpolated(run.steps, run.objective), says)
    users = _most_users(runs) or _most_users([a, b])
    if users is None:
        return None
    why = f"Throughput at {users} users decides: the ramp does not show for every run where it leaves the objective."
    return Measure(
        "rps", users, at(users, "rps"), f"{{}} served {{}} times the requests/s of {{}} at {users} users", why
    )


def _most_users(shown: Sequence[Shown]) -> int | None:
    """At which the step is valid in all of them."""
    common = set.intersection(*(set(one.steps.loc[one.steps["valid"].astype(bool), "users"]) for one in shown))
    return int(max(common)) if common else None


def at(users: int, column: str) -> Figure:
    def figure(run: AnalysedRun) -> float | None:
        step = run.steps[(run.steps["users"] == users) & run.steps["valid"]]
        if not len(step):
            return None
        return float(step[column].iloc[0]) if column in step and pd.notna(step[column].iloc[0]) else float("nan")

    return figure


def ratio_of(a: Side, b: Side, figure: Figure) -> Ratio:
    """Paired when the sides have trials in common; a pair of which one run is not valid takes no part."""
    pairs = [(x, y) for x in a.runs for y in b.runs if _pair(x.run.trial, y.run.trial)]
    if pairs:
        figures = [(figure(x), figure(y)) for x, y in pairs]
        kept = [(x, y) for x, y in figures if x is not None and y is not None]
        return paired_ratio([x for x, _ in kept], [y for _, y in kept])
    return unpaired_ratio(_known(a, figure), _known(b, figure))


def _pair(first: Trial | None, second: Trial | None) -> bool:
    """Whether the two runs were made one right after the other."""
    return bool(first and second and (first.campaign, first.number) == (second.campaign, second.number))


def _known(side: Side, figure: Figure) -> list[float]:
    return [value for run in side.runs if (value := figure(run)) is not None]


def _by_step(a: Side, b: Side) -> Iterator[dict[str, Any]]:
    for users in sorted(set(a.steps["users"]) & set(b.steps["users"])):
        for column in MEASURES:
            if column in a.steps and column in b.steps:
                yield {
                    "measure": column,
                    "users": users,
                    "decides": False,
                    **_columns(ratio_of(a, b, at(users, column))),
                }


def _columns(ratio: Ratio) -> dict[str, Any]:
    low, high = ratio.interval or (math.nan, math.nan)
    return {
        "ratio": math.nan if ratio.value is None else ratio.value,
        "low": low,
        "high": high,
        "trials": ratio.trials,
        "paired": ratio.paired,
        "doubt": ratio.doubt,
    }


def sentence(a: Side, b: Side, measure: Measure, ratio: Ratio) -> str:
    """The side that has more comes first."""
    if ratio.value is None:
        return f"Not compared: {ratio.doubt}."
    first, second = (b, a) if ratio.value >= 1 else (a, b)
    shown = ratio if ratio.value >= 1 else ratio.inverted()
    figures = in_words(shown)
    says = measure.says.format(spoken(first.label), figures[0], spoken(second.label))
    if ratio.interval is None:
        return f"{says}; {ratio.doubt}."
    said = f"{says}, 95 % interval {figures[1]} to {figures[2]}, {_trials(a, b, ratio)}."
    return said if ratio.clear else f"No clear difference: {said}"


def _trials(a: Side, b: Side, ratio: Ratio) -> str:
    return f"{ratio.trials} trials" if ratio.paired else f"{len(a.runs)} and {len(b.runs)} runs"


def spoken(label: str) -> str:
    """`WSGI gunicorn (article)` as a sentence has it: WSGI (gunicorn, article)."""
    interface, _, rest = label.partition(" ")
    return f"{interface} ({rest.replace(' (', ', ', 1).replace(')', '', 1) if ' (' in rest else rest})"


def in_words(ratio: Ratio) -> list[str]:
    """Value, low and high with as many decimals as they need: two near 1, and more where an end would read as 1."""
    figures = [one for one in (ratio.value, *(ratio.interval or ())) if one is not None]
    decimals = 1 if round(min(figures), 2) >= 1.5 else 2
    while decimals < 5 and any(float(f"{one:.{decimals}f}") == 1 for one in figures[1:] if one != 1):
        decimals += 1
    return [f"{one:.{decimals}f}" for one in figures]


def _differing(comparison: Comparison) -> str:
    names = comparison.besides_server
    shown = [f"{name} ({' / '.join(dict.fromkeys(comparison.differing[name]))})" for name in names[:MOST_NAMED]]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(shown)}{more} {'differs' if len(names) == 1 else 'differ'} as well"


def _noise(ratio: Ratio, low: float, high: float) -> str:
    reach = 100 * (math.sqrt(high / low) - 1)
    if ratio.clear:
        return "Both sides are one configuration, and still differ: the machine drifts, or this is the one in twenty."
    return (
        f"Both sides are one configuration, so this is the noise of this machine: with {ratio.trials} trials a "
        f"difference below about {reach:.2g} % cannot be told from none."
    )
