"""Faults planted one at a time, on the native stack: each is named by its cause and its layer.

A fault that is not in the site is a knob or a signal; one that is, a variable of tests/faulty/middleware.py in ENV.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from gatebench.analysis.analysed_run import AnalysedRun, analyse
from gatebench.analysis.failures.examples import tell
from gatebench.analysis.reading.frames import rows
from gatebench.stacks.programs import find_postgres
from gatebench.stacks.wait import answers, wait_until
from tests.conftest import Bench, needs_pgbouncer, wait_for
from tests.faulty.middleware import slower
from tests.test_bad_days import in_hold

SHORT = {"SETTLE": "1", "HOLD": "5", "TIMEOUT": "5"}
WAIT_S = 60
SYNC = "--worker-class sync --threads 1"  # gunicorn takes gthread where there are more threads


def named(run: AnalysedRun) -> dict[tuple[str, str], int]:
    """(cause, layer) -> failures of the whole run's holds."""
    sums = run.causes.groupby(["failure", "layer"])["failures"].sum()
    return {(str(failure), str(layer)): int(n) for (failure, layer), n in sums.items()}


def assert_named(run: AnalysedRun, cause: str, layer: str, proof: str, at_least: int = 10, share: float = 0.99) -> None:
    """At least so many failures, that share of them with this cause and layer; the line that proves it says `proof`."""
    found = named(run)
    failures = sum(found.values())
    assert failures >= at_least, found
    assert found.get((cause, layer), 0) >= share * failures, found
    example = run.examples.set_index("failure").loc[cause]
    assert example["layer"] == layer
    assert proof in example["proof"]


def faulty(**knobs: str) -> dict[str, str]:
    """The knobs of a short run, of the faulty site where there is a FAULT_… for its ENV."""
    variables = {name: knobs.pop(name) for name in list(knobs) if name.startswith("FAULT_")}
    if variables:
        variables["DJANGO_SETTINGS_MODULE"] = "tests.faulty.settings"
    return {**SHORT, **knobs, "ENV": " ".join(f"{name}={value}" for name, value in variables.items())}


def measured(bench: Bench, interface: str, **knobs: str) -> AnalysedRun:
    done = bench.run(interface, **faulty(**knobs))
    assert done.returncode == 0, done.stderr + done.stdout
    return analyse(bench.folder())


def test_a_service_that_fails_hangs_and_answers_nonsense(bench: Bench) -> None:
    shares = "service_failures_pct=20 service_hangs_pct=20 service_nonsense_pct=20 service_delay_ms=20 threads=32"
    done = bench.run("wsgi", **{**SHORT, "WORKLOAD": "fanout", "USERS": "40", "HOLD": "4", "SET": shares})
    assert done.returncode == 0, done.stderr + done.stdout
    run = analyse(bench.folder())
    wrongs = ("answered 503", "did not answer in time", "answered nonsense")
    assert {failure for failure, _ in named(run)} == {f"service {wrong}" for wrong in wrongs}
    assert {layer for _, layer in named(run)} == {"service"}
    assert sum(named(run).values()) >= 10


def test_a_service_that_is_killed_is_borne_and_told(bench: Bench) -> None:
    process = bench.start("asgi", **{**SHORT, "WORKLOAD": "fanout", "USERS": "20", "SET": "service_delay_ms=20"})
    wait_for(lambda: in_hold(bench), "the hold")
    os.kill(service_of(process.pid), signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    run = analyse(bench.folder())
    causes = {cause for cause, _ in named(run)}
    assert causes <= {"service refused the connection", "service broke off"}, causes  # the latter, while it was killed
    assert {layer for _, layer in named(run)} == {"service"}
    assert sum(named(run).values()) >= 10
    assert [one for one in run.run.troubles if one.startswith("The service was killed by SIGKILL at ")]


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="a small file system needs root to be mounted")
def test_a_full_disk_under_uploads(bench: Bench) -> None:
    process = bench.start("wsgi", **{**SHORT, "WORKLOAD": "upload", "USERS": "30"})
    wait_for(lambda: in_hold(bench), "the hold")
    (uploads,) = bench.temporary.glob("gatebench-*/made/static-files/uploads")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(uploads)], check=True)
    try:
        time.sleep(3)
        whole = {path.stat().st_size for path in uploads.glob("*.pdf")}
    finally:
        subprocess.run(["umount", "--lazy", str(uploads)], check=True)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert whole == {256 * 1024}
    assert_named(analyse(bench.folder()), "OSError", "Django", "No space left on device")


