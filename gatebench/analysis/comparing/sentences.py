"""What the ratios say, in sentences: which side comes first, by how much, and what the interval is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatebench.analysis.comparing.measures import Measure
from gatebench.analysis.comparing.pairing import Pair
from gatebench.analysis.comparing.ranking import Rank
from gatebench.analysis.comparing.ratio import Ratio
from gatebench.analysis.comparing.sides import Side


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict in a sentence: what it claims, and how sure that is. `more` follows it, a sentence of its own."""

    claim: str
    doubt: str = ""
    more: str = ""
    joint: str = ", "

    def __str__(self) -> str:
        said = f"{self.claim}{self.joint}{self.doubt}." if self.doubt else f"{self.claim}."
        return f"{said} {self.more}".strip()


def pair_sentence(measure: Measure, pair: Pair) -> Said:
    """The side that has more comes first."""
    if pair.ratio.value is None:
        return Said(f"Not compared: {pair.ratio.doubt}")
    first, second, ratio = larger_first(pair)
    value, *ends = in_words(ratio)
    says = measure.says.format(spoken(first.label), value, spoken(second.label))
    if not ends:
        return Said(says, str(ratio.doubt), joint="; ")
    doubt = f"95 % interval {ends[0]} to {ends[1]} {_behind([pair])}"
    return Said(says if ratio.clear else f"No clear difference: {says}", doubt)


def ranking_sentence(measure: Measure, ranks: Sequence[Rank], decided: Sequence[Pair]) -> Said:
    known = [pair for pair in decided if pair.ratio.interval]
    if not known:
        return Said(f"Not ranked: {decided[0].ratio.doubt}")
    _, _, of_what = measure.says_short.partition(" times the ")
    behind = _behind(known)
    if not any(pair.ratio.clear for pair in known):
        return Said(f"No clear difference between {listed(spoken(rank.label) for rank in ranks)} in {of_what}", behind)
    order = ", ".join(f"{rank} {spoken(rank.label)}" for rank in ranks)
    tied = "Sides that share a rank are not clearly apart." if any(one.best < one.worst for one in ranks) else ""
    return Said(f"Ranked by {of_what}: {order}", behind, tied)


def beside(others: Iterable[tuple[Measure, list[Pair]]]) -> str:
    """Of two sides, a clause each of the other measures that has an interval; of more, their tables are enough."""
    clauses = []
    for measure, found in others:
        if len(found) == 1 and found[0].ratio.interval:
            first, _, ratio = larger_first(found[0])
            value, low, high = in_words(ratio)
            said = measure.says_short.format(spoken(first.label), f"{value} ({low} to {high})")
            clauses.append(said if ratio.clear else f"no clear difference in {measure.name}: {said}")
    return f"Beside that: {'; '.join(clauses)}." if clauses else ""


def larger_first(pair: Pair) -> tuple[Side, Side, Ratio]:
    if (pair.ratio.value or 1) >= 1:
        return pair.b, pair.a, pair.ratio
    return pair.a, pair.b, pair.ratio.inverted()


def _behind(decided: Sequence[Pair]) -> str:
    """What the interval is over."""
    if apart := decided[0].apart:
        return f"over {apart} that were not measured together"
    campaigns, trials = (max(getattr(pair, name) for pair in decided) for name in ("campaigns", "trials"))
    if campaigns == 1:
        return f"in this campaign ({trials} trials)"
    machines = len(_machines(side for pair in decided for side in (pair.a, pair.b)))
    return f"over {campaigns} campaigns ({trials} trials, {machines} {'machine' if machines == 1 else 'machines'})"


def _machines(sides: Iterable[Side]) -> set[str]:
    """Told apart by their id, or, where a run has none, by what they are."""
    facts = [run.run.machine for side in sides for run in side.runs]
    names = ("id",) if all(one.get("id") for one in facts) else ("cpu", "cores", "memory_bytes")
    return {" ".join(str(one.get(name)) for name in names) for one in facts}


def listed(words: Iterable[str]) -> str:
    """A, B and C."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


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
