"""A small project of somebody's: made on the spot, with an interpreter, a login and a form, and SQLite in its settings."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from gatebench import ROOT

SHOP = ROOT / "tests" / "own_project" / "shop"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a virtual environment that has Django and psycopg as this one does, and no server."""
    folder = tmp_path_factory.mktemp("environment") / ".venv"
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    ours = Path(next(path for path in sys.path if path.endswith("site-packages")))
    for name in ("django", "asgiref", "sqlparse", "psycopg", "psycopg_binary", "psycopg_pool", "typing_extensions.py"):
        if (ours / name).exists():
            (site / name).symlink_to(ours / name)
    for info in ours.glob("*.dist-info"):
        if info.name.partition("-")[0].lower() in ("django", "asgiref", "sqlparse", "psycopg", "psycopg_binary"):
            (site / info.name).symlink_to(info)
    return folder


@pytest.fixture
def shop(tmp_path: Path, environment: Path) -> Path:
    """A copy of the project in a git repository of its own, with that environment."""
    folder = tmp_path / "shop"
    subprocess.run(["cp", "-r", str(SHOP), str(folder)], check=True)
    (folder / ".venv").symlink_to(environment)
    return folder