def service_of(pid: int) -> int:
    """The process of the service below a run's."""
    return next(
        child.pid for child in psutil.Process(pid).children(recursive=True) if "services:application" in child.cmdline()
    )


def test_nginx_with_64_connections(bench: Bench) -> None:
    run = measured(bench, "wsgi", USERS="100", SET="nginx_connections=64", FAULT_SLEEP_S="0.2")
    assert_named(run, "Nginx out of connections", "nginx", "64 worker_connections are not enough")


def test_a_gunicorn_timeout_of_two_seconds_with_a_slow_view(bench: Bench) -> None:
    # As many workers as users, and forked from one that is loaded: what fails is the timeout and nothing beside it.
    run = measured(
        bench,
        "wsgi",
        USERS="25",
        WORKERS="25",
        HOLD="8",
        SET="db_pool_size=1",
        SERVER_ARGS=f"{SYNC} --timeout 2 --preload",
        FAULT_SLEEP_S="4",
    )
    assert_named(run, "app server's worker timed out", "app server", "WORKER TIMEOUT (pid:")


# As many connections as the eight at once that warm the app up need, and as many of them as have not ended yet.
def test_postgresql_with_18_connections(bench: Bench) -> None:
    run = measured(bench, "asgi", USERS="60", SET="db_connections=18", DB="per-request", FAULT_DATABASE_S="0.5")
    assert_named(run, "PostgreSQL out of connections", "PostgreSQL", "too many clients")


def test_connections_that_outlive_their_threads(bench: Bench) -> None:
    run = measured(bench, "asgi", USERS="60", SET="db_connections=18", DB="per-request", FAULT_LEAK="1")
    assert_named(run, "connections leaked", "Django", "connections had nothing to do")


@needs_pgbouncer
def test_a_pgbouncer_of_1_with_slow_database_work(bench: Bench) -> None:
    settings = "db_pool_size=1 db_pool_timeout_s=1"
    run = measured(
        bench, "wsgi", USERS="8", WORKERS="1", HOLD="8", DB="pgbouncer", SET=settings, FAULT_DATABASE_S="0.9"
    )
    assert_named(run, "PgBouncer had no connection in time", "PgBouncer", "query_wait_timeout")


def test_a_pool_of_1_with_slow_database_work(bench: Bench) -> None:
    run = measured(bench, "wsgi", USERS="30", SET="db_pool_size=1 db_pool_timeout_s=0.5", FAULT_DATABASE_S="0.4")
    assert_named(run, "pool timeout", "Django", "couldn't get a connection after 0.50 sec")


def test_pools_that_want_more_connections_than_postgresql_has(bench: Bench) -> None:
    settings = "db_connections=18 db_pool_size=16 db_pool_timeout_s=1"
    run = measured(bench, "wsgi", USERS="60", SET=settings, SERVER_ARGS="--threads 24", FAULT_DATABASE_S="0.8")
    assert_named(run, "PostgreSQL refused the pool connections", "PostgreSQL", "too many clients")


def test_uvicorn_with_a_limit_of_14_at_once(bench: Bench) -> None:
    # Well above the eight at once that warm it up: under load, uvicorn counts some that it has answered already.
    run = measured(bench, "asgi", USERS="100", SERVER_ARGS="--limit-concurrency 14", FAULT_SLEEP_S="0.5")
    assert_named(run, "app server turned the request away", "app server", "Exceeded concurrency limit")


