"""Arguments in, exit code out: `python -m gatebench wsgi`, `python -m gatebench bench --trials 5`."""

from __future__ import annotations

import argparse
import os

from rich.console import Console

from gatebench.campaign import COMMANDS, measure, plan_campaign
from gatebench.command import from_environment, guarded
from gatebench.knobs import KNOBS
from gatebench.names import check_names
from gatebench.stacks.engine import engine_answers


def main() -> int:
    """The exit code of a run, or of the first of several that failed; README.md lists them."""
    arguments = _parser().parse_args()
    return guarded(
        lambda: _measure(arguments.command, vars(arguments)),
        interrupted="Interrupted. What was recorded is kept.",
    )


def _measure(command: str, options: dict[str, str]) -> int:
    environment = from_environment()
    check_names(environment)
    knobs = {knob.name: options.get(knob.name.lower()) or environment.get(knob.name, "") for knob in KNOBS}
    folders = measure(plan_campaign(command, knobs, engine_answers), Console(stderr=True))
    first = os.path.relpath(folders[0].path)
    where = first if len(folders) == 1 else f"{len(folders)} folders, the first of them {first}"
    print(f"Recorded in {where}; `make analyze` shows what it says.")
    return 0


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
