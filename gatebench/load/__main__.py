"""`python -m gatebench.load FOLDER --host URL`: sends the load of FOLDER/run.json and records it in FOLDER.

Exit code 0 when every step was held, 1 when it ended early (load.jsonl says why), 3 when the disk took no more.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402 - the standard library must be patched before anything uses it
import json  # noqa: E402
import logging  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402
import locust.stats  # noqa: E402
from locust import events  # noqa: E402
from locust.env import Environment  # noqa: E402
from locust.log import setup_logging  # noqa: E402

from gatebench import ROOT  # noqa: E402
from gatebench.command import DISK_FULL  # noqa: E402
from gatebench.errors import MachineError  # noqa: E402
from gatebench.load import mistakes, plain  # noqa: E402
from gatebench.load.mistakes import LocustfileError, load_users  # noqa: E402
from gatebench.load.ramp import Ramp, RampStoppedError  # noqa: E402
from gatebench.load.recorder import Recorder  # noqa: E402
from gatebench.load.user import MeasuredUser  # noqa: E402
from gatebench.load.web_ui import Page  # noqa: E402
from gatebench.run_folder import RunFolder  # noqa: E402
from gatebench.so_far import SoFar  # noqa: E402
from gatebench.values.run_config import SPAWN_RATE, RunConfig  # noqa: E402
from gatebench.values.side import Side  # noqa: E402


def main() -> int:
    arguments = parse(__doc__)
    folder = RunFolder(arguments.folder)
    run = folder.read_run()
    config = RunConfig.from_json(run.config)
    setup_logging("INFO", None)
    try:
        environment = environment_of(config.side, arguments.host)
    except LocustfileError as error:
        line = {"event": "stopped", "time": time.time(), "reason": f"{error} Mend it, then run again."}
        folder.load_events.write_text(json.dumps(line) + "\n")
        return 1
    runner = environment.create_local_runner()
    gevent.spawn(locust.stats.stats_history, runner)
    so_far = SoFar(config)
    page = None if config.headless else Page.serve(environment, arguments.ui_host, run, so_far)
    try:
        with folder.load_events.open("a") as lines:
            workload, timeout_s = config.side.workload, config.side.footing.timeout_s
            late_ms, paced, pushed = workload.objective.p95_ms, workload.paced, workload.pushed
            recorder = Recorder(folder.requests, runner, timeout_s, late_ms, paced, pushed)
            ramp = Ramp(runner, recorder, lines, config.settle_s, config.hold_s, SPAWN_RATE, so_far.add)
            if config.stop_at_limit:
                ramp.enough = lambda: so_far.past_objective(recorder.overdue(), recorder.late_updates())
            code = _climb(ramp, config)
    except OSError as error:  # closing a file writes what is left of it
        if error.errno not in DISK_FULL:
            raise
        code = MachineError.exit_code
    if page:
        page.stop()
    runner.quit()
    return code


def _climb(ramp: Ramp, config: RunConfig) -> int:
    def interrupt() -> None:
        ramp.stop_reason = ramp.stop_reason or "The run was interrupted."

    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, interrupt)
    complete = True
    try:
        ramp.climb(config.users)
    except RampStoppedError as stop:
        ramp.say("stopped", reason=str(stop))
        complete = False
    longest_s = config.side.footing.longest_answer_s + config.side.workload.slow_client_s
    ramp.drain(longest_s + 1 if complete else 1)
    if (error := ramp.recorder.error) is None:
        return 0 if complete else 1
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return MachineError.exit_code
    if complete:  # the last of the answers could not be recorded
        ramp.say("stopped", reason=ramp.recorder.why_not())
    return 1


def environment_of(side: Side, host: str) -> Environment:
    users = load_users(ROOT / side.workload.locustfile, plain.KINDS)
    for user in users:
        user.seed_size = side.workload.seed_size
        user.timeout_s = side.footing.timeout_s
        if issubclass(user, MeasuredUser):  # a class of somebody's own may have attributes of these names
            user.views = side.views
            user.settings = {name: setting.value for name, setting in side.workload.settings.items()}
            user.weight = user.share()
    plain.measure(users, side.footing.timeout_s)
    locust.stats.PERCENTILES_TO_CHART = [0.5, 0.95, 0.99]
    environment = Environment(user_classes=users, events=events, host=host)
    mistakes.listen(environment)
    return environment


def parse(description: str | None, **switches: str) -> argparse.Namespace:
    """`switches` are more of them, with what each is for."""
    parser = argparse.ArgumentParser(prog="python -m gatebench.load", description=description)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", required=True, help="where the users connect, for example http://127.0.0.1:8080")
    parser.add_argument("--ui-host", default="127.0.0.1", help="address that the web UI listens on")
    for name, what in switches.items():
        parser.add_argument(f"--{name}", action="store_true", help=what)
    arguments = parser.parse_args()
    del sys.argv[1:]  # Locust's web UI parses the command line again, by its own rules
    return arguments


if __name__ == "__main__":
    logging.captureWarnings(True)
    sys.exit(main())