def test_a_backlog_of_1(bench: Bench) -> None:
    run = measured(
        bench,
        "wsgi",
        USERS="60",
        TIMEOUT="3",
        SET="backlog=1 nginx_upstream_http=1.0 nginx_upstream_connection=close",
        SERVER_ARGS=SYNC,
        FAULT_SLEEP_S="0.5",
    )
    assert_named(run, "app server's listen backlog was full", "app server", "connections met a full listen backlog")


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_a_view_that_raises(bench: Bench, interface: str) -> None:
    run = measured(bench, interface, USERS="20", HOLD="4", FAULT_RAISE="1")
    assert_named(run, "PlantedError", "Django", "tests.faulty.middleware.PlantedError: planted by tests/faulty")


class Running:
    """A run under way, whose processes a test may harm."""

    def __init__(self, bench: Bench, interface: str, **knobs: str) -> None:
        self._bench = bench
        self._process = bench.start(interface, **faulty(**knobs))

    def wait_for_hold(self) -> None:
        deadline = time.monotonic() + WAIT_S
        while not self._holds():
            assert self._process.poll() is None, self._process.communicate()
            assert time.monotonic() < deadline, "no step was held"
            time.sleep(0.05)

    def wait_for_app(self) -> None:
        url, log = f"http://127.0.0.1:{self._bench.port}/.gatebench/ready", self._bench.folder().log("app")
        wait_until(lambda: answers(url), what="the app to answer again", dead=lambda: None, log=log)

    def processes(self, named: str) -> list[psutil.Process]:
        """Those of the run whose program, or a word of whose command line, has this name."""
        return [one for one in psutil.Process(self._process.pid).children(recursive=True) if _has(one, named)]

    def gunicorn(self) -> tuple[psutil.Process, list[psutil.Process]]:
        """Its master, and its workers."""
        (master,) = [one for one in self.processes("gunicorn") if not _has(one.parent(), "gunicorn")]
        return master, master.children()

    def memory_mb(self, server: str) -> float:
        """Of all its processes together."""
        return sum(one.memory_info().rss for one in self.processes(server)) / 2**20

    def database(self) -> psycopg.Connection[Any]:
        """A connection of somebody's, to the database that the app has."""
        given = (self.processes("gunicorn") or self.processes("uvicorn"))[0].environ()
        options = {
            "host": "PGHOST",
            "port": "PGPORT",
            "user": "PGUSER",
            "password": "PGPASSWORD",
            "dbname": "PGDATABASE",
        }
        return psycopg.connect(
            **{option: given[name] for option, name in options.items()}, autocommit=True, application_name="somebody"
        )

    def analysed(self) -> AnalysedRun:
        stdout, stderr = self._process.communicate(timeout=WAIT_S)
        assert self._process.returncode == 0, stderr + stdout
        return analyse(self._bench.folder())

    def _holds(self) -> bool:
        with contextlib.suppress(ValueError, FileNotFoundError):
            return '"phase": "hold"' in self._bench.folder().load_events.read_text()
        return False


