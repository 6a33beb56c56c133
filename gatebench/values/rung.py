"""A Rung: a side of the ladder from WSGI to ASGI, which differs from another rung in one thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rung:
    name: str
    change: str  # what differs from the rung before, in a few words
    before: str = ""  # the name of that rung; empty for the first
    remedies: tuple[str, ...] | None = (
        None  # that Django's own handler is served with; None: it is not, or differs more
    )
    knobs: Mapping[str, str] = field(default_factory=dict)
