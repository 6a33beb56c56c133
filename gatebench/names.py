"""Which names a person may give to which make target: what is misspelt is refused before anything is made.

`python -m gatebench.names 'bench-wsgi analyze' USERS RUNS` is what make runs, before it has installed anything.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable

from gatebench.errors import UsageError
from gatebench.knobs import KNOBS

MEASURED = tuple(knob.name for knob in KNOBS)
SWITCHES = ("ANYWAY", "FULL", "JSON", "QUIET", "OPEN")
JUDGED = ("MAX_FAILURES", "MAX_P95", "MIN_CAPACITY", *SWITCHES, "OUT")
"""What analyze.py is told, of what has been measured."""

GUIDE = (
    "STACK",
    "PYTHON",
    "DB",
    "WORKERS",
    "WORKLOAD",
    "TRIALS",
    "SETTLE",
    "HOLD",
    "TIMEOUT",
    "PIN",
    "PORT",
    "RESULTS",
)
"""The knobs that are not what a guide compares, nor a part of how it goes."""

LADDER = (
    "STACK", "PYTHON", "THREADS", "WORKERS", "USERS", "SETTLE", "HOLD", "TIMEOUT", "TRIALS", "HEADLESS", "ENV", "PIN",
    "PORT", "UI_PORT", "RESULTS",
)  # fmt: skip
"""The knobs that are not what a ladder changes, nor a part of how it goes."""

MATRIX = ("MATRIX", *LADDER)
"""The same of a matrix, and which of them it is."""

TARGETS = {
    **dict.fromkeys(("bench-wsgi", "bench-asgi"), (*MEASURED, "RESUME")),
    **dict.fromkeys(("bench", "aa", "reproduce"), (*MEASURED, "RESUME", *JUDGED)),
    "why": (*LADDER, "RESUME", "OPEN", "QUIET"),
    "matrix": (*MATRIX, "RESUME", "OPEN", "QUIET"),
    "guide": (*GUIDE, "AGAIN", "OPEN", "QUIET"),
    "analyze": (*JUDGED, "RESULTS", "RUNS", "CAMPAIGNS"),
    "compare": (*JUDGED, "RESULTS", "A", "B"),
}
"""Make target -> the names that it takes beside PYTHON. Others take none."""

ALL = tuple(dict.fromkeys(["PYTHON", *(name for names in TARGETS.values() for name in names)]))


def check_names(names: Iterable[str], targets: str = "") -> None:
    """Raises UsageError for the first name that none of the targets takes; without targets, that there is nowhere."""
    goals = targets.split()
    taken = {"PYTHON", *(name for goal in goals for name in TARGETS.get(goal, ()))} if goals else set(ALL)
    for name in names:
        if name in taken:
            continue
        if name in JUDGED and taken & set(MEASURED):
            raise UsageError(f"{name} is for when runs are analysed: give it to `make analyze` or `make bench`.")
        if name in ALL:
            raise UsageError(f"{name} is nothing that `make {targets}` takes: leave it out.")
        near = difflib.get_close_matches(name.upper(), sorted(taken), n=1)
        hint = f"did you mean {near[0]}?" if near else "`make help` lists the knobs."
        raise UsageError(f"{name} is not a knob: {hint}")


def main() -> int:
    try:
        check_names(sys.argv[2:], sys.argv[1])
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
