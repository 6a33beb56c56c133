"""What is sampled while the load runs: real processes, real counters, and a database that stops answering."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from gatebench import resources
from gatebench.errors import ServiceDiedError, SilentError
from gatebench.records import RoleSample
from gatebench.resources import Family, Sampler, Tree, machine_sample, own_pid
from gatebench.run_folder import RunFolder
from tests.conftest import wait_for

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
sys.stdin.readline()
child.kill()
child.wait()
print("ended", flush=True)
sys.stdin.readline()
"""


def below(root: int) -> list[int]:
    family = Family()
    family.look()
    return family.below(root)


class Parent:
    """A process with a child that computes, and that it ends and collects when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.pid = process.pid
        self._process = process
        self._tree = Tree("app")

    def sample(self) -> RoleSample:
        sample = self._tree.sample(time.time(), below(self._process.pid))
        assert sample is not None
        return sample

    def end_child(self) -> None:
        self._say()
        assert self._process.stdout
        assert self._process.stdout.readline() == "ended\n"

    def _say(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()


@pytest.fixture
def parent() -> Iterator[Parent]:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: len(below(process.pid)) == 2, "the child")
        yield Parent(process)
        process.communicate("\n\n", timeout=10)


def test_a_role_is_its_process_and_all_below_it(parent: Parent) -> None:
    found = parent.sample()
    assert (found.role, found.processes, found.threads, found.ended) == ("app", 2, 2, "")
    assert found.rss_bytes > 5_000_000


def test_the_cpu_time_of_a_child_that_has_ended_still_counts_and_its_end_is_told(parent: Parent) -> None:
    wait_for(lambda: parent.sample().cpu_s > 0.3, "the child to use CPU time")
    before = parent.sample()
    parent.end_child()
    after = parent.sample()
    assert after.cpu_s >= before.cpu_s
    assert (before.processes, after.processes) == (2, 1)
    assert len(after.ended.split()) == 1
    assert parent.sample().ended == ""


def test_what_measuring_costs_leaves_out_what_it_has_started(parent: Parent) -> None:
    wait_for(lambda: parent.sample().cpu_s > 0.3, "the child to use CPU time")
    parent.end_child()
    alone = Tree("gatebench", with_ended=False).sample(time.time(), [parent.pid])
    assert alone is not None
    assert alone.cpu_s < 0.3 < parent.sample().cpu_s


def test_a_role_of_which_nothing_lives_has_no_sample() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        assert Tree("app").sample(time.time(), [process.pid]) is None


@on_linux
def test_sockets_are_counted_as_they_come_and_go() -> None:
    tree = Tree("generator")

    def sockets() -> int:
        sample = tree.sample(time.time(), [os.getpid()])
        assert sample is not None
        assert sample.sockets is not None
        return sample.sockets

    before = sockets()
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.socket())
        # Give or take the one that the look itself needs, which may have been a socket's a moment ago.
        assert sockets() == pytest.approx(before + 20, abs=1)
    assert sockets() == pytest.approx(before, abs=1)


@on_linux
def test_a_counter_that_the_kernel_does_not_have_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_tcp", lambda _: {"RetransSegs": 3})
    sample = machine_sample([os.getpid()])
    assert (sample.listen_overflows, sample.retransmits) == (None, 3)


@on_linux
def test_a_full_listen_backlog_is_counted() -> None:
    before = machine_sample([os.getpid()]).listen_overflows
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener, contextlib.ExitStack() as stack:
        for _ in range(6):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        time.sleep(0.1)
    after = machine_sample([os.getpid()]).listen_overflows
    assert before is not None
    assert after is not None
    assert after > before


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))  # at once: it may be growing


QUIET = json.dumps({"connections": 3, "waiting": 1, "sessions": []})


def test_each_second_has_a_row_a_role_one_of_the_machine_and_one_of_the_database(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with Sampler(folder, lambda: {"app": os.getpid()}, lambda _: QUIET):
        wait_for(lambda: folder.database_csv.exists() and len(rows(folder.database_csv)) > 2, "three rows", 10)
    assert {row["role"] for row in rows(folder.resources_csv)} == {"app", "gatebench"}
    cpu_s = [float(row["cpu_s"]) for row in rows(folder.resources_csv) if row["role"] == "app"]
    assert cpu_s == sorted(cpu_s)
    times = [float(row["time"]) for row in rows(folder.machine_csv)]
    assert [later - sooner for sooner, later in itertools.pairwise(times)] == pytest.approx(
        [1] * (len(times) - 1), abs=0.2
    )
    assert {(row["connections"], row["waiting"]) for row in rows(folder.database_csv)} == {("3", "1")}
    assert rows(folder.sessions_csv) == []


def test_the_roles_are_sampled_once_more_on_leaving(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with Sampler(folder, lambda: {"app": os.getpid()}, lambda _: QUIET):
        wait_for(lambda: folder.resources_csv.exists() and len(rows(folder.resources_csv)) > 0, "a row", 10)
        left = time.time()
    assert float(rows(folder.resources_csv)[-1]["time"]) >= left


WAITING = {
    "pid": 41, "application": "", "query": "UPDATE\n  polls_choice", "query_s": 2.5, "wait_type": "Lock",
    "wait_event": "relation", "lock_s": 2.4, "blocker": 9, "blocker_application": "psql",
    "blocker_state": "idle in transaction", "blocker_query": "LOCK TABLE polls_choice",
}  # fmt: skip


def test_each_process_of_the_app_has_a_row_and_each_session_that_waits(tmp_path: Path, parent: Parent) -> None:
    folder = RunFolder(tmp_path)
    answer = json.dumps({"connections": 3, "waiting": 1, "sessions": [WAITING]})
    with Sampler(folder, lambda: {"app": parent.pid, "postgres": os.getpid()}, lambda _: answer):
        wait_for(lambda: folder.sessions_csv.exists() and len(rows(folder.sessions_csv)) > 1, "two rows", 10)
    found = rows(folder.processes_csv)
    (child,) = {row["pid"] for row in found} - {str(parent.pid)}
    assert {(row["role"], row["pid"], row["own_pid"]) for row in found} == {
        ("app", str(parent.pid), str(parent.pid)),
        ("app", child, child),
    }
    assert {row["parent"] for row in found if row["pid"] == child} == {str(parent.pid)}
    assert "running" in {row["state"] for row in found if row["pid"] == child}
    session = rows(folder.sessions_csv)[0]
    assert session == {name: str(value) for name, value in WAITING.items()} | {
        "time": session["time"],
        "query": "UPDATE polls_choice",
    }


def test_a_question_that_postgresql_gave_up_is_left_out_and_the_next_one_asked(tmp_path: Path) -> None:
    folder, asked = RunFolder(tmp_path), itertools.count()

    def query(_: str) -> str:
        if next(asked) == 0:
            raise SilentError("It waited for a lock.")
        return QUIET

    with Sampler(folder, lambda: {"app": os.getpid()}, query):
        wait_for(lambda: folder.database_csv.exists() and len(rows(folder.database_csv)) > 0, "a row", 10)
    assert {row["connections"] for row in rows(folder.database_csv)} == {"3"}


@on_linux
def test_a_process_that_is_stopped_is_seen_to_be(parent: Parent) -> None:
    child = next(pid for pid in below(parent.pid) if pid != parent.pid)
    os.kill(child, signal.SIGSTOP)
    tree = Tree("app")
    wait_for(lambda: (tree.sample(0, [child]), tree.processes(0)[0].state)[1] == "stopped", "the stop", 5)
    os.kill(child, signal.SIGCONT)


@on_linux
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root can make a namespace")
def test_a_process_in_a_container_is_known_by_its_number_there() -> None:
    with subprocess.Popen(["unshare", "--pid", "--fork", "sleep", "30"]) as outside:
        wait_for(lambda: len(below(outside.pid)) == 2, "the process inside")
        inside = below(outside.pid)[1]
        assert (own_pid(outside.pid), own_pid(inside)) == (outside.pid, 1)
        os.kill(inside, signal.SIGKILL)


def test_a_database_that_hangs_holds_up_nothing_else_and_its_silence_is_a_row(tmp_path: Path) -> None:
    folder, ended = RunFolder(tmp_path), threading.Event()

    def hangs(_: str) -> str:
        ended.wait(30)
        raise ServiceDiedError("It was ended.")

    began = time.monotonic()
    with Sampler(folder, lambda: {"app": os.getpid()}, hangs):
        wait_for(lambda: folder.machine_csv.exists() and len(rows(folder.machine_csv)) > 1, "two rows", 10)
    assert time.monotonic() - began < 10
    assert rows(folder.database_csv) == []
    ended.set()
    wait_for(lambda: [row["answer_ms"] for row in rows(folder.database_csv)] == [""], "the row without an answer", 5)


def test_what_cannot_be_written_ends_no_run_and_is_told(tmp_path: Path) -> None:
    with Sampler(RunFolder(tmp_path / "nowhere"), dict, lambda _: "0 0") as sampler:
        wait_for(lambda: len(sampler.troubles) == 3, "three sentences", 10)
    names = ("database.csv", "machine.csv", "resources.csv")
    for sentence, name in zip(sorted(sampler.troubles), names, strict=True):
        assert re.fullmatch(rf"Sampling into {name} ended at [0-9:]+ \(FileNotFoundError: .*\)\.", sentence)


def test_an_answer_that_makes_no_sense_ends_the_sampling_of_the_database_and_is_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with Sampler(folder, lambda: {"app": os.getpid()}, lambda _: "what?") as sampler:
        wait_for(lambda: bool(sampler.troubles), "the sentence", 10)
        wait_for(lambda: folder.machine_csv.exists() and len(rows(folder.machine_csv)) > 1, "the others to go on", 10)
    (sentence,) = sampler.troubles
    assert sentence.startswith("Sampling into database.csv ended at ")


def test_half_a_row_is_never_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with Sampler(folder, lambda: {"app": os.getpid()}, lambda _: QUIET):
        wait_for(lambda: folder.machine_csv.exists() and b"\n" in folder.machine_csv.read_bytes(), "a row", 10)
        log: IO[bytes]
        with folder.machine_csv.open("rb") as log:
            assert log.read().endswith(b"\n")
