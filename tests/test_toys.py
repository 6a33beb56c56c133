"""A server, and a workload with an app of its own, need no edit outside of their rows: both are made and run here."""

from __future__ import annotations

import json
import sys
import sysconfig
import venv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gatebench import knobs, registry
from gatebench.analysis.analysed_run import AnalysedRun, analyse
from gatebench.analysis.reading.logs import read_app_log
from gatebench.analysis.showing.page.again import commands
from gatebench.campaign import plan_campaign
from gatebench.errors import UsageError
from gatebench.knobs import Knob, of_setting
from gatebench.records import Outcome, Run
from gatebench.run import run
from gatebench.run_folder import RunFolder
from gatebench.values.app import App
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface, LogPatterns, Server
from gatebench.values.workload import Objective, Workload
from gatebench.waiting import Waiting
from tests.conftest import Bench

TOYS = Path(__file__).parent / "toys"

SERVER = Server(
    name="toy",
    interface=Interface.WSGI,
    commands={"fair": "tests.toys.server {application} {host} {port}"},
    packages=("psutil", "no-such-package"),
    log=LogPatterns(ended=(r"worker (\d+) is here",)),
)

APP = App(
    name="toy",
    folder=str(TOYS / "site"),
    applications={Interface.WSGI: "toy:application"},
    ready_path="/ready",
    visits=("/hello?you",),
    environment={"TOY_THREADS": "{threads}", "TOY_GREETING": "Good evening"},
)

WORKLOAD = Workload(
    name="hello",
    app=APP,
    locustfile=str(TOYS / "hello.py"),
    request_names=("hello",),
    round_name="hello",
    think_s=0.2,
    warm_up_path="/hello?you",
    seed_size=7,
    objective=Objective(failures_pct=2, p95_ms=500),
    environment={"TOY_GREETING": "Good morning"},
)


class Quiet:
    """A display that nobody looks at."""

    def note(self, text: str) -> None: ...
    def load(self, event: dict[str, Any]) -> None: ...
    def waiting(self) -> Waiting:
        return Waiting(self.note, None)


def measured(config: RunConfig, **side: Any) -> AnalysedRun:
    """A run of the configuration with another value in its side, analysed."""
    folder = run(replace(config, side=replace(config.side, **side)), Quiet())
    assert folder.read_run().outcome is Outcome.COMPLETE
    return analyse(folder)


def requests(folder: RunFolder) -> list[dict[str, Any]]:
    with folder.requests.open("rb") as stream:
        return list(pa.ipc.open_stream(stream).read_all().to_pylist())


@pytest.fixture(scope="module")
def toy_server(tmp_path_factory: pytest.TempPathFactory) -> AnalysedRun:
    """A run of the toy's server."""
    bench = Bench(tmp_path_factory.mktemp("results"))
    toy = measured(bench.config("wsgi", USERS="5"), server=SERVER, label="WSGI toy")
    bench.temporary.rmdir()
    return toy


@pytest.mark.whole
def test_a_server_is_one_row(toy_server: AnalysedRun) -> None:
    toy = toy_server
    assert toy.label == "WSGI toy"
    assert toy.run.app["interface"] == "wsgi"
    assert "tests.toys.server" in toy.run.sheet["app command"]
    assert toy.run.versions["psutil"]
    assert "no-such-package" not in toy.run.versions
    assert [row["cause"] for row in requests(toy.folder) if row["cause"]] == []
    assert toy.steps["requests"].min() > 0
    assert toy.alarms == ()


@pytest.mark.whole
def test_the_analysis_reads_a_server_s_log_by_its_own_patterns(toy_server: AnalysedRun) -> None:
    (end,) = read_app_log(toy_server.folder).worker_ends.to_dict("records")
    assert end["line"] == f"[toy] worker {end['pid']} is here"


def test_a_workload_with_its_own_app_is_one_file(bench: Bench) -> None:
    toy = measured(bench.config("wsgi", SET="threads=3", USERS="5"), workload=WORKLOAD, label="WSGI hello")
    assert toy.run.app["threads"] == "3"
    rows = requests(toy.folder)
    assert {(row["name"], row["status"], row["cause"]) for row in rows} == {("hello", 200, None)}
    asked = {json.loads(line)["uri"] for line in toy.folder.proxy_log.read_text().splitlines()}
    assert asked == {"/ready", "/hello?you", *(f"/hello?{n}" for n in range(1, WORKLOAD.seed_size + 1))}
    assert (toy.validity["users_estimated"] > 0).all()  # reckoned from this workload's rounds and think time
    assert not toy.folder.votes_json.exists()
    assert toy.ledger.empty
    assert toy.alarms == ()
    assert toy.run.config["workload"]["objective"] == {"failures_pct": 2, "p95_ms": 500}


def test_an_app_runs_in_its_own_interpreter(bench: Bench, tmp_path: Path) -> None:
    """One that has the server, and of Gatebench's packages no other: they are found by no path here."""
    home = tmp_path / "venv"
    venv.create(home, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    here = Path(sysconfig.get_path("purelib"))
    for name in ("gunicorn", *(path.name for path in here.glob("gunicorn-*.dist-info")), "packaging"):
        (packages / name).symlink_to(here / name)
    app = replace(APP, interpreter=str(home / "bin" / "python"), packages=("gunicorn", "psutil"))
    toy = measured(bench.config("wsgi", USERS="5"), workload=replace(WORKLOAD, app=app))
    assert toy.run.app["prefix"] == str(home) != sys.prefix
    assert set(toy.run.versions) == {"postgresql", "nginx", "python", "gunicorn"}


def test_containers_refuse_an_app_that_no_image_holds(bench: Bench) -> None:
    config = bench.config("wsgi", STACK="compose")
    with pytest.raises(UsageError, match=r"WORKLOAD=hello has its app, .* elsewhere: give STACK=native\.$"):
        measured(config, workload=WORKLOAD)
    assert bench.folder().read_run().outcome is Outcome.FAILED


def test_a_row_is_found_by_its_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "rows"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "one.py").write_text("from tests.test_toys import SERVER\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert registry.found("rows", [str(package)], Server) == {"toy": SERVER}
    (package / "two.py").write_text("from dataclasses import replace\nfrom rows.one import SERVER\nS = replace(SERVER)")
    with pytest.raises(ValueError, match="Two rows of rows are called toy: rename one"):
        registry.found("rows", [str(package)], Server)


def test_an_axis_of_a_setting_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Knob("DB_POOL_SIZE", of_setting, "", "connections of each pool", axis=True)
    monkeypatch.setattr(knobs, "KNOBS", (*knobs.KNOBS, row))
    given = {"SERVER": "gunicorn", "DB_POOL_SIZE": "4,8", "STACK": "native"}
    plan = plan_campaign("bench", given, engine_answers=lambda: False)
    sides = [config for _, config in plan.plan()]
    assert {config.side.footing.db_pool_size for config in sides} == {4, 8}
    runs = [Run(config.side.label, config.to_json(), 0.0, trial=trial) for trial, config in plan.plan()]
    (command,) = commands(sorted(runs, key=lambda run: run.id), 1)
    assert command.startswith("make bench SERVER=gunicorn DB_POOL_SIZE=4,8 ")
