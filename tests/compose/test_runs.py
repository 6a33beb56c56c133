"""Whole tiny runs in the compose stack, and what is left of them when something kills a part."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gatebench import ROOT
from gatebench.analysis.analysed_run import analyse
from gatebench.loopback import opener
from gatebench.machine import share_out, siblings
from gatebench.records import PGBOUNCER, Outcome
from gatebench.run_folder import RunFolder
from gatebench.values.server import Interface
from tests.compose.docker import KNOBS, containers, docker, leftovers, listed, needs_engine, owners, volumes_of
from tests.conftest import TINY, Bench, options
from tests.test_bad_days import in_hold, recorded, wait_for

pytestmark = needs_engine

LONG = {**KNOBS, "USERS": "5", "SETTLE": "0", "HOLD": "60"}
SOMEBODY = 23456
SOCKET = Path("/var/run/docker.sock")


def rows(folder: RunFolder) -> int:
    with folder.requests.open("rb") as stream:
        return int(pa.ipc.open_stream(stream).read_all().num_rows)


def proxied(folder: RunFolder) -> int:
    return sum(json.loads(line)["id"] != "-" for line in whole_lines(folder.proxy_log))


def assert_whole(folder: RunFolder) -> None:
    run = folder.read_run()
    assert run.outcome is Outcome.COMPLETE
    assert [step.users for step in run.steps] == [5, 10]
    assert run.load is not None
    assert rows(folder) == proxied(folder) == run.load.locust_requests > 20
    assert [reading.step for reading in folder.read_votes()] == [0, 1, 2, None]
    for name in ("app", "postgres", "load"):
        assert folder.log(name).stat().st_size > 0
    assert leftovers(folder) == []


def of_run(folder: RunFolder) -> str:
    """The name of a run's Compose project."""
    return next(name for name in containers(folder) if name.endswith("-app-1")).removesuffix("-app-1")


def workers(folder: RunFolder) -> set[str]:
    """Those that have answered a user, by their numbers within their container."""
    lines = [json.loads(line) for line in whole_lines(folder.proxy_log)]
    return {line["worker"] for line in lines if line["id"] != "-"} - {"", "-"}


def whole_lines(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]


def until_it_measures(bench: Bench, process: subprocess.Popen[str]) -> None:
    wait_for(lambda: in_hold(bench) or process.poll() is not None, "the hold")
    assert process.poll() is None, process.communicate()[1]


OTHERS = {
    Interface.WSGI: {"DB": PGBOUNCER},
    Interface.ASGI: {"BRIDGE": "one-hop", "WITH": "asgiref==3.12.1"},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Interface], RunFolder]:
    """A finished tiny run of an interface, WSGI's with PgBouncer, ASGI's across a bridge and with other packages; each
    is made once.
    """
    made: dict[Interface, RunFolder] = {}

    def make(interface: Interface) -> RunFolder:
        if interface not in made:
            bench = Bench(tmp_path_factory.mktemp("results"))
            done = bench.run(interface, **KNOBS, **OTHERS[interface])
            assert done.returncode == 0, done.stderr
            bench.temporary.rmdir()
            made[interface] = bench.folder()
        return made[interface]

    return make


@pytest.mark.parametrize("interface", Interface)
def test_a_run_is_recorded_whole_and_leaves_nothing(
    finished: Callable[[Interface], RunFolder], interface: Interface
) -> None:
    folder = finished(interface)
    assert_whole(folder)
    assert folder.read_run().app["interface"] == interface
    assert owners(folder.path) == {os.getuid()}


def test_packages_that_are_asked_for_are_in_the_image(finished: Callable[[Interface], RunFolder]) -> None:
    assert finished(Interface.ASGI).read_run().versions["asgiref"] == "3.12.1"


def test_pgbouncer_opens_no_connection_for_a_request(finished: Callable[[Interface], RunFolder]) -> None:
    steps = analyse(finished(Interface.WSGI)).steps
    assert steps["db_opened_per_request"].tolist() == pytest.approx([0, 0], abs=0.1)
    assert steps["db_connections"].between(1, 16).all()


