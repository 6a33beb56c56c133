"""A small project of somebody's, with an interpreter of its own, a login, a form, and SQLite in its settings."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from gatebench import PACKAGE, ROOT
from gatebench.stacks.postgres import free_ports

SHOP = ROOT / "tests" / "own_project" / "shop"

Command = Callable[..., subprocess.CompletedProcess[str]]

TINY = {"users": "8", "settle": "1", "hold": "3", "headless": "1"}


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


@pytest.fixture
def gatebench(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, in the project's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE.parent))

    def run(command: str, *more: str, **knobs: str) -> subprocess.CompletedProcess[str]:
        port, ui_port = free_ports(2)
        given = {**TINY, "port": str(port), "ui_port": str(ui_port), **knobs} if command.startswith("bench") else knobs
        options = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]
        line = [sys.executable, "-m", "gatebench", command, *options, *more]
        return subprocess.run(line, cwd=shop, capture_output=True, text=True, timeout=120, check=False)

    return run


def mended(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
