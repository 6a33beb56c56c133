"""What goes wrong gets one clear sentence and its own exit code; nothing is left running, nothing recorded is lost."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from gatebench.config import ROOT
from gatebench.records import Outcome
from gatebench.run_folder import RunFolder
from tests.conftest import Bench

LONG = {"USERS": "20", "SETTLE": "0", "HOLD": "60"}


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


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


def assert_nothing_left(processes: list[psutil.Process]) -> None:
    wait_for(
        lambda: not any(one.is_running() and one.status() != "zombie" for one in processes), "everything to end", 20
    )
    assert not list(Path(tempfile.gettempdir()).glob("gatebench-????????"))


def one_sentence(text: str) -> None:
    assert "Traceback" not in text


def test_a_bad_knob_ends_with_2_before_anything_starts(bench: Bench) -> None:
    done = bench.run("wsgi", USERS="many")
    assert done.returncode == 2
    assert done.stderr.startswith("USERS=many does not parse: give first:last:step")
    assert not bench.results.exists()


def test_make_tells_a_misspelt_knob(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "bench-wsgi", "USRES=20", f"RESULTS={tmp_path}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "USRES is not a knob: did you mean USERS?" in done.stderr


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
    assert "Cannot write to /proc/nothing/here" in done.stderr
    one_sentence(done.stderr)


def test_an_app_that_fails_its_check_ends_with_4_and_no_load(bench: Bench) -> None:
    """Without a question to vote on, the form is a 404."""
    code = (
        "from dataclasses import replace; import gatebench.config as c, gatebench.run as r;"
        "r.POLLS = replace(c.POLLS, form_path='/polls/99999/');"
        "from gatebench.cli import main; raise SystemExit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "wsgi"],
        env={**os.environ, "STACK": "native", "HEADLESS": "1", "RESULTS": str(bench.results), "PORT": str(bench.port)},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "/polls/99999/ answered 404 Not Found, before any load" in done.stderr
    assert bench.folder().read_run().outcome is Outcome.FAILED
    assert not bench.folder().requests.exists()


@pytest.mark.parametrize("victim", ["nginx", "postgres", "gatebench.serve|gunicorn"])
def test_a_service_that_dies_ends_the_run_with_5_and_is_named(bench: Bench, victim: str) -> None:
    process = bench.start("wsgi", **LONG)
    wait_for(lambda: in_hold(bench), "the hold")
    everything = family(process)
    names = victim.split("|")
    target = next(
        one for one in everything if one.ppid() == process.pid and any(n in " ".join(one.cmdline()) for n in names)
    )
    target.kill()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 5
    name = {"nginx": "nginx", "postgres": "postgres"}.get(victim, "app")
    assert f"The stack broke while it was measured: {name} was killed by SIGKILL; its log" in stderr
    one_sentence(stderr)
    assert_nothing_left(everything)
    run = bench.folder().read_run()
    assert run.outcome is Outcome.FAILED
    assert run.load is not None
    assert recorded(bench.folder()) >= run.load.locust_requests > 0


@pytest.mark.parametrize("after_s", [0.0, 0.7, 1.5, 3.0, None], ids=str)
def test_ctrl_c_at_any_moment_ends_with_130_and_nothing_left(bench: Bench, after_s: float | None) -> None:
    process = bench.start("asgi", **LONG)
    if after_s is None:
        wait_for(lambda: in_hold(bench), "the hold")
    else:
        wait_for(lambda: len(family(process)) > 0, "the watchdog")
        time.sleep(after_s)
    everything = family(process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted. What was recorded is kept." in stderr
    one_sentence(stderr)
    assert_nothing_left(everything)
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
    assert_nothing_left(everything)
    assert killed.read_run().outcome is Outcome.RUNNING
    assert recorded(killed) > 0


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
    assert "The load generator ended with code -9" in stderr
    assert_nothing_left(everything)
    assert recorded(bench.folder()) > 0


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="a small file system needs root to be mounted")
def test_a_full_disk_is_said_and_what_was_recorded_is_kept(bench: Bench) -> None:
    bench.results.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(bench.results)], check=True)
    try:
        done = bench.run("wsgi", USERS="100", SETTLE="0", HOLD="40")
        assert done.returncode in (3, 6), done.stderr  # who meets it first: the runner, or the load generator
        assert "disk" in done.stderr
        one_sentence(done.stderr)
        kept = shutil.copytree(bench.folder().path, bench.results.parent / "kept")
        assert recorded(RunFolder(kept)) > 0
    finally:
        subprocess.run(["umount", str(bench.results)], check=True)
