"""Whether a small difference is found: one server against itself, with its views made slower by a tenth on side B.

The slower views take 10 % more CPU time than they took (tests/faulty/middleware.py). On the native stack, in trials
that are interleaved, past saturation, where throughput decides. Prints the verdict that `make compare` would print.

    python benchmarks/slowdown.py [--slower 0.1] [--trials 5] [--users 600] [--hold 15]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.analysis.analysed_run import analyse  # noqa: E402
from gatebench.analysis.comparing.sides import sides_of  # noqa: E402
from gatebench.analysis.comparing.verdict import verdicts  # noqa: E402
from gatebench.campaign import plan_campaign  # noqa: E402
from gatebench.plan import measure  # noqa: E402
from gatebench.progress import Display  # noqa: E402
from gatebench.records import Trial  # noqa: E402
from gatebench.run import run  # noqa: E402
from gatebench.run_folder import RunFolder  # noqa: E402
from gatebench.stacks.prepared import Prepared  # noqa: E402
from gatebench.values.run_config import RunConfig  # noqa: E402


def main() -> None:
    arguments = _parse()
    knobs = {
        "STACK": "native",
        "HEADLESS": "1",
        "SETTLE": "5",
        "SERVER": arguments.server,
        "RESULTS": arguments.results,
    }
    knobs |= {"TRIALS": str(arguments.trials), "USERS": arguments.users, "HOLD": str(arguments.hold)}

    def measure_one(config: RunConfig, display: Display, trial: Trial | None, prepared: Prepared | None) -> RunFolder:
        slower = str(arguments.slower if trial and trial.side == "B" else 0)
        # The settings on both sides: the middleware costs a little too.
        env = {"DJANGO_SETTINGS_MODULE": "tests.faulty.settings", "FAULT_SLOWER": slower}
        return run(replace(config, side=replace(config.side, env=env)), display, trial, prepared)

    folders = measure(plan_campaign("aa", knobs, lambda: False), Console(stderr=True), measure_one)
    (verdict,) = verdicts(sides_of([analyse(folder) for folder in folders]), anyway=True)  # ENV differs
    print(verdict.sentence)
    print(verdict.ratios.to_string(index=False))
    found = verdict.ratios.iloc[0]
    sys.exit(not found["high"] < 1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slower", type=float, default=0.1)
    parser.add_argument("--server", default="gunicorn")
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--users", default="600")
    parser.add_argument("--hold", type=float, default=15)
    parser.add_argument("--results", default=str(ROOT / "results" / "slowdown"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