def test_versions_are_read_from_the_containers(finished: Callable[[Interface], RunFolder]) -> None:
    run = finished(Interface.WSGI).read_run()
    assert {"postgresql", "nginx", PGBOUNCER, "docker", "docker-compose", "python", "django", "gunicorn"} <= set(
        run.versions
    )
    assert run.versions["postgresql"].startswith("17.")
    assert run.versions["python"] == run.app["python"]


def test_what_each_container_was_given_is_written_down_without_secrets(
    finished: Callable[[Interface], RunFolder],
) -> None:
    run = finished(Interface.WSGI).read_run()
    assert set(run.environments) == {"app", "nginx", "postgres", "generator", PGBOUNCER}
    assert run.environments[PGBOUNCER]["PGBOUNCER_POOL"] == "16"
    app = run.environments["app"]
    assert (app["POLLS_VOTE"], app["DJANGO_SECRET_KEY"]) == ("atomic", "set")
    assert run.sheet["app physical cores"] == share_out(range(os.cpu_count() or 1), 2, siblings()).fact


def test_env_reaches_the_app_and_no_proxy_of_docker_s_configuration_stands_in_the_way(
    finished: Callable[[Interface], RunFolder], bench: Bench, tmp_path: Path
) -> None:
    finished(Interface.WSGI)  # has built the images, without a proxy
    proxies = {"httpProxy": "http://127.0.0.1:9", "httpsProxy": "http://127.0.0.1:9"}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": {"default": proxies}}))
    done = bench.run("wsgi", **KNOBS, DOCKER_CONFIG=str(tmp_path), ENV="GUNICORN_CMD_ARGS='--access-logfile -'")
    assert done.returncode == 0, done.stderr
    run = bench.folder().read_run()
    assert run.environments["app"]["http_proxy"] == "set"  # Docker did put it there
    assert run.environments["app"]["GUNICORN_CMD_ARGS"] == "--access-logfile -"
    assert run.sheet["app access log"] == "on"


class Somebody:
    """Another person of this machine, who may use Docker."""

    def __init__(self, home: Path) -> None:
        os.chown(home, SOMEBODY, SOMEBODY)
        self._home = home
        groups = [SOCKET.stat().st_gid]
        self._options: dict[str, Any] = {"user": SOMEBODY, "group": SOMEBODY, "extra_groups": groups, "cwd": ROOT}

    def python(self) -> str | None:
        """An interpreter with this one's packages; None when another person can read none.

        Not this one itself: in a virtual environment it is often a link into somebody's home.
        """
        interpreter = self._home / "venv" / "bin" / "python"
        with contextlib.suppress(OSError):
            self.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(self._home / "venv")])
            for packages in self._home.glob("venv/lib/python*/site-packages"):
                (packages / "these.pth").write_text(sysconfig.get_path("purelib"))
            if self.run([str(interpreter), "-c", "import gatebench.cli, pyarrow"]).returncode == 0:
                return str(interpreter)
        return None

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HOME": str(self._home)}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=180, check=False, **self._options
        )


@pytest.mark.whole
@pytest.mark.skipif(os.geteuid() != 0 or not SOCKET.exists(), reason="only root can run as somebody else")
def test_files_of_a_run_belong_to_whoever_ran_it() -> None:
    with tempfile.TemporaryDirectory() as folder:
        somebody, bench = Somebody(Path(folder)), Bench(Path(folder) / "results")
        python = somebody.python()
        if python is None:
            pytest.skip("another person can read no interpreter that runs what is installed here")
        own = {"RESULTS": str(bench.results), "PORT": str(bench.port), "UI_PORT": str(bench.ui_port)}
        done = somebody.run([python, "-m", "gatebench", "bench-asgi", *options({**TINY, **own, **KNOBS})])
        assert done.returncode == 0, done.stderr
        assert_whole(bench.folder())
        assert owners(bench.results) == {SOMEBODY}


