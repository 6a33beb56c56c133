"""What a page of many short runs rests on, in sentences: a guide's, and a ladder's."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from gatebench.records import Run


def basis(found: Sequence[tuple[Run, pd.DataFrame]], taken: str) -> Iterator[str]:
    """Of runs with their steps tables. `taken` is how they were, as in "in 3 trials"."""
    runs = [run for run, _ in found]
    steps = pd.concat([table for _, table in found])
    invalid = int((~steps["valid"].astype(bool)).sum())
    config, machine = runs[0].config, runs[0].machine
    workers = _either(str(n) for n in sorted({run.config["workers"] for run in runs}))
    first, last = (time.strftime("%-d %B, %H:%M", time.gmtime(at(run.started for run in runs))) for at in (min, max))
    yield (
        f"{len(runs)} runs {taken}, begun from {first} to {last} UTC: {config['stack']}, {workers} processes "
        f"of the app server, steps that settle for {config['settle_s']:g} s at the least and are measured for "
        f"{config['hold_s']:g} s."
    )
    yield f"{invalid} of {len(steps)} steps are not valid, and take no part."
    yield f"Measured on {machine.get('cpu', 'an unknown CPU')}, {machine.get('cores', '?')} cores."


VERSIONS = ("python", "django", "asgiref", "psycopg", "psycopg2-binary")
"""What all runs have, whatever their server."""


def versions(found: Sequence[tuple[Run, pd.DataFrame]]) -> str:
    """A sentence; where runs differ in a version, it has each."""
    known = {name: dict.fromkeys(run.versions[name] for run, _ in found if name in run.versions) for name in VERSIONS}
    return f"Versions: {', '.join(f'{name} {_either(each)}' for name, each in known.items() if each)}."


def _either(values: Iterable[str]) -> str:
    return " or ".join(values)


def counted(number: int, what: str) -> str:
    """As in "1 trial" and "3 trials"."""
    return f"{number} {what}{'s' * (number != 1)}"
