"""What is given to make, and what a shell's environment says: which of it is taken, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from gatebench import ROOT
from gatebench.knobs import KNOBS
from gatebench.servers import SERVERS
from tests.conftest import Bench

SOMEBODY_ELSES = {"PORT": "1", "DB": "sqlite", "TIMEOUT": "never", "USERS": "root", "RESULTS": "/nowhere", "RUNS": "/x"}


def make(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """As a person calls it: the make that runs the tests hands nothing down."""
    shell = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(
        ["make", *words], cwd=ROOT, env={**shell, **environment}, capture_output=True, text=True, check=False
    )


def test_values_of_several_words_survive_and_bare_names_in_the_environment_are_nobody_s_knobs(bench: Bench) -> None:
    done = make(
        "bench-wsgi",
        *("STACK=native", "HEADLESS=1", "USERS=2", f"PORT={bench.port}", f"RESULTS={bench.results}"),
        "SET=nginx_connections=64 db_pool_size=1",
        "SERVER_ARGS=--worker-class=sync --threads=1",
        **{**SOMEBODY_ELSES, "GATEBENCH_HOLD": "1", "GATEBENCH_SETTLE": "0", "TMPDIR": str(bench.temporary)},
    )
    assert done.returncode == 0, done.stderr
    run = bench.folder().read_run()
    assert run.config["overrides"] == {"nginx_connections": 64, "db_pool_size": 1}
    assert run.config["server_args"] == "--worker-class=sync --threads=1"
    assert str(run.sheet["app command"]).endswith("--worker-class=sync --threads=1")
    assert (run.config["hold_s"], run.config["users"], run.config["db"]) == (1.0, [2], "pool")
    assert run.config["timeout_s"] == 10


@pytest.mark.parametrize("target", ["analyze", "compare"])
def test_a_bare_name_in_the_environment_names_no_runs(target: str) -> None:
    said = make("--dry-run", target, A="/a", B="/b", OUT="/o", **SOMEBODY_ELSES).stdout
    command = next(line for line in said.splitlines() if "analyze.py" in line)
    assert "/" not in command.partition("analyze.py")[2]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["analyze", "MAX_FAILURE=1%"], "MAX_FAILURE is not a knob: did you mean MAX_FAILURES?"),
        (["compare", "A=x", "B=y", "X=1"], "X is not a knob: `make help` lists the knobs."),
        (["bench", "USRES=20"], "USRES is not a knob: did you mean USERS?"),
        (["test", "USERS=20"], "USERS is nothing that `make test` takes: leave it out."),
        (["HOLD=2"], "HOLD is nothing that `make help` takes: leave it out."),
    ],
)
def test_a_name_that_is_not_taken_is_refused_on_every_target(words: list[str], sentence: str) -> None:
    done = make(*words)
    assert done.returncode == 2
    assert done.stderr.startswith(sentence)
    assert done.stdout == ""


def test_a_misspelt_name_in_the_environment_is_refused_too(bench: Bench) -> None:
    done = bench.run("wsgi", GATEBENCH_USRES="5")
    assert (done.returncode, done.stderr) == (2, "USRES is not a knob: did you mean USERS?\n")
    done = subprocess.run(
        [sys.executable, "analyze.py"],
        env={**os.environ, "GATEBENCH_MAX_FAILURE": "1%"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "GATEBENCH_MAX_FAILURE is no gate: did you mean GATEBENCH_MAX_FAILURES?\n"


def test_make_says_where_it_writes_what_it_analyses() -> None:
    said = make("--dry-run", "analyze", "OUT=some where", "RUNS=a b").stdout
    assert 'analyze.py --out "some where" a b' in " ".join(said.split())


def test_the_servers_are_listed_with_their_versions() -> None:
    listing = [sys.executable, "-m", "gatebench", "servers"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    for name, server in SERVERS.items():
        (line,) = (line for line in done.stdout.splitlines() if line.split()[:1] == [name])
        assert f"{server.packages[0]} {version(server.packages[0])}" in line


def test_help_names_every_knob() -> None:
    done = make("help")
    assert done.returncode == 0
    assert {knob.name for knob in KNOBS} <= {line.split()[0] for line in done.stdout.splitlines() if line.split()}


def test_the_results_folder_is_not_made_for_a_mistake(tmp_path: Path) -> None:
    assert make("bench-wsgi", "USERS=many", f"RESULTS={tmp_path / 'results'}").returncode == 2
    assert not (tmp_path / "results").exists()