def _has(process: psutil.Process, word: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return word in (process.name(), *process.cmdline())
    return False


@pytest.mark.parametrize(
    ("interface", "args", "worker", "cause", "proof"),
    [
        ("wsgi", "", "gunicorn", "app server's worker was killed", "was sent SIGKILL"),
        # uvicorn's master may wait for the word of one that is gone, as a run starts it for 30 s. It does not say when
        # that one ended.
        (
            "asgi",
            "--timeout-worker-healthcheck 1",
            "--multiprocessing-fork",
            "app server's worker ended",
            "Child process [",
        ),
    ],
    ids=["gunicorn", "uvicorn"],
)
def test_workers_that_are_killed(bench: Bench, interface: str, args: str, worker: str, cause: str, proof: str) -> None:
    run = Running(bench, interface, USERS="60", TIMEOUT="15", FAULT_SLEEP_S="0.5", SERVER_ARGS=args)
    run.wait_for_hold()
    time.sleep(1)  # of the requests that fail, those that began in the hold are counted
    server = {"wsgi": "gunicorn", "asgi": "uvicorn"}[interface]
    (master,) = [one for one in run.processes(server) if not _has(one.parent(), server)]
    for one in master.children():
        if _has(one, worker):
            one.kill()
    run.wait_for_app()
    assert_named(run.analysed(), cause, "app server", proof, at_least=8)


@contextlib.contextmanager
def stopped(processes: list[psutil.Process]) -> Iterator[None]:
    """They do nothing meanwhile, and go on whatever happens."""
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def test_a_postgresql_that_is_paused(bench: Bench) -> None:
    run = Running(bench, "wsgi", USERS="60", TIMEOUT="2", HOLD="7")
    run.wait_for_hold()
    with stopped(run.processes("postgres")):
        time.sleep(4)
    assert_named(run.analysed(), "PostgreSQL did not answer", "PostgreSQL", "what PostgreSQL was asked at")


WAITING = {"USERS": "40", "SETTLE": "2", "TIMEOUT": "2", "HOLD": "8"}


def test_an_nginx_worker_that_is_stopped(bench: Bench) -> None:
    run = Running(bench, "wsgi", **WAITING)
    run.wait_for_hold()
    with stopped([one for one in run.processes("nginx") if _has(one.parent(), "nginx")]):
        time.sleep(6)
    analysed = run.analysed()
    assert_named(analysed, "Nginx's worker was stopped", "nginx", "processes.csv: Nginx's worker ")
    (example,) = map(tell, rows(analysed.examples))
    assert re.search(r"Of its 2,0\d\d ms [12],\d{3} went by (before Nginx took it|in Nginx)", example)


def test_a_table_that_somebody_has_locked(bench: Bench) -> None:
    run = Running(bench, "wsgi", **WAITING)
    run.wait_for_hold()
    with run.database() as somebody:
        whose = f"session {somebody.info.backend_pid} of somebody held it, idle in transaction after LOCK TABLE"
        somebody.execute("BEGIN")
        somebody.execute("LOCK TABLE polls_choice")
        time.sleep(6)
        somebody.execute("COMMIT")
    analysed = run.analysed()
    assert_named(analysed, "PostgreSQL waited for a lock", "PostgreSQL", whose)
    assert re.search(r"sessions waited \(the longest [456]\.\d s\)", str(analysed.examples["proof"].iloc[0]))


def test_one_of_two_workers_that_is_stopped_and_masters_that_are_too(bench: Bench) -> None:
    """A master neither takes nor answers a request, so that one which is stopped is not to blame."""
    run = Running(bench, "wsgi", **{**WAITING, "USERS": "60", "HOLD": "10"}, FAULT_SLEEP_S="0.2")
    run.wait_for_hold()
    master, workers = run.gunicorn()
    (nginx,) = [one for one in run.processes("nginx") if not _has(one.parent(), "nginx")]
    with stopped([nginx, master]):
        for worker in workers:
            with stopped([worker]):
                time.sleep(5)
    analysed = run.analysed()
    assert_named(analysed, "app server's worker was stopped", "app server", "was stopped (state T) between", 10)
    proof = str(analysed.examples["proof"].iloc[0])
    assert any(f"processes.csv: worker {worker.pid} of the app server was" in proof for worker in workers)
    others = re.search(r"others answered (\d+) requests then", proof)
    assert others is not None
    assert int(others[1]) > 20


@pytest.mark.parametrize(
    ("interface", "cause", "proof"),
    [
        (
            "wsgi",
            "app server's worker was busy and answered nobody",
            "; processes.csv: it was busy and used ",
        ),
        ("asgi", "app server's worker was silent while others answered", "; processes.csv: it was waiting (state S)"),
    ],
    ids=["a call that holds the GIL", "an event loop that sleeps"],
)
def test_a_worker_that_one_request_keeps(bench: Bench, tmp_path: Path, interface: str, cause: str, proof: str) -> None:
    """Who comes when it is nearly over waits for the answers to all the others as well: of them it is not known."""
    block = tmp_path / "block"
    faults = {"FAULT_SLEEP_S": "0.1", "FAULT_BLOCK_S": "4.5", "FAULT_BLOCK_AT": str(block)}
    run = Running(bench, interface, **{**WAITING, "USERS": "60", "HOLD": "11"}, **faults)
    run.wait_for_hold()
    for _ in range(2):
        time.sleep(0.5)
        block.touch()
        time.sleep(5)
    assert not block.exists()
    analysed = run.analysed()
    assert_named(analysed, cause, "app server", "of the app server answered nobody between", 5, share=0.8)
    assert proof in str(analysed.examples["proof"].iloc[0])


def test_all_connections_ended_by_an_administrator_end_no_run(bench: Bench) -> None:
    run = Running(bench, "wsgi", **{**WAITING, "HOLD": "7"})
    run.wait_for_hold()
    with run.database() as somebody:
        for _ in range(3):
            somebody.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            time.sleep(2)  # twice as long as from one question of Gatebench's to the next
    analysed = run.analysed()
    # The app's own query may cross with the end of its connection: then PostgreSQL's last words are lost to it.
    assert_named(analysed, "PostgreSQL broke off", "PostgreSQL", "OperationalError")
    proofs = set(analysed.examples["proof"].str.extract("(terminating connection|server closed)", expand=False))
    assert proofs <= {"terminating connection", "server closed"}, analysed.examples["proof"]
    noted = [note for note in analysed.notes if note.startswith("PostgreSQL ended Gatebench's own connection at ")]
    assert len(noted) == 3
    assert all("(terminating connection due to administrator command)" in note for note in noted)
    assert [reading.step for reading in bench.folder().read_votes()] == [0, 1, None]


LIVE = {"WORKLOAD": "live", "USERS": "20"}

POLL_OF_MANY_CHOICES = """
WITH poll AS (INSERT INTO polls_question (question_text, pub_date) VALUES ('Which?', now()) RETURNING id)
INSERT INTO polls_choice (question_id, choice_text, votes)
SELECT id, 'this', 0 FROM poll, generate_series(1, 1500) RETURNING question_id
"""

VOTES_FOR_ALL = "UPDATE polls_choice SET votes = votes + %s * (1 - 2 * (id %% 2)) WHERE question_id = %s"
"""Half of them lose one: the votes of all polls together stay what they are."""

FLOODS, EVERY_S = 90, 0.1
"""Each is 180 kB for whoever watches: 16 MB, of which the kernel takes some 8 between the app and a watcher."""


@contextlib.contextmanager
def watchers_that_never_read(port: int, path: str, count: int) -> Iterator[None]:
    """With as little room for what comes as a socket may have."""
    with contextlib.ExitStack() as stack:
        for number in range(count):
            watcher = stack.enter_context(socket.socket())
            watcher.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            watcher.connect(("127.0.0.1", port))
            headers = f"Host: 127.0.0.1:{port}\r\nX-Request-ID: {number:016x}"
            watcher.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
        yield


@pytest.mark.parametrize(
    ("interface", "server", "view", "more"),
    [("wsgi", "gunicorn", "sync", {"THREADS": "32"}), ("asgi", "uvicorn", "async", {})],
    ids=["gunicorn", "uvicorn"],
)
def test_watchers_that_never_read_are_borne(
    bench: Bench, interface: str, server: str, view: str, more: dict[str, str]
) -> None:
    """What they leave is in the kernel's buffers, and no more of it in the app than the newest of each choice."""
    settings = {"SET": "watchers_pct=50 polls=3 stay_s=4 heartbeat_s=1", "HOLD": "20"}
    run = Running(bench, interface, **LIVE, **settings, **more)
    run.wait_for_hold()
    with run.database() as somebody:
        ((poll,), *_) = somebody.execute(POLL_OF_MANY_CHOICES).fetchall()
        with watchers_that_never_read(bench.port, f"/live/{view}/{poll}/", 6):
            time.sleep(0.5)
            before = run.memory_mb(server)
            for one in itertools.islice(itertools.cycle([1, -1]), FLOODS):
                somebody.execute(VOTES_FOR_ALL, [one, poll])
                time.sleep(EVERY_S)
            assert run.memory_mb(server) - before < 15
    analysed = run.analysed()
    (step,) = analysed.steps.to_dict("records")
    assert named(analysed) == {}
    assert step["updates"] > 20
    assert step["update_p95_ms"] < 1000


def test_watchers_that_hold_every_thread(bench: Bench) -> None:
    """Under WSGI whoever watches holds one, and whether they read makes no difference."""
    knobs = {"USERS": "30", "WORKERS": "1", "THREADS": "4", "TIMEOUT": "2"}
    run = Running(bench, "wsgi", **{**LIVE, **knobs, "HOLD": "8", "SET": "watchers_pct=10 polls=3 heartbeat_s=1"})
    run.wait_for_hold()
    with watchers_that_never_read(bench.port, "/live/sync/100/", 8):
        time.sleep(6)
    proof = "proxy.log: streams held all 4 threads of worker"
    assert_named(run.analysed(), "streams held every thread of a worker", "app server", proof)


SLOW_DISK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

static void wait_for_the_disk(void) { if (access(SLOW, F_OK) == 0) sleep(5); }
int fsync(int file) { wait_for_the_disk(); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file); }
int fdatasync(int file) { wait_for_the_disk(); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file); }
"""


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """While this file is there, each flush of PostgreSQL's takes 5 s. Its program is found on PATH, and flushes so."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("a slow disk is planted by a library, and there is no compiler to make it")
    real = find_postgres().path.parent
    with tempfile.TemporaryDirectory(prefix="gb-disk-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL is another account when we are root
        library, slow = folder / "slow.so", folder / "slow"
        (folder / "slow.c").write_text(SLOW_DISK)
        options = ["-shared", "-fPIC", f'-DSLOW="{slow}"', "-o", str(library), str(folder / "slow.c"), "-ldl"]
        subprocess.run([compiler, *options], check=True)
        for program, first in (("postgres", f"LD_PRELOAD={library} "), ("initdb", "")):
            (folder / program).write_text(f'#!/bin/sh\n{first}exec {real / program} "$@"\n')
            (folder / program).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        yield slow


def test_a_slow_disk_for_postgresql_s_log(bench: Bench, slow_disk: Path) -> None:
    run = Running(bench, "wsgi", **WAITING)
    run.wait_for_hold()
    slow_disk.touch()
    time.sleep(6)
    slow_disk.unlink()
    proof = "for the disk between "
    assert_named(run.analysed(), "PostgreSQL waited for its disk", "PostgreSQL", proof)


def test_a_generator_held_to_a_tenth_of_a_core_makes_its_step_invalid(bench: Bench) -> None:
    run = Running(bench, "wsgi", USERS="20")
    run.wait_for_hold()
    (generator,) = run.processes("gatebench.load")
    over = time.monotonic() + 4
    while time.monotonic() < over:
        with stopped([generator]):
            time.sleep(0.09)
        time.sleep(0.01)
    (step,) = run.analysed().steps.to_dict("records")
    assert not step["valid"]
    assert "the load generator's clock ran" in step["invalid_reason"]


def test_a_planted_slowdown_takes_that_share_more_cpu_and_changes_no_answer() -> None:
    def cpu_s(share: float) -> float:
        before = time.thread_time()
        assert slower(share, lambda: sum(range(1_000_000))) == 499999500000
        return time.thread_time() - before

    ratios = [cpu_s(0.5) / cpu_s(0) for _ in range(9)]
    assert statistics.median(ratios) == pytest.approx(1.5, abs=0.15)
