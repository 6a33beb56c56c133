"""Arguments in, exit code out: the only place that exits. `gatebench wsgi`, `gatebench asgi`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable

from rich.console import Console

from gatebench.config import KNOBS, check_names, resolve
from gatebench.errors import INTERRUPTED, GatebenchError
from gatebench.progress import Reporter
from gatebench.run import run
from gatebench.servers import Interface
from gatebench.stacks.engine import engine_answers


def main() -> int:
    """The exit code of a run; README.md lists them."""
    arguments = _parser().parse_args()
    return guarded(lambda: _bench(Interface(arguments.interface), vars(arguments)))


def guarded(work: Callable[[], int]) -> int:
    """What work returns; every error that a person is meant to read becomes its sentence and its exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        return work()
    except GatebenchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted. What was recorded is kept.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # a mistake of ours: the traceback is for the report, not for the person
        with tempfile.NamedTemporaryFile("w", prefix="gatebench-error-", suffix=".log", delete=False) as log:
            traceback.print_exc(file=log)
        print(
            f"Gatebench made a mistake ({type(error).__name__}: {error}): please report it with {log.name}.",
            file=sys.stderr,
        )
        return GatebenchError.exit_code


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
        prog="gatebench", description="Measures a Django site behind one gateway interface.", allow_abbrev=False
    )
    parser.add_argument("interface", choices=[interface.value for interface in Interface])
    for knob in KNOBS:
        shown = f" (default: {knob.default})" if knob.default else ""
        parser.add_argument(f"--{knob.name.lower().replace('_', '-')}", metavar=knob.name, help=knob.help + shown)
    return parser


if __name__ == "__main__":
    sys.exit(main())
