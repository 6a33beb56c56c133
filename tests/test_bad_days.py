"""What goes wrong gets one clear sentence and its own exit code; nothing is left running, nothing recorded is lost."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest

from gatebench import ROOT
from gatebench.analysis.analysed_run import analyse
from gatebench.errors import AppCheckError, MachineError, ServiceDiedError
from gatebench.records import Outcome
from gatebench.run import run, watched
from gatebench.run_folder import RunFolder
from gatebench.values.workload import FormCheck
from gatebench.waiting import Waiting
from tests.conftest import Bench, wait_for

LONG = {"USERS": "20", "SETTLE": "0", "HOLD": "60"}


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return ""


def in_hold(bench: Bench) -> bool:
    """Whether the newest run measures, and has recorded something."""
    process = bench.started[-1]
    if process.poll() is not None:
        raise AssertionError(f"the run ended with {process.returncode}: {process.communicate()}")
    folders = list(bench.results.glob("*-*sgi-*"))
    if not folders:
        return False
    folder = RunFolder(folders[0])
    return folder.run_json.exists() and bool(folder.read_run().steps) and recorded(folder) > 0


def recorded(folder: RunFolder) -> int:
    """Whole rows in requests.arrows, however it ends."""
    rows = 0
    if folder.requests.exists():
        with folder.requests.open("rb") as stream:
            try:
                for batch in pa.ipc.open_stream(stream):
                    rows += batch.num_rows
            except (pa.ArrowInvalid, OSError):
                pass
    return rows


def assert_nothing_left(bench: Bench, processes: list[psutil.Process]) -> None:
    wait_for(
        lambda: not any(one.is_running() and one.status() != "zombie" for one in processes), "everything to end", 20
    )
    assert list(bench.temporary.iterdir()) == []


NOTES = (
    "Starting ", "Checking ", "Cores: ", "Ramping ", "Watch it ", "Waiting for the last answers", "Stopping everything",
    "Campaign ", "Trial ", "Step ", "  step ", "    ", "Building the images", "  took ",
)  # fmt: skip
"""How the lines begin that are no error: what a run says as it goes on, and the end of a log, indented."""


def the_sentence(stderr: str) -> str:
    """The one thing that is said beside what a run says anyway: a sentence, down to its full stop."""
    said = [line for line in stderr.splitlines() if line and not line.startswith(NOTES)]
    assert len(said) == 1, stderr
    assert re.fullmatch(r"(?:[A-Z]|http).*[.:]", said[0]), said[0]
    assert not said[0].endswith(":") or re.search(r"^    \S", stderr, re.MULTILINE), "a log is announced and not there"
    return said[0]


def test_a_bad_knob_ends_with_2_before_anything_starts(bench: Bench) -> None:
    done = bench.run("wsgi", USERS="many")
    assert done.returncode == 2
    assert the_sentence(done.stderr).startswith("USERS=many does not parse: give first:last:step")
    assert not bench.results.exists()


@pytest.mark.parametrize("knob", ["PORT", "UI_PORT"])
def test_a_port_in_use_ends_with_3_and_names_the_knob(bench: Bench, knob: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = bench.run("wsgi", HEADLESS="0", **{knob: str(port)})
    assert done.returncode == 3
    assert done.stderr.strip() == f"Port {port} is in use: free it, or give another as in {knob}={port + 1000}."


def test_results_that_cannot_be_written_end_with_3(bench: Bench) -> None:
    done = bench.run("wsgi", RESULTS="/proc/nothing/here")
    assert done.returncode == 3
    assert the_sentence(done.stderr).startswith("Cannot write to /proc/nothing/here (")


def test_an_app_that_fails_its_check_ends_with_4_and_no_load(bench: Bench) -> None:
    """Without a question to vote on, the form is a 404."""
    config = bench.config("wsgi")
    workload = replace(config.side.workload, check=FormCheck(form_path="/polls/99999/", leads_to="/"))
    with pytest.raises(AppCheckError, match="/polls/99999/ answered 404 Not Found, before any load"):
        run(replace(config, side=replace(config.side, workload=workload)), Notes())
    assert AppCheckError.exit_code == 4
    assert bench.folder().read_run().outcome is Outcome.FAILED
    assert not bench.folder().requests.exists()


@pytest.mark.parametrize("victim", ["nginx", "postgres", "gatebench.launch|gunicorn"])
def test_a_service_that_dies_ends_the_run_with_5_and_is_named(bench: Bench, victim: str) -> None:
    process = bench.start("wsgi", **LONG)
    wait_for(lambda: in_hold(bench), "the hold")
    everything = family(process)
    names = victim.split("|")
    target = next(one for one in everything if one.ppid() == process.pid and any(n in command(one) for n in names))
    target.kill()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 5
    name = {"nginx": "nginx", "postgres": "postgres"}.get(victim, "app")
    said = f"The stack broke while it was measured: {name} was killed by SIGKILL; its log"
    assert the_sentence(stderr).startswith(said)
    assert_nothing_left(bench, everything)
    run = bench.folder().read_run()
    assert run.outcome is Outcome.FAILED
    assert run.load is not None
    assert recorded(bench.folder()) >= run.load.locust_requests > 0


@pytest.mark.parametrize("after_s", [0.0, 0.7, 1.5, 3.0, None], ids=str)
def test_ctrl_c_at_any_moment_ends_with_130_and_nothing_left(bench: Bench, after_s: float | None) -> None:
    bench.prepared = None
    process = bench.start("asgi", **LONG)
    if after_s is None:
        wait_for(lambda: in_hold(bench), "the hold")
    else:
        wait_for(lambda: any("gatebench.watchdog" in command(one) for one in family(process)), "the watchdog")
        time.sleep(after_s)
    everything = family(process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert the_sentence(stderr) == "Interrupted. What was recorded is kept."
    assert_nothing_left(bench, everything)
    assert bench.folder().read_run().outcome is Outcome.INTERRUPTED
    if after_s is None:
        assert recorded(bench.folder()) > 0
        assert bench.folder().read_run().load is not None


def test_kill_9_of_the_runner_leaves_nothing_and_the_next_run_works(bench: Bench) -> None:
    process = bench.start("wsgi", **LONG)
    wait_for(lambda: in_hold(bench), "the hold")
    everything = family(process)
    killed = bench.folder()
    process.kill()
    done = bench.run("wsgi")
    assert done.returncode == 0, done.stderr
    assert_nothing_left(bench, everything)
    assert killed.read_run().outcome is Outcome.RUNNING
    assert recorded(killed) > 0


@pytest.mark.parametrize("program", ["initdb", "launch setup"])
def test_kill_9_of_the_runner_before_anything_serves_leaves_nothing(bench: Bench, program: str) -> None:
    bench.prepared = None
    process = bench.start("wsgi", **LONG)
    wait_for(lambda: any(program in command(one) for one in family(process)), program)
    everything = family(process)
    process.kill()
    assert_nothing_left(bench, everything)


def test_what_cannot_be_ended_is_said_with_3_when_all_else_went_well(tmp_path: Path) -> None:
    """The clean-up that fails here is a command, as `docker compose down` is."""
    folder, notes = RunFolder.create(tmp_path, "wsgi-gunicorn"), Notes()
    with (
        (tmp_path / ".lock").open("w") as lock,
        pytest.raises(MachineError, match=r"Not everything could be ended: end by hand what .*watchdog\.log says"),
        watched(lock, folder, notes) as watchdog,
    ):
        watchdog.run_command(["false"], {})
    assert notes.said == ["Stopping everything …"]
    assert "could not end {'command': ['false']" in folder.log("watchdog").read_text()


def test_a_clean_up_that_fails_does_not_hide_what_ended_the_run(tmp_path: Path) -> None:
    folder, notes = RunFolder.create(tmp_path, "wsgi-gunicorn"), Notes()
    with (tmp_path / ".lock").open("w") as lock:
        context = watched(lock, folder, notes)
        context.__enter__().run_command(["false"], {})
        assert not context.__exit__(ServiceDiedError, ServiceDiedError("nginx ended"), None)
    assert notes.said[-1].startswith("Not everything could be ended")


class Notes:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)

    def load(self, event: dict[str, Any]) -> None:
        pass

    def waiting(self) -> Waiting:
        return Waiting(self.note, None)


def test_two_runs_at_once_end_the_second_with_7(bench: Bench) -> None:
    first = bench.start("wsgi", **LONG)
    wait_for(lambda: in_hold(bench), "the hold")
    second = bench.run("asgi")
    assert second.returncode == 7
    assert second.stderr.strip() == (
        f"Another run (process {first.pid}) is using {bench.results}: wait for it, or stop it with Ctrl-C."
    )
    assert first.poll() is None


def test_a_load_generator_that_dies_ends_the_run_with_6(bench: Bench) -> None:
    process = bench.start("wsgi", **LONG)
    wait_for(lambda: in_hold(bench), "the hold")
    everything = family(process)
    next(one for one in everything if "gatebench.load" in one.cmdline()).kill()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 6
    assert the_sentence(stderr).startswith("The load generator ended with code -9")
    assert_nothing_left(bench, everything)
    assert recorded(bench.folder()) > 0


WITH_LOCUSTFILE = """
import sys
from dataclasses import replace
from gatebench.workloads import WORKLOADS
WORKLOADS["vote"] = replace(WORKLOADS["vote"], locustfile=sys.argv.pop(2))
from gatebench.cli import main
raise SystemExit(main())
"""


def run_with_locustfile(bench: Bench, text: str) -> subprocess.CompletedProcess[str]:
    path = bench.results.parent / "mine.py"
    path.write_text(text)
    return bench.run("wsgi", started_by=["-c", WITH_LOCUSTFILE], more=[str(path)])


def test_a_locustfile_that_cannot_be_loaded_ends_with_6_and_names_the_line(bench: Bench) -> None:
    done = run_with_locustfile(bench, "import random\nrandom.chance()\n")
    assert done.returncode == 6
    what = "mine.py, line 2, raised AttributeError: module 'random' has no attribute 'chance'"
    assert what in the_sentence(done.stderr)
    assert bench.folder().read_run().outcome is Outcome.FAILED


def test_a_mistake_in_a_locustfile_makes_its_steps_invalid_and_no_failure_of_the_site(bench: Bench) -> None:
    text = (ROOT / "locustfiles" / "vote.py").read_text()
    done = run_with_locustfile(bench, text.replace("page.status == 302", "page.state == 302"))
    assert done.returncode == 0, done.stderr
    line = next(n for n, one in enumerate(text.splitlines(), start=1) if "page.status == 302" in one)
    what = f"mine.py, line {line}, raised AttributeError: 'Page' object has no attribute 'state'"
    assert [told for told in done.stderr.splitlines() if what in told and told.startswith("Step 1 is not valid: ")]
    run = analyse(bench.folder())
    assert [what in reason for reason in run.steps["invalid_reason"]] == [True, True]
    assert set(run.causes["failure"]) == {"mistake in the locustfile"}
    assert run.counts.agree


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="a small file system needs root to be mounted")
def test_a_full_disk_is_said_and_what_was_recorded_is_kept(bench: Bench) -> None:
    bench.results.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(bench.results)], check=True)
    try:
        done = bench.run("wsgi", USERS="100", SETTLE="0", HOLD="40")
        assert done.returncode == 3, done.stderr  # whoever meets it first: the runner, or the load generator
        assert "The disk is full: free space" in the_sentence(done.stderr)
        kept = shutil.copytree(bench.folder().path, bench.results.parent / "kept")
        assert recorded(RunFolder(kept)) > 0
    finally:
        subprocess.run(["umount", str(bench.results)], check=True)
