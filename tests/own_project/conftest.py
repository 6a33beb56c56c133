"""A small project of somebody's, with an interpreter of its own, a login, a form, and SQLite in its settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from gatebench import PACKAGE, ROOT
from tests.conftest import own_ports

SHOP = ROOT / "tests" / "own_project" / "shop"

Command = Callable[..., subprocess.CompletedProcess[str]]

TINY = {"users": "8", "settle": "1", "hold": "3", "headless": "1", "pin": "0"}


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


def copied(environment: Path, into: Path) -> Path:
    """A copy of the project with that environment."""
    shutil.copytree(SHOP, into / "shop")
    (into / "shop" / ".venv").symlink_to(environment)
    return into / "shop"


@pytest.fixture
def shop(tmp_path: Path, environment: Path) -> Path:
    return copied(environment, tmp_path)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite's, where layers are kept: each is made once, whichever worker needs it first."""
    suite = tmp_path_factory.getbasetemp()
    return (suite.parent if "PYTEST_XDIST_WORKER" in os.environ else suite) / "cache"


@pytest.fixture
def gatebench(shop: Path, cache: Path) -> Command:
    return command_in(shop, cache)


def command_in(shop: Path, cache: Path, **environment: str) -> Command:
    """`gatebench`, in the project's folder."""

    def run(command: str, *more: str, **knobs: str) -> subprocess.CompletedProcess[str]:
        port, ui_port = own_ports(2)
        own = {**TINY, "port": str(port), "ui_port": str(ui_port)}
        given = {**own, **knobs} if command.startswith("bench") else knobs
        options = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]
        return subprocess.run(
            [sys.executable, "-m", "gatebench", command, *options, *more],
            env={**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(PACKAGE.parent), **environment},
            cwd=shop,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


def mended(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
