"""PostgreSQL and Nginx: found on the machine or embedded, started in a folder of their own, whoever we are."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gatebench import ROOT
from gatebench.errors import MachineError
from gatebench.stacks import programs
from gatebench.stacks.programs import Program, find_nginx, find_pgbouncer, find_postgres
from gatebench.workloads import WORKLOADS
from tests.conftest import StartPostgres

BESIDE = sorted({name for workload in WORKLOADS.values() if (name := workload.environment.get("POLLS_BESIDE"))})
"""The apps that workloads add to the polls site."""


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which neither program is installed."""
    monkeypatch.setattr(programs, "_POSTGRES_FOLDERS", ())
    monkeypatch.setattr(programs, "_SYSTEM_FOLDERS", ())
    monkeypatch.setattr(programs.shutil, "which", lambda _: None)


def test_the_apps_own_tests_pass_on_real_postgresql(start_postgres: StartPostgres) -> None:
    postgres = start_postgres(find_postgres())
    done = subprocess.run(
        [sys.executable, "manage.py", "test"],
        cwd=ROOT / "polls_site",
        env={
            **os.environ,
            **postgres.environment,
            "DJANGO_SECRET_KEY": "only for tests",
            "POLLS_BESIDE": ",".join(BESIDE),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "\nOK" in done.stderr


@pytest.mark.usefixtures("bare_machine")
def test_a_bare_machine_gets_the_embedded_programs(start_postgres: StartPostgres) -> None:
    postgres, nginx = find_postgres(), find_nginx()
    assert "site-packages" in str(postgres.path)
    assert "site-packages" in str(nginx.path)
    with contextlib.closing(start_postgres(postgres).connect()) as connection:
        assert connection.ask("SHOW server_version").startswith(f"{postgres.major}.")


@pytest.mark.usefixtures("bare_machine")
def test_no_program_at_all_is_one_sentence_with_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_packaged", lambda *_: None)
    with pytest.raises(MachineError, match=r"^No PostgreSQL 14 or newer was found.*install PostgreSQL.*STACK=compose"):
        find_postgres()
    with pytest.raises(MachineError, match=r"^No Nginx was found.*install Nginx.*STACK=compose"):
        find_nginx()
    with pytest.raises(MachineError, match=r"^No PgBouncer was found.*apt-get install pgbouncer.*STACK=compose"):
        find_pgbouncer()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hide its files from PostgreSQL's account")
@pytest.mark.usefixtures("bare_machine")
def test_embedded_postgresql_runs_from_where_only_root_may_look(start_postgres: StartPostgres) -> None:
    """As from a clone in /root: the installation is copied to where PostgreSQL's account can reach it."""
    embedded = find_postgres().path
    with tempfile.TemporaryDirectory(prefix="only-root-") as hidden:  # mode 0700
        site = Path(hidden) / "site-packages"
        site.mkdir()
        for name in (embedded.parents[2].name, f"{embedded.parents[2].name}.libs"):
            subprocess.run(["cp", "-a", str(embedded.parents[3] / name), str(site)], check=True)
        path = site / embedded.relative_to(embedded.parents[3])
        postgres = start_postgres(Program(path, "18.0"))
        with contextlib.closing(postgres.connect()) as connection:
            assert connection.ask("SELECT 6 * 7") == "42"


def test_the_newest_postgresql_of_the_machine_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for major in (13, 16, 15):
        folder = tmp_path / str(major) / "bin"
        folder.mkdir(parents=True)
        for name in ("postgres", "initdb"):
            (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {major}.2 (Some 3.4)'\n")
            (folder / name).chmod(0o755)
    monkeypatch.setattr(programs, "_POSTGRES_FOLDERS", (f"{tmp_path}/*/bin",))
    monkeypatch.setattr(programs, "_on_path", lambda _: [])
    assert find_postgres().version == "16.2"
