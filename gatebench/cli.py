"""Arguments in, exit code out: `python -m gatebench wsgi`, `python -m gatebench asgi`."""

from __future__ import annotations

import argparse
import os

from rich.console import Console

from gatebench.command import guarded
from gatebench.config import KNOBS, check_names, resolve
from gatebench.progress import Reporter
from gatebench.run import run
from gatebench.servers import Interface
from gatebench.stacks.engine import engine_answers


def main() -> int:
    """The exit code of a run; README.md lists them."""
    arguments = _parser().parse_args()
    return guarded(
        lambda: _bench(Interface(arguments.interface), vars(arguments)),
        interrupted="Interrupted. What was recorded is kept.",
    )


def _bench(interface: Interface, given: dict[str, str]) -> int:
    # make passes the names that were given on its command line: an unknown one would be silently ignored otherwise.
    check_names(os.environ.get("GATEBENCH_KNOBS", "").split())
    knobs = {knob.name: given.get(knob.name.lower()) or os.environ.get(knob.name, "") for knob in KNOBS}
    config = resolve(interface, knobs, engine_answers)
    with Reporter(config, Console(stderr=True)) as display:
        folder = run(config, display)
    print(f"Recorded in {os.path.relpath(folder.path)}; `make analyze` shows what it says.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gatebench",
        description="Measures a Django site behind one gateway interface.",
        allow_abbrev=False,
    )
    parser.add_argument("interface", choices=[interface.value for interface in Interface])
    for knob in KNOBS:
        shown = f" (default: {knob.default})" if knob.default else ""
        parser.add_argument(f"--{knob.name.lower().replace('_', '-')}", metavar=knob.name, help=knob.help + shown)
    return parser
