"""What the app server's CPU time is spent on, from sampled stacks: by part of the program, and as a tree of calls."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from gatebench.analysis.reading.stacks import Stacks
from gatebench.analysis.schema import SPENDING, framed

CHANGES = "changes of threads"
OTHER = "other"

_DJANGO = "core|middleware|utils|urls|contrib|http|dispatch|conf|views"

PARTS = {
    CHANGES: r"\((asgiref/|concurrent/futures/|threading\.py|asyncio/|selectors\.py|a2wsgi/|queue\.py)",
    "ORM and driver": r"\((django/db/|psycopg)",
    "templates": r"\(django/template",
    "Django's handlers, middleware, URLs": rf"\((django/({_DJANGO})/|django_bridges/)",
    "the app's views": r"\((polls|members|shop|documents|hello|raytracer|live|config)/",
    "the server": r"\((gunicorn|uvicorn|uvloop|httptools|h11|granian|daphne|hypercorn)/",
    "Gatebench": r"\(gatebench_inside/",
}
"""Part -> what a frame of it matches. A sample is of the part of its innermost frame that is of any."""

_PATTERNS = {part: re.compile(pattern) for part, pattern in PARTS.items()}

ALL = "all"
"""What a tree begins with."""

LEAST = 0.004
"""Of the samples: a call that has fewer is left out of a tree."""


@dataclass(slots=True)
class Call:
    """A function, with the CPU time per request that is spent in it and below."""

    name: str
    ms: float = 0.0
    calls: dict[str, Call] = field(default_factory=dict)


def part_of(stack: Sequence[str]) -> str:
    for frame in reversed(stack):
        for part, pattern in _PATTERNS.items():
            if pattern.search(frame):
                return part
    return OTHER


def spending_table(stacks: Mapping[str, Stacks], cpu_ms: Mapping[str, float]) -> pd.DataFrame:
    """SPENDING, by rung: of stacks and the CPU ms per request that they are samples of."""
    lines: list[dict[str, Any]] = []
    for rung, of_rung in stacks.items():
        all_samples = sum(of_rung.values())
        found = dict.fromkeys([*PARTS, OTHER], 0)
        for stack, samples in of_rung.items():
            found[part_of(stack)] += samples
        lines += [
            {"rung": rung, "part": part, "ms": cpu_ms[rung] * samples / all_samples} for part, samples in found.items()
        ]
    return framed(lines, SPENDING)


def calls_of(stacks: Stacks, cpu_ms: float) -> Call:
    """The tree, from the outermost calls on, without what is too little to see."""
    ms = cpu_ms / sum(stacks.values())
    root = Call(ALL, cpu_ms)
    for stack, samples in stacks.items():
        call = root
        for frame in stack:
            call = call.calls.setdefault(frame, Call(frame))
            call.ms += samples * ms
    return _pruned(root, LEAST * cpu_ms)


def _pruned(call: Call, least: float) -> Call:
    kept = {name: _pruned(callee, least) for name, callee in call.calls.items() if callee.ms >= least}
    return Call(call.name, call.ms, kept)


def within(stacks: Stacks, cpu_ms: float) -> dict[str, float]:
    """By function, the CPU ms per request that is spent in it and below, wherever it is called from; and of all."""
    ms = cpu_ms / sum(stacks.values())
    found: dict[str, float] = {ALL: cpu_ms}
    for stack, samples in stacks.items():
        for frame in set(stack):
            found[frame] = found.get(frame, 0.0) + samples * ms
    return found
