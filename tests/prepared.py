"""`python -m tests.prepared FOLDER COMMAND …`: gatebench, whose runs begin with a copy of what set-up left in FOLDER.

A campaign does so with its own runs; this does it with those of a suite. What FOLDER lacks is made, and kept there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path

from gatebench import check, cli, run
from gatebench.stacks import Stack
from gatebench.stacks.prepared import Prepared
from gatebench.values.run_config import RunConfig
from gatebench.values.side import Side

WARM_UP_REQUESTS = 40
"""A fifth of what a person's runs have: what is claimed of response times is claimed of the fresh runs."""


class OfASuite(Prepared):
    """Runs with other limits, or with another ENV, begin with the same copy: no test changes what set-up makes so."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.password = "the same for all copies"

    def folder(self, side: Side) -> Path:
        app = replace(side.workload.app, front=(), back=())
        decides = json.dumps(asdict(replace(side.workload, app=app)))
        return self._home / hashlib.sha256(decides.encode()).hexdigest()[:16]

    def keep(self, side: Side, made: Path) -> None:
        """Whatever a test left that killed its run just then is thrown away."""
        shutil.rmtree(self._home / "draft", ignore_errors=True)
        super().keep(side, made)


def main() -> int:
    of_suite, make_stack = OfASuite(Path(sys.argv.pop(1))), run.make_stack

    def make(config: RunConfig, *rest: object) -> Stack:
        *others, prepared = rest
        return make_stack(config, *others, prepared or of_suite)  # type: ignore[arg-type]

    run.make_stack = make  # type: ignore[assignment]
    run.WARM_UP_REQUESTS = check.WARM_UP_REQUESTS = WARM_UP_REQUESTS
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
