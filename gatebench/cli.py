"""Arguments in, exit code out: `python -m gatebench wsgi`, `gatebench bench --trials 5`."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from gatebench import ROOT
from gatebench.campaign import COMMANDS, Campaign, measure, plan_campaign
from gatebench.command import from_environment, guarded
from gatebench.knobs import KNOBS
from gatebench.names import check_names
from gatebench.project import Own, own_project
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
    own = None if knobs["WORKLOAD"] else _own(options.get("project"))
    folders = measure(_planned(command, knobs, own), Console(stderr=True))
    first = os.path.relpath(folders[0].path)
    where = first if len(folders) == 1 else f"{len(folders)} folders, the first of them {first}"
    print(f"Recorded in {where}; `make analyze` shows what it says.")
    return 0


def _own(named: str | None) -> Own | None:
    """The project that was named, or the one that we are in; none in Gatebench's own checkout."""
    here = Path(named).expanduser().resolve() if named else Path.cwd()
    if named is None and here.is_relative_to(ROOT):
        return None
    return own_project(here)


def _planned(command: str, knobs: dict[str, str], own: Own | None) -> Campaign:
    if own is None:
        return plan_campaign(command, knobs, engine_answers)
    defaults = {"STACK": "native", "DB": own.db, "RESULTS": str(own.project.folder / "gatebench-results")}
    knobs = {name: text or defaults.get(name, "") for name, text in knobs.items()}
    campaign = plan_campaign(command, knobs, engine_answers, own.workload)
    return replace(campaign, sides={letter: own.with_layers(one) for letter, one in campaign.sides.items()})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gatebench",
        description="Measures a Django site behind one gateway interface or several.",
        epilog="; ".join(f"{name}: {what}" for name, what in COMMANDS.items()),
        allow_abbrev=False,
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--project", metavar="FOLDER", help="of a manage.py (default: where you are)")
    for knob in KNOBS:
        shown = f" (default: {knob.default})" if knob.default else ""
        parser.add_argument(f"--{knob.name.lower().replace('_', '-')}", metavar=knob.name, help=knob.help + shown)
    return parser
