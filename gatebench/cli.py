"""Arguments in, exit code out: `python -m gatebench wsgi`, `python -m gatebench bench --trials 5`."""

from __future__ import annotations

import argparse
import os

from rich.console import Console

from gatebench.campaign import COMMANDS, measure, plan_campaign
from gatebench.command import guarded
from gatebench.config import KNOBS, check_names
from gatebench.errors import UsageError
from gatebench.stacks.engine import engine_answers

ANALYSIS_KNOBS = ("MAX_FAILURES", "MAX_P95", "MIN_CAPACITY", "ANYWAY")
"""What analyze.py takes from make's command line. Targets that end in an analysis take them too."""


def main() -> int:
    """The exit code of a run, or of the first of several that failed; README.md lists them."""
    arguments = _parser().parse_args()
    return guarded(
        lambda: _measure(arguments.command, vars(arguments)),
        interrupted="Interrupted. What was recorded is kept.",
    )


def _measure(command: str, options: dict[str, str]) -> int:
    # make passes the names that were given on its command line: an unknown one would be silently ignored otherwise.
    _check_names(command, os.environ.get("GATEBENCH_KNOBS", "").split())
    knobs = {knob.name: options.get(knob.name.lower()) or os.environ.get(knob.name, "") for knob in KNOBS}
    folders = measure(plan_campaign(command, knobs, engine_answers), Console(stderr=True))
    first = os.path.relpath(folders[0].path)
    where = first if len(folders) == 1 else f"{len(folders)} folders, the first of them {first}"
    print(f"Recorded in {where}; `make analyze` shows what it says.")
    return 0


def _check_names(command: str, names: list[str]) -> None:
    for name in names:
        if name in ANALYSIS_KNOBS and command in ("wsgi", "asgi"):
            raise UsageError(f"{name} is judged when runs are analysed: give it to `make analyze` or `make bench`.")
    check_names(names, ANALYSIS_KNOBS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gatebench",
        description="Measures a Django site behind one gateway interface or several.",
        epilog="; ".join(f"{name}: {what}" for name, what in COMMANDS.items()),
        allow_abbrev=False,
    )
    parser.add_argument("command", choices=COMMANDS)
    for knob in KNOBS:
        shown = f" (default: {knob.default})" if knob.default else ""
        parser.add_argument(f"--{knob.name.lower().replace('_', '-')}", metavar=knob.name, help=knob.help + shown)
    return parser