def test_the_web_ui_is_open_during_a_run(bench: Bench) -> None:
    process = bench.start("wsgi", **{**LONG, "HEADLESS": "0"})
    until_it_measures(bench, process)
    with opener().open(f"http://127.0.0.1:{bench.ui_port}/stats/requests", timeout=10) as answer:
        assert json.load(answer)["user_count"] == 5
    with opener().open(f"http://127.0.0.1:{bench.ui_port}/gatebench/now", timeout=10) as answer:
        assert json.load(answer)["steps"][0]["users"] == "5"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def test_ctrl_c_keeps_what_was_recorded_and_leaves_nothing(bench: Bench) -> None:
    process = bench.start("wsgi", **LONG)
    until_it_measures(bench, process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    folder = bench.folder()
    assert process.returncode == 130, stderr
    run = folder.read_run()
    assert run.outcome is Outcome.INTERRUPTED
    assert run.load is not None  # it came to write down its own summary
    assert rows(folder) == run.load.locust_requests + run.load.unfinished
    assert leftovers(folder) == []


def test_a_build_of_another_checkout_does_not_change_what_is_measured(bench: Bench) -> None:
    process = bench.start("wsgi", **LONG)
    wait_for(lambda: bool(list(bench.results.glob("*-*sgi-*/logs/compose.log"))), "the images")
    folder = bench.folder()
    docker("tag", "nginx:1.28", "gatebench-load")  # as good as another checkout's
    try:
        until_it_measures(bench, process)
        assert recorded(folder) > 0
    finally:
        docker("rmi", "gatebench-load")  # the name only; the next run builds from its cache
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def test_a_killed_app_ends_the_run_with_5_and_says_so(bench: Bench) -> None:
    process = bench.start("wsgi", **LONG)
    until_it_measures(bench, process)
    folder = bench.folder()
    docker("kill", next(name for name in containers(folder) if name.endswith("-app-1")))
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "app ended with code 137" in stderr
    assert "Traceback" not in stderr
    assert folder.read_run().outcome is Outcome.FAILED
    assert recorded(folder) > 0
    assert leftovers(folder) == []


def test_a_stopped_worker_is_named_and_connections_that_are_ended_are_made_again(bench: Bench) -> None:
    process = bench.start("wsgi", **{**KNOBS, "USERS": "30", "SETTLE": "2", "HOLD": "13", "TIMEOUT": "3"})
    until_it_measures(bench, process)
    folder = bench.folder()
    app, postgres = (f"{of_run(folder)}-{service}-1" for service in ("app", "postgres"))
    wait_for(lambda: len(workers(folder)) == 2, "answers of both workers")
    for worker in workers(folder):  # one after the other: whichever has connections then loses them
        docker("exec", "--user", "root", app, "sh", "-c", f"kill -STOP {worker}")
        time.sleep(5)
        docker("exec", "--user", "root", app, "sh", "-c", f"kill -CONT {worker}")
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    docker("exec", postgres, "psql", "--username", "polls", "--command", end_all)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    run = analyse(folder)
    assert any("ended Gatebench's own connection" in note and "administrator" in note for note in run.notes)
    proofs = dict(zip(run.causes["failure"], run.causes["evidence"], strict=True))
    proof = proofs["app server's worker was stopped"]
    assert any(f"worker {worker} of the app server was stopped" in proof for worker in workers(folder))
    assert {reading.step for reading in folder.read_votes()} == {0, 1, None}
    assert leftovers(folder) == []


@pytest.mark.parametrize("moment", ["starting", "measuring"])
def test_a_killed_runner_leaves_nothing(bench: Bench, moment: str) -> None:
    process = bench.start("asgi", **LONG)
    if moment == "starting":
        wait_for(lambda: bool(list(bench.results.glob("*-*sgi-*"))) and containers(bench.folder()) != [], "a container")
    else:
        until_it_measures(bench, process)
    folder = bench.folder()
    volumes = {volume for name in containers(folder) for volume in volumes_of(name)}
    process.kill()
    process.communicate(timeout=60)  # its output closes with the last of what it started
    wait_for(lambda: leftovers(folder) == [], "everything to go", 30)
    assert volumes.isdisjoint(listed("volume", "--quiet"))


def test_a_port_that_is_taken_meanwhile_is_one_sentence(bench: Bench) -> None:
    process = bench.start("wsgi", **LONG)
    wait_for(lambda: bool(list(bench.results.glob("*-*sgi-*/logs/build.log"))), "the check of the ports")
    holder = docker("run", "--detach", "--publish", f"127.0.0.1:{bench.port}:80", "nginx:1.28")
    try:
        _, stderr = process.communicate(timeout=120)
    finally:
        docker("rm", "--force", "--volumes", holder)
    assert process.returncode == 3
    assert f"Port {bench.port} was taken while the stack started" in stderr
    assert leftovers(bench.folder()) == []
