"""What Gatebench's part of the app's process costs: the CPU time of a page with it and without.

The native stack serves the polls site as every run does. Beside its workers, and with their environment, a process of
this benchmark (overlay_inside.py) asks the same application for a poll's page, as it is and as wrapped by
gatebench/inside, in turns: two processes differ by some hundredths whatever runs in them. The settings that a run lays
over the project's hold for both; they are values, and no code of Gatebench's runs for them. No server is in that
process, so that the share of the whole is smaller still.

Each trial is a process of its own. Prints the ratio of each interface with its interval at 95 % over the trials, and
ends with 1 where more than 2 % are not ruled out.

    python benchmarks/overlay.py [--trials 6] [--pages 2000] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.analysis.comparing.ratio import paired_ratios  # noqa: E402
from gatebench.knobs import resolve  # noqa: E402
from gatebench.machine import facts  # noqa: E402
from gatebench.run_folder import RunFolder  # noqa: E402
from gatebench.stacks.native import NativeStack  # noqa: E402
from gatebench.values.server import Interface  # noqa: E402
from gatebench.watchdog import Watchdog  # noqa: E402

ALLOWED = 1.02


def main() -> None:
    arguments = _parse()
    found = {interface: _trials(interface, arguments.trials, arguments.pages) for interface in Interface}
    if arguments.json:
        kept = {"machine": facts(), "pages": arguments.pages, "ms_without_and_with": found}
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n")
    highest = 0.0
    for interface, each in found.items():
        ratio, (low, high) = cost(each)
        highest = max(highest, high)
        without, with_it = np.mean(each, axis=0)
        print(
            f"{interface.upper()}: {with_it:.3f} ms per page with it, {without:.3f} ms without, ratio {ratio:.4f} "
            f"({low:.4f} to {high:.4f}), {len(each)} trials of {arguments.pages:,} pages each"
        )
    sys.exit(highest > ALLOWED)


def cost(trials: list[list[float]]) -> tuple[float, tuple[float, float]]:
    """The ratio of CPU time with Gatebench's part to that without, and its interval."""
    costs = np.array(trials)
    (ratio,) = paired_ratios(np.log(costs[:, 1] / costs[:, 0])[:, None], sides=2)
    assert ratio.value is not None
    return ratio.value, ratio.interval or (0.0, math.inf)


def _trials(interface: Interface, trials: int, pages: int) -> list[list[float]]:
    """Milliseconds of CPU per page, the median without and with, a trial each."""
    with tempfile.TemporaryDirectory(prefix="gatebench-overlay-") as results:
        config = resolve(interface, {"STACK": "native", "HEADLESS": "1", "RESULTS": results}, lambda: False)
        folder = RunFolder.create(Path(results), config.side.server.name)
        watchdog = Watchdog(None, folder.log("watchdog"))
        try:
            stack = NativeStack(config, folder, watchdog)
            stack.up(lambda _: None)
            app = psutil.Process(stack.roles()["app"])
            command = [sys.executable, str(ROOT / "benchmarks" / "overlay_inside.py"), interface, str(pages)]
            return [_measured(command, app) for _ in range(trials)]
        finally:
            watchdog.end_everything()


def _measured(command: list[str], app: psutil.Process) -> list[float]:
    """In the environment and the folder of the app server."""
    done = subprocess.run(command, env=app.environ(), cwd=app.cwd(), stdout=subprocess.PIPE, check=True)
    without, with_it = json.loads(done.stdout)
    print(f"  {command[-2].upper()}: {with_it:.4f} ms with it, {without:.4f} ms without", file=sys.stderr)
    return [without, with_it]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--pages", type=int, default=2000, help="of each of the two, a trial")
    parser.add_argument("--json", type=Path, help="where each trial's medians are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
