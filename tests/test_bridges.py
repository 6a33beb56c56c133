"""The bridges: their own tests on real PostgreSQL, and that each row has its module and each module its row."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gatebench import ROOT
from gatebench.bridges import BRIDGES
from gatebench.stacks.programs import find_postgres
from tests.conftest import StartPostgres
from tests.test_layers import libraries

HOME = ROOT / "bridges"
MODULES = {path.stem: path for path in (HOME / "src" / "django_bridges").glob("[!_]*.py")}


def test_their_own_tests_pass_on_real_postgresql(start_postgres: StartPostgres) -> None:
    postgres = start_postgres(find_postgres())
    done = subprocess.run(
        [sys.executable, "-m", "django", "test", "--settings", "tests.settings"],
        cwd=HOME,
        env={**os.environ, **postgres.environment, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "\nOK" in done.stderr


def test_each_has_a_row_and_each_row_has_one() -> None:
    assert {bridge.module for bridge in BRIDGES.values()} == set(MODULES)


@pytest.mark.parametrize("path", MODULES.values(), ids=list(MODULES))
def test_each_needs_nothing_but_django(path: Path) -> None:
    allowed = {"django", "asgiref", "django_bridges", *BRIDGES[path.stem.replace("_", "-")].packages}
    assert libraries(path) <= allowed


@pytest.mark.parametrize("bridge", BRIDGES.values(), ids=list(BRIDGES))
def test_each_is_told_of_threads_where_its_row_says_so(bridge: object) -> None:
    row = BRIDGES[bridge.name]  # type: ignore[attr-defined]
    tree = ast.parse(MODULES[row.module].read_text())
    made = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "get_asgi_application")
    assert ("threads" in [one.arg for one in made.args.args]) == row.threads
