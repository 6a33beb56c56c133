"""What the article published, to be read above what was measured.

Source: "A Guide to ASGI in Django 3.0 and its Performance", 2020; its setup is the repository arocks/django3-asgi-perf.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatebench.analysis.words import MISSING, percent
from gatebench.records import Run

SOURCE = '"A Guide to ASGI in Django 3.0 and its Performance" (2020)'

USERS = (100, 200, 300, 400, 500, 600, 700)
FAILURE_PCT = {"WSGI": (0, 0, 0, 5, 12, 35, 50), "ASGI": (0, 0, 0, 0, 0, 15, 20)}


def repeats_the_article(runs: Sequence[Run]) -> bool:
    """Whether all were made with the article's profile, and some at the users that it published."""
    steps = {step.users for run in runs for step in run.steps}
    return all(run.config.get("profile") == "article" for run in runs) and not steps.isdisjoint(USERS)


def published_rows(users: Sequence[int]) -> list[list[str]]:
    """The published failure rates as rows of the failure table; a dash at users that it has not."""
    rows = []
    for interface, percents in FAILURE_PCT.items():
        known = dict(zip(USERS, percents, strict=True))
        cells = (percent(known[n]) if n in known else MISSING for n in users)
        rows.append([f"Published {interface} failures", *cells])
    return rows
