"""What Gatebench's part of the app's process costs: the CPU time of a request with it and without.

The polls site as every run serves it (gatebench/inside: settings laid over the project's, applications wrapped), and
the same site with the same settings and nothing of Gatebench in its process (benchmarks/unwrapped). On the native
stack, under both interfaces, in trials that are interleaved, below saturation. Prints the ratio of each interface with
its interval at 95 %, and ends with 1 where more than 2 % are not ruled out.

    python benchmarks/overlay.py [--trials 5] [--users 100] [--hold 20]
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.analysis.analysed_run import analyse  # noqa: E402
from gatebench.analysis.comparing.ratio import paired_ratios  # noqa: E402
from gatebench.campaign import campaign_of, measure  # noqa: E402
from gatebench.knobs import resolve  # noqa: E402
from gatebench.run_folder import RunFolder  # noqa: E402
from gatebench.values.run_config import RunConfig  # noqa: E402
from gatebench.values.server import Interface  # noqa: E402

ALLOWED = 1.02


def main() -> None:
    arguments = _parse()
    knobs = {"STACK": "native", "HEADLESS": "1", "SETTLE": "5", "RESULTS": arguments.results}
    knobs |= {"TRIALS": str(arguments.trials), "USERS": arguments.users, "HOLD": str(arguments.hold)}
    wrapped = [resolve(interface, knobs, lambda: False) for interface in Interface]
    folders = measure(campaign_of([*wrapped, *map(unwrapped, wrapped)], knobs), Console(stderr=True))
    dearest = 0.0
    for interface in Interface:
        costs = [_costs(folders, interface, there) for there in (False, True)]
        (ratio,) = paired_ratios(np.log(np.array(costs[1]) / np.array(costs[0]))[:, None], sides=2)
        assert ratio.value is not None
        low, high = ratio.interval or (0.0, math.inf)
        dearest = max(dearest, high)
        without, with_it = (float(np.mean(cost)) for cost in costs)
        print(
            f"{interface.upper()}: {with_it:.2f} ms with it, {without:.2f} ms without, ratio {ratio.value:.3f} "
            f"({low:.3f} to {high:.3f}), {len(costs[0])} trials"
        )
    sys.exit(dearest > ALLOWED)


def unwrapped(config: RunConfig) -> RunConfig:
    """The same side with nothing of Gatebench in the app's process."""
    interface = config.side.server.interface
    app = replace(
        config.side.workload.app,
        applications={interface: f"benchmarks.unwrapped.{interface}:application"},
        ready_path="/unwrapped/ready/",
        settings=None,
        environment={
            "DJANGO_SECRET_KEY": "{secret}",
            "DJANGO_SETTINGS_MODULE": "benchmarks.unwrapped.settings",
            "UNWRAPPED_STATIC": "{static}",
        },
    )
    workload = replace(config.side.workload, app=app)
    return replace(config, side=replace(config.side, workload=workload, label=f"{config.side.label} (unwrapped)"))


def _costs(folders: list[RunFolder], interface: Interface, wrapped: bool) -> list[float]:
    """Milliseconds of the app's CPU a request, a trial each."""
    found = {}
    for folder in folders:
        run = folder.read_run()
        side = RunConfig.from_json(run.config).side
        if side.server.interface is interface and (side.workload.app.settings is not None) == wrapped:
            assert run.trial
            found[run.trial.number] = float(analyse(folder).steps["cpu_ms_per_request_app"].iloc[0])
    return [found[number] for number in sorted(found)]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--users", default="100")
    parser.add_argument("--hold", type=float, default=20)
    parser.add_argument("--results", default=str(ROOT / "results"), help="where run folders are made")
    return parser.parse_args()


if __name__ == "__main__":
    main()
