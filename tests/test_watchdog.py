"""What is started is ended: the watchdog knows of it whatever comes in between, and says what it could not end."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from gatebench import ROOT
from gatebench import watchdog as watchdog_module
from gatebench.errors import MachineError
from gatebench.records import Outcome, Run
from gatebench.run import Record
from gatebench.run_folder import RunFolder
from gatebench.stacks import compose
from gatebench.stacks.compose import ComposeStack
from gatebench.stacks.processes import Processes
from gatebench.watchdog import Watchdog

STACKS = sorted((ROOT / "gatebench" / "stacks").glob("*.py"))
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


class Told(Watchdog):
    """A watchdog that ends nothing, and keeps what it was told."""

    def __init__(self) -> None:
        self.processes: list[int] = []

    def end_process(
        self,
        process: subprocess.Popen[Any],
        number: signal.Signals = signal.SIGTERM,  # noqa: ARG002 - as its own
    ) -> None:
        self.processes.append(process.pid)


class Broken(Told):
    def end_process(self, process: subprocess.Popen[Any], number: signal.Signals = signal.SIGTERM) -> None:
        super().end_process(process, number)
        raise MachineError("The watchdog was killed: run again, and leave it alone.")


@pytest.fixture
def ctrl_c_after_each_start(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Whatever is started is a process that sleeps, and Ctrl-C comes in the moment after."""
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(_command: object, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(SLEEP, **options))
        os.kill(os.getpid(), signal.SIGINT)
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    yield started
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "start",
    [
        lambda told, folder: Processes(folder, told).start("app", SLEEP, {}),
        lambda told, _: compose._Deaths("project", 0.0, told),
        lambda told, _: compose._Psql("container", told),
    ],
    ids=["a process", "docker events", "psql"],
)
def test_ctrl_c_right_after_a_start_comes_when_the_watchdog_knows(
    tmp_path: Path,
    ctrl_c_after_each_start: list[subprocess.Popen[bytes]],
    start: Callable[[Told, RunFolder], object],
) -> None:
    told = Told()
    with pytest.raises(KeyboardInterrupt):
        start(told, RunFolder.create(tmp_path, "test"))
    assert told.processes == [process.pid for process in ctrl_c_after_each_start]
    assert len(told.processes) == 1


def test_nothing_of_a_stack_is_started_where_ctrl_c_could_come_in_between() -> None:
    starts = 0
    for path in STACKS:
        tree = ast.parse(path.read_text())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and "Popen" in ast.unparse(node.func)]
        guarded = [
            call
            for block in ast.walk(tree)
            if isinstance(block, ast.With) and any("undisturbed()" in ast.unparse(item) for item in block.items)
            for call in ast.walk(block)
        ]
        starts += len(calls)
        assert [ast.unparse(call) for call in calls if call not in guarded] == [], path.name
    assert starts >= 3


def test_a_process_that_no_watchdog_knows_of_is_ended_at_once(tmp_path: Path) -> None:
    broken = Broken()
    with pytest.raises(MachineError, match="The watchdog was killed"):
        Processes(RunFolder.create(tmp_path, "test"), broken).start("app", SLEEP, {})
    (pid,) = broken.processes
    assert not psutil.pid_exists(pid)


def test_a_folder_that_stays_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "state"
    folder.mkdir()

    def busy(path: str, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise OSError(16, "Device or resource busy", path)

    monkeypatch.setattr(shutil, "rmtree", busy)
    with pytest.raises(OSError, match="resource busy"):
        watchdog_module._end({"folder": str(folder)})


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ignores SIGTERM, and a watchdog that waits for a tenth of a second."""
    monkeypatch.setattr(watchdog_module, "GRACE_S", 0.1)
    ignores = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", ignores], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.send_signal(signal.SIGKILL)


def test_a_process_that_ignores_sigterm_is_killed(deaf: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(RuntimeError):  # that it is not gone yet, after a tenth of a second
        watchdog_module._end_process(deaf.pid, psutil.Process(deaf.pid).create_time(), signal.SIGTERM)
    deaf.wait(timeout=30)  # raises where it lives on


def test_a_process_that_outlives_sigkill_is_no_success(
    deaf: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil.Process, "kill", lambda _: None)
    with pytest.raises(RuntimeError, match=f"processes that outlive SIGKILL: {deaf.pid}"):
        watchdog_module._end_process(deaf.pid, psutil.Process(deaf.pid).create_time(), signal.SIGTERM)


def test_an_engine_on_another_kernel_is_asked_once_for_its_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def first_process(container: str) -> tuple[int, str]:
        asked.append(container)
        return os.getpid(), "0123456789abcdef"

    monkeypatch.setattr(compose, "_first_process", first_process)
    stack = object.__new__(ComposeStack)
    stack._pids, stack._elsewhere, stack._project, stack._beside = {}, False, "project", []
    for _ in range(10):
        assert stack.roles() == {}
    assert len(asked) == 1


def mistaken() -> None:
    try:
        {}["a"]
    except KeyError as error:
        raise ValueError("no number") from error


def test_the_cause_of_our_own_mistake_is_kept_and_the_run_says_whose_it_was(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "test")
    record = Record(folder, Run("test", {}, started=0.0), print)
    with pytest.raises(ValueError, match="no number") as caught, record.saved():
        mistaken()
    assert isinstance(caught.value.__cause__, KeyError)
    run = folder.read_run()
    assert run.outcome is Outcome.FAILED
    assert run.reason == "Gatebench itself failed (ValueError: no number)."
