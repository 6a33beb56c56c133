"""Packages that a project's own environment has not: the server, in folders of our own beside it.

Nothing is ever installed into the project's environment. *front*, before its packages on sys.path, is the server alone;
*back*, after them, is what the server needs, at the project's own versions where it has the package too. They are made
once for each Python, server and set of versions, and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gatebench.packages import cache, install, make_once, tag
from gatebench.waiting import Tell

DRIVER = "psycopg"
"""Only where the project has no driver for PostgreSQL: another build of the one that it has would be another driver."""

POOL = "psycopg-pool"
"""Only where connections are pooled."""


@dataclass(frozen=True, slots=True)
class Layers:
    front: Path
    back: Path


def layers(
    python: Path,
    servers: Sequence[str],
    beside: Sequence[str],
    theirs: Mapping[str, str],
    tell: Tell = lambda _: None,
) -> Layers:
    """Of pinned requirements: `servers` alone in front, `beside` with all that both need at the back.

    `theirs` is package -> version of the project's environment. Raises MachineError when they cannot be installed.
    """
    ours = {requirement.partition("==")[0] for requirement in (*servers, *beside)}
    constraints = sorted(f"{name}=={version}" for name, version in theirs.items() if name not in ours)
    theirs_is = tag(python)
    key = hashlib.sha256(json.dumps([theirs_is, sorted(servers), sorted(beside), constraints]).encode()).hexdigest()[
        :16
    ]
    home = cache() / "layers" / f"{theirs_is}-{key}"

    def make(draft: Path) -> None:
        tell(f"Installing {', '.join((*servers, *beside))} beside your project, once")
        (draft / "constraints.txt").write_text("\n".join(constraints))
        install(python, ["--no-deps", *servers], draft / "front")
        install(python, ["--constraint", str(draft / "constraints.txt"), *servers, *beside], draft / "back")

    make_once(home, make)
    return Layers(home / "front", home / "back")


def pinned(names: Sequence[str]) -> list[str]:
    """Each at the version that Gatebench itself has."""
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]
