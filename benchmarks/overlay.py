"""What Gatebench's part of the app's process costs: the CPU time of a vote with it and without.

The polls site as every run serves it (gatebench/inside: settings laid over the project's, applications wrapped), and
the same site with the same settings and nothing of Gatebench in its process (benchmarks/unwrapped). Both native stacks
are up at once, their app servers on one core, and one client votes at the two in turns: whatever the machine does, it
does to both. Each trial starts both anew. Prints the ratio of each interface with its interval at 95 % over the trials,
and ends with 1 where more than 2 % are not ruled out.

    python benchmarks/overlay.py [--trials 6] [--votes 1500] [--json FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.analysis.comparing.ratio import paired_ratios  # noqa: E402
from gatebench.knobs import resolve  # noqa: E402
from gatebench.machine import facts, kept_to  # noqa: E402
from gatebench.run_folder import RunFolder  # noqa: E402
from gatebench.stacks.native import NativeStack  # noqa: E402
from gatebench.values.run_config import RunConfig  # noqa: E402
from gatebench.values.server import Interface  # noqa: E402
from gatebench.watchdog import Watchdog  # noqa: E402

ALLOWED = 1.02
WARM_UP_VOTES = 200
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
CHOICE = re.compile(r'name="choice"[^>]*?value="(\d+)"')


def main() -> None:
    arguments = _parse()
    trials, votes = range(arguments.trials), arguments.votes
    found = {interface: [_trial(interface, votes) for _ in trials] for interface in Interface}
    dearest = 0.0
    for interface, each in found.items():
        costs = np.array(each)
        (ratio,) = paired_ratios(np.log(costs[:, 1] / costs[:, 0])[:, None], sides=2)
        assert ratio.value is not None
        low, high = ratio.interval or (0.0, math.inf)
        dearest = max(dearest, high)
        without, with_it = costs.mean(axis=0)
        print(
            f"{interface.upper()}: {with_it:.2f} ms a vote with it, {without:.2f} ms without, ratio {ratio.value:.4f} "
            f"({low:.4f} to {high:.4f}), {len(each)} trials of {votes:,} votes at each"
        )
    if arguments.json:
        kept = {"votes": votes, "machine": facts(), "ms_without_and_with": found}
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n")
    sys.exit(dearest > ALLOWED)


def _trial(interface: Interface, votes: int) -> tuple[float, float]:
    """Milliseconds of the app's CPU a vote, a form and its results with it: without Gatebench's part, and with it."""
    with tempfile.TemporaryDirectory(prefix="gatebench-overlay-") as results:
        config = resolve(interface, {"STACK": "native", "HEADLESS": "1", "RESULTS": results}, lambda: False)
        sides = [unwrapped(config), replace(config, port=config.port + 1)]
        with contextlib.ExitStack() as up:
            # The one that starts first is not always the same.
            started = {n: up.enter_context(_served(sides[n])) for n in random.sample(range(2), 2)}
            stacks = [started[0], started[1]]
            up.enter_context(kept_to(stacks[0].cores.others))
            voters = [Voter(stack.url) for stack in stacks]
            _in_turns(voters, WARM_UP_VOTES)
            before = [_cpu_s(stack) for stack in stacks]
            _in_turns(voters, votes)
            without, with_it = (1000 * (_cpu_s(stack) - s) / votes for stack, s in zip(stacks, before, strict=True))
    print(f"  {interface.upper()}: {with_it:.3f} ms with it, {without:.3f} ms without", file=sys.stderr)
    return without, with_it


@contextlib.contextmanager
def _served(config: RunConfig) -> Iterator[NativeStack]:
    folder = RunFolder.create(Path(config.results), config.side.server.name)
    watchdog = Watchdog(None, folder.log("watchdog"))
    try:
        stack = NativeStack(config, folder, watchdog)
        stack.up(lambda _: None)
        yield stack
    finally:
        watchdog.end_everything()


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
    return replace(config, side=replace(config.side, workload=workload))


class Voter:
    """Opens a poll's form, votes and follows to the results, over one connection that is kept."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False  # past every proxy

    def vote(self, poll: int) -> None:
        form = self._session.get(f"{self._url}/polls/{poll}/").text
        token = TOKEN.search(form)
        assert token, form
        data = {"csrfmiddlewaretoken": token[1], "choice": CHOICE.findall(form)[0]}
        results = self._session.post(f"{self._url}/polls/{poll}/vote/", data)
        results.raise_for_status()
        assert results.url.endswith("/results/"), results.url


def _in_turns(voters: list[Voter], votes: int) -> None:
    for _ in range(votes):
        poll = random.randint(1, 100)
        for voter in random.sample(voters, len(voters)):
            voter.vote(poll)


def _cpu_s(stack: NativeStack) -> float:
    """Of the app server and its workers."""
    server = psutil.Process(stack.roles()["app"])
    times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--votes", type=int, default=1500)
    parser.add_argument("--json", type=Path, help="where each trial's figures are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
