"""The sentence that compares sides, and the ratios behind it.

Which measure decides is settled before any ratio is looked at (measures.py), and what the interval is over is said with
it: the trials of one campaign, or campaigns (pairing.py).
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.measures import BY_STEP, Measure, at, measures
from gatebench.analysis.comparing.pairing import Pair, pairs, trial_log_ratios
from gatebench.analysis.comparing.ranking import Rank, ranked
from gatebench.analysis.comparing.ratio import ERROR
from gatebench.analysis.comparing.sentences import beside, listed, pair_sentence, ranking_sentence, spoken
from gatebench.analysis.comparing.settings import THREADS, across, between, same_configuration
from gatebench.analysis.comparing.sides import Side, all_runs

MOST_NAMED = 3

THREADS_APART = 1.5
"""App threads that differ by a larger factor are said: an idle thread more or less is not."""

SCOPE = ("app", "workload", "profile", "stack", "db", "workers")
"""What a ratio was measured with, by its name in a run's config."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of sides that can be compared. `ratios` has a row a pair (a, b: their labels), measure and number of users
    (missing: of more than one step), those that decide first: ratio of B to A, low, high, campaigns, trials, paired and
    doubt. It is empty when the sides were not compared. `ranks`, of more than two sides, has them best first; `trials`,
    of two, a row a trial of both: campaign, trial, and its ratio in the measure that decides.
    """

    sides: tuple[Side, ...]
    sentence: str
    claim: str = ""  # the sentence without how sure it is, and without its full stop
    doubt: str = ""  # how sure it is
    beside: str = ""  # what the other measures say
    ratios: pd.DataFrame = field(default_factory=pd.DataFrame)
    ranks: tuple[Rank, ...] = ()
    trials: pd.DataFrame = field(default_factory=pd.DataFrame)
    remarks: tuple[str, ...] = ()

    @property
    def measure(self) -> str:
        """The one that decides, in words."""
        name = str(self.ratios["measure"].iloc[0])
        return {"rps": "requests/s"}.get(name, name)

    @property
    def turned(self) -> bool:
        """Of two sides: whether A comes first, as it has more of what decides. Whoever shows ratios shows those of the
        first to the second then, as the sentence does.
        """
        return bool(self.ratios.loc[self.ratios["decides"], "ratio"].iloc[0] < 1)


def verdicts(sides: Sequence[Side], anyway: bool = False) -> list[Verdict]:
    """One of all sides that differ in the server alone; of others, one each group of such sides, whose sentences hold
    together. More than two sides that were tried once are not compared.
    """
    groups = [tuple(sides)] if anyway else _comparable(sides)
    compared = [group for group in groups if len(group) > 1]
    if len(sides) == 2 and not compared:
        return [_refused(sides[0], sides[1])]
    found = [_verdict(group, ERROR / len(compared)) for group in compared]
    if len(sides) > 2:
        found = [one for one in found if len(one.ratios) and one.ratios["low"].notna().any()]
    if found:
        found[0] = replace(found[0], remarks=(*found[0].remarks, *_alone(groups)))
    return found


def _comparable(sides: Sequence[Side]) -> list[tuple[Side, ...]]:
    """Each side in the first group in which nothing but the server differs from it."""
    groups: list[list[Side]] = []
    for side in sides:
        for group in groups:
            if not any(between(other.runs, side.runs) for other in group):
                group.append(side)
                break
        else:
            groups.append([side])
    return [tuple(group) for group in groups]


def _alone(groups: Sequence[tuple[Side, ...]]) -> Iterator[str]:
    main = next(group for group in groups if len(group) > 1)[0]
    for group in groups:
        if len(group) == 1:
            yield f"{group[0].label} is compared with none: {_differing(between(main.runs, group[0].runs))}."


def _refused(a: Side, b: Side) -> Verdict:
    differing = _differing(between(a.runs, b.runs))
    return Verdict((a, b), f"Not compared: {differing} as well. ANYWAY=1 compares all the same.")


def _differing(values: dict[str, str]) -> str:
    shown = [f"{name} ({of_both})" for name, of_both in list(values.items())[:MOST_NAMED]]
    more = f" and {len(values) - MOST_NAMED} more" if len(values) > MOST_NAMED else ""
    return f"{', '.join(shown)}{more} {'differs' if len(values) == 1 else 'differ'}"


def _verdict(sides: tuple[Side, ...], error: float) -> Verdict:
    """`error` is what is left of the 5 % for this one of several verdicts."""
    chosen = measures(sides)
    if not chosen:
        return Verdict(sides, f"Not compared: {listed(side.label for side in sides)} have no valid step in common.")
    decisive, *others = chosen
    decided = pairs(sides, decisive.figures, error)
    others_found = [(measure, pairs(sides, measure.figures)) for measure in others]
    ratios = pd.DataFrame(_rows(sides, [(decisive, decided), *others_found])).astype({"users": "Int64"})
    ranks = tuple(ranked(sides, decided, decisive.more_is_better)) if len(sides) > 2 else ()
    said = ranking_sentence(decisive, ranks, decided) if ranks else pair_sentence(decisive, decided[0])
    known = [one for one in decided if one.ratio.interval]
    clauses = beside(others_found) if known else ""
    remarks = (decisive.why, *(_certainty(sides, known) if known else ()), *_meaning(sides, known))
    return Verdict(
        sides,
        str(said),
        said.claim,
        said.doubt,
        clauses,
        ratios,
        ranks,
        pd.DataFrame() if ranks else _trials(sides, decisive),
        tuple(one for one in remarks if one),
    )


def _trials(sides: tuple[Side, ...], decisive: Measure) -> pd.DataFrame:
    logs = trial_log_ratios(sides, decisive.figures)
    return logs.apply(np.exp).set_axis(["ratio"], axis="columns").reset_index()


def _rows(sides: Sequence[Side], compared: Iterable[tuple[Measure, list[Pair]]]) -> Iterator[dict[str, Any]]:
    """Of the measures, the first of which decides; then step by step."""
    compared_already = set()
    for n, (measure, found) in enumerate(compared):
        compared_already.add((measure.name, measure.users))
        yield from (_row(pair, measure.name, measure.users, decides=n == 0) for pair in found)
    steps = Counter(users for side in sides for users in side.steps["users"])
    for users in sorted(n for n, in_sides in steps.items() if in_sides > 1):
        for column in BY_STEP:
            if (column, users) not in compared_already and all(column in side.steps for side in sides):
                found = pairs(sides, at(users, column))
                yield from (_row(pair, column, users, decides=False) for pair in found)


def _row(pair: Pair, measure: str, users: int | None, decides: bool) -> dict[str, Any]:
    low, high = pair.ratio.interval or (math.nan, math.nan)
    return {
        "a": pair.a.label,
        "b": pair.b.label,
        "measure": measure,
        "users": users,
        "decides": decides,
        "ratio": math.nan if pair.ratio.value is None else pair.ratio.value,
        "low": low,
        "high": high,
        "campaigns": pair.campaigns,
        "trials": pair.trials,
        "paired": not pair.apart,
        "doubt": pair.ratio.doubt,
    }


def _certainty(sides: Sequence[Side], known: Sequence[Pair]) -> Iterator[str]:
    """What the intervals promise, and what they do not."""
    if len(sides) > 2:
        yield (
            "The intervals of the ranking hold together: where all sides are equal, one ranking in twenty at most "
            "names a winner."
        )
    if known[0].campaigns == 1:
        yield (
            "One campaign says how far its trials differ, and not how far another hour or machine would: measure three "
            "or more at other times, then `make analyze CAMPAIGNS=all` combines those of the same sides."
        )
    if known[0].campaigns > 1 and (differing := across(all_runs(sides))):
        yield f"The campaigns differ among themselves, all sides alike: {_named(differing)}."


def _meaning(sides: Sequence[Side], known: Sequence[Pair]) -> Iterator[str]:
    """What the ratio is one of."""
    if len(sides) == 2 and _one_configuration(*sides):
        yield from map(_noise, known)
        return
    yield from _threads(sides)
    if scope := _scope(all_runs(sides)):
        yield f"What was compared: {scope}. Another app, server or setting may give another ratio."


def _one_configuration(a: Side, b: Side) -> bool:
    return same_configuration(a.runs[0].run, b.runs[0].run) and not between(a.runs, b.runs)


def _noise(pair: Pair) -> str:
    if pair.ratio.clear:
        return "Both sides are one configuration, and still differ: the machine drifts, or this is the one in twenty."
    assert pair.ratio.interval is not None
    low, high = pair.ratio.interval
    what = f"{pair.campaigns} campaigns" if pair.campaigns > 1 else f"{pair.trials} trials"
    return (
        f"Both sides are one configuration, so this is the noise of this machine: with {what} a difference below about "
        f"{100 * (math.sqrt(high / low) - 1):.2g} % cannot be told from none."
    )


def _threads(sides: Sequence[Side]) -> Iterator[str]:
    """In the median of a side's runs, where every run recorded them. Why, where it is ASGI as Django ships it that has
    more.
    """
    counted = [[run.run.sheet.get(THREADS) for run in side.runs] for side in sides]
    if any(n is None for some in counted for n in some):
        return
    medians = [statistics.median_low(n for n in some if n is not None) for some in counted]
    if max(medians) <= THREADS_APART * min(medians):
        return
    each = listed(f"{n:,} under {spoken(side.label)}" for side, n in zip(sides, medians, strict=True))
    remark = f"App threads under load differ as well: {each}."
    configs = [side.runs[0].run.config for side in sides]
    wsgi = [(n, config) for n, config in zip(medians, configs, strict=True) if config.get("interface") == "wsgi"]
    shipped = [
        n
        for n, config in zip(medians, configs, strict=True)
        if config.get("interface") == "asgi" and not config.get("bridge")
    ]
    if wsgi and shipped and max(shipped) > max(n for n, _ in wsgi):
        remark = f"{remark} {_at_once([config for _, config in wsgi])} {HOW_DJANGO_DOES_IT}"
    yield remark


HOW_DJANGO_DOES_IT = (
    "Django's own ASGI handler gives each of them a thread for its synchronous code. That is how Django and asgiref "
    "run it, and not what the interface asks for (Django ticket 37177). The ratio includes what it costs; "
    "BRIDGE=one-hop measures another way."
)


def _at_once(wsgi: Sequence[Mapping[str, Any]]) -> str:
    numbers = {_threads_of(config) for config in wsgi}
    known = len(numbers) == 1 and None not in numbers
    here = f"{numbers.pop()} requests at once here" if known else "as many requests at once as it has threads"
    return f"WSGI serves {here}, and ASGI all that there are."


def _threads_of(wsgi: Mapping[str, Any]) -> int | None:
    """Of all its processes; None where that is not known."""
    settings, commands = wsgi.get("settings", {}), wsgi.get("server_row", {}).get("commands", {})
    if wsgi.get("server_args") or "{threads}" not in commands.get(wsgi.get("profile"), ""):
        return None
    return int(settings["workers"] * settings["threads"])


def _scope(runs: Sequence[AnalysedRun]) -> str:
    configs = [{**run.run.config, "workload": run.run.config.get("workload", {}).get("name")} for run in runs]
    values = {name: {str(config[name]) for config in configs if config.get(name)} for name in SCOPE}
    return ", ".join(f"{name} {' / '.join(sorted(some))}" for name, some in values.items() if some)


def _named(values: dict[str, str]) -> str:
    return ", ".join(f"{name} ({of_all})" for name, of_all in values.items())
