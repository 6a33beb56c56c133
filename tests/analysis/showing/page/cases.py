"""Runs of every kind that a page must read right for, and the page of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gatebench import ROOT
from gatebench.analysis.analysed_run import AnalysedRun, analyse
from gatebench.analysis.comparing.gates import judge
from gatebench.analysis.comparing.sides import Side, sides_of
from gatebench.analysis.comparing.verdict import Verdict, verdicts
from gatebench.analysis.showing.page.page import report_page
from gatebench.analysis.showing.report import Section, report
from gatebench.records import ROLES, Cause, Outcome, Trial
from gatebench.run_folder import RunFolder
from tests.analysis.showing.page.document import Document, Element
from tests.analysis.synthetic import (
    ASGI,
    BEGAN,
    Recorded,
    proxy_line,
    reading,
    request,
    requests,
    role_samples,
    served,
    step,
    vote,
)

EVIL = "<script>alert(1)</script>\"'&amp;</title>"


@dataclass(frozen=True)
class Case:
    """A page, and what it was made of."""

    sides: Sequence[Side]
    found: Sequence[Verdict]
    told: Sequence[Section]
    html: str

    @property
    def page(self) -> Element:
        return document(self.html)


@cache
def document(html: str) -> Element:
    return Document(html).root


def page_of(runs: Sequence[AnalysedRun], limits: dict[str, float] | None = None) -> Case:
    sides = sides_of(runs)
    found = verdicts(sides)
    told = report(sides, found, judge(sides, limits or {}), {})
    return Case(sides, found, told, report_page(sides, found, told))


Write = Callable[[Recorded], AnalysedRun]


def writer(folder: Path) -> Write:
    """Writes what was recorded to a folder of its own, and analyses it."""
    made = 0

    def write(recorded: Recorded) -> AnalysedRun:
        nonlocal made
        made += 1
        return analyse(recorded.write(folder / f"run-{made}"))

    return write


USED = [sample for role in ROLES for sample in role_samples(role, 10)]


def ramp(*rps: float, asgi: bool = False, **changes: Any) -> Recorded:
    """So many requests/s at 100, 200, … users. Run and config may be changed."""
    rows = [row for n, one in enumerate(rps, start=1) for row in served(n, 100 * n, one)]
    steps = [step(n) for n in range(1, len(rps) + 1)]
    config = {**(ASGI if asgi else {}), "workload": {"round_name": "form", "think_s": 1.5}, **changes.pop("config", {})}
    votes = [reading(0, 0, 0), reading(1, 20, 2)]
    whole = Recorded([*rows, vote(12), vote(13)], steps, votes, resources=USED, config=config)
    return replace(whole, **changes)


def one(write: Write) -> Case:
    return page_of([write(ramp(60, 100))])


def pair(write: Write) -> Case:
    """WSGI fails at 300 users, in two ways, and its last step is not valid."""
    good = ramp(60, 100, 100)
    lost = [request(51 + n / 50, 5, Cause.REFUSED, step=3) for n in range(40)]
    late = [request(52 + n / 50, 900, Cause.STATUS, status=502, step=3) for n in range(9)]
    rows = [*good.requests, *lost, *late]
    lines = [proxy_line(row, upstream_status="502") for row in rows if row.cause != Cause.REFUSED]
    steps = [step(1), step(2), step(3, users_running=299)]
    a = replace(good, requests=rows, steps=steps, proxy_lines=lines)
    return page_of([write(a), write(ramp(60, 90, 90, asgi=True))], {"MAX_FAILURES": 1.0})


def trials(write: Write, campaigns: int = 1, each: int = 5) -> Case:
    made = []
    for campaign in range(campaigns):
        for number in range(1, each + 1):
            for side, rps in (("A", 110.0), ("B", 60.0)):
                run = {"trial": Trial(f"c{campaign}", number, side), "started": BEGAN + 1000 * campaign + 10 * number}
                other = number * (3 if side == "A" else 5) % 7 + campaign
                made.append(write(ramp(rps / 2 + other, rps + other, rps - other, asgi=side == "B", run=run)))
    return page_of(made)


def one_side(write: Write) -> Case:
    """Tried three times, and given something else each time."""
    runs = [
        {"trial": Trial("c", n, "A"), "started": BEGAN + n, "sheet": {"app: threads": 16 + n, "nginx: workers": 1}}
        for n in range(1, 4)
    ]
    return page_of([write(ramp(60, 100 + n, run=run)) for n, run in enumerate(runs)])


def campaigns(write: Write) -> Case:
    return trials(write, campaigns=3, each=2)


def servers(write: Write, number: int = 5) -> Case:
    """More sides than there are colours, tried three times each: they are ranked."""
    made = []
    for trial in range(1, 4):
        for n in range(number):
            run = {"trial": Trial("c", trial, "ABCDEFGH"[n]), "started": BEGAN + trial}
            config = {"server": f"server{n}", "label": f"ASGI server{n}", "interface": "asgi"}
            made.append(write(ramp(40 + 4 * n + trial, 40 + 4 * n + (trial * (n + 2)) % 5, run=run, config=config)))
    return page_of(made)


def four(write: Write) -> Case:
    return servers(write, 4)


def untried(write: Write, number: int = 24) -> Case:
    """So many sides, a run each."""
    made = []
    for n in range(number):
        config = {"server": f"server{n}", "label": f"ASGI server{n} (workers={n})", "workers": n + 1}
        made.append(write(Recorded([*requests(1, 20, n % 3), *requests(2, 10)], [step(1), step(2)], config=config)))
    return page_of(made)


def invalid(write: Write) -> Case:
    """No step is valid."""
    steps = [step(1, users_running=7), step(2, users_running=8)]
    return page_of([write(replace(ramp(60, 100), steps=steps))])


def invalid_trials(write: Write) -> Case:
    """Of the one side the last step is valid in no trial, of the other none is."""
    made = []
    for number in range(1, 4):
        for side in "AB":
            run = {"trial": Trial("c", number, side), "started": BEGAN + number}
            steps = [step(1, users_running=99 if side == "B" else 100), step(2, users_running=7)]
            made.append(write(replace(ramp(60, 100, asgi=side == "B", run=run), steps=steps)))
    return page_of(made)


def interrupted(write: Write) -> Case:
    run = {"outcome": Outcome.INTERRUPTED, "reason": "It was interrupted (Ctrl-C).", "ended": None}
    steps = [step(1), step(2, hold_ended=None, users_running=None)]
    return page_of([write(replace(ramp(60, 100), steps=steps, run=run))])


def without_requests(write: Write) -> Case:
    return page_of([write(Recorded([], [step(1)])), write(Recorded([], [step(1)], config=ASGI))])


def without_steps(write: Write) -> Case:
    return page_of([write(Recorded([], [], run={"outcome": Outcome.FAILED, "reason": "The app died."}))])


def one_step(write: Write) -> Case:
    return page_of([write(ramp(60)), write(ramp(50, asgi=True))])


def many_steps(write: Write) -> Case:
    rows = [row for n in range(1, 61) for row in requests(n, 3)]
    return page_of([write(Recorded(rows, [step(n) for n in range(1, 61)]))])


def markup(write: Write) -> Case:
    """Markup in every name that comes from outside."""
    rows = [*requests(1, 3), request(15, 5, Cause.REFUSED, name=EVIL, method=EVIL)]
    config = {"label": EVIL, "server": EVIL, "server_args": EVIL, "app": EVIL, "overrides": {EVIL: EVIL}}
    a = Recorded(rows, [step(1)], config=config, proxy_lines=[], run={"versions": {EVIL: EVIL}, "sheet": {EVIL: EVIL}})
    b = Recorded(requests(1, 3), [step(1)], config={**config, "label": f"{EVIL} b", "interface": "asgi"})
    mistaken = {"troubles": (f"{EVIL} \x1b[31m\x00\ud800",)}
    return page_of([write(a), write(replace(b, run=mistaken))])


SYNTHETIC: dict[str, Callable[[Write], Case]] = {
    "one run": one,
    "a pair": pair,
    "five trials": trials,
    "trials of one side": one_side,
    "campaigns": campaigns,
    "four servers": four,
    "five servers": servers,
    "two dozen sides": untried,
    "invalid": invalid,
    "invalid trials": invalid_trials,
    "interrupted": interrupted,
    "without requests": without_requests,
    "without steps": without_steps,
    "one step": one_step,
    "sixty steps": many_steps,
    "markup": markup,
}


OF_MANY_RUNS = ("five trials", "campaigns", "four servers", "five servers", "two dozen sides")
"""Of SYNTHETIC: to make such a page takes seconds."""


def as_params(names: Iterable[str]) -> list[Any]:
    """For pytest: the pages that take seconds are left to `make test`."""
    return [pytest.param(name, marks=[pytest.mark.whole] * (name not in SYNTHETIC or name in OF_MANY_RUNS))
            for name in names]  # fmt: skip


MOST_RUNS = 12


@cache
def recorded(folder: str) -> Case:
    """The page of recorded runs, analysed today: of its first trials where there are many."""
    runs = sorted((ROOT / "results" / "recorded" / folder).glob("*/run.json"))[:MOST_RUNS]
    return page_of([analyse(RunFolder(run.parent)) for run in runs])
