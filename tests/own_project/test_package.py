"""The package: a wheel that has all that a run needs, and a command of the same words as make."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from gatebench import PACKAGE, ROOT, __version__
from gatebench.campaign import COMMANDS

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made from the source distribution, which so has all that it needs too."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], check=True)
    return next(folder.glob("*.whl"))


@pytest.mark.whole
def test_the_wheel_has_all_that_a_run_needs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "gatebench/share/nginx/nginx.conf.template",
        "gatebench/share/polls_site/manage.py",
        "gatebench/share/small_sites/bare.py",
        "gatebench/share/locustfiles/vote.py",
        "gatebench/share/bridges/src/django_bridges/one_hop.py",
        "gatebench/share/compose/common.yml",
        "gatebench/share/docker-compose.wsgi.yml",
        "gatebench/share/requirements/app.txt",
        "gatebench/inside/gatebench_inside/settings.py",
        "gatebench/analysis/showing/page/style.css",
        "gatebench/analysis/showing/page/script.js",
    ):
        assert needed in names
    assert not [name for name in names if "/tests/" in name and "polls_site" not in name]


@pytest.mark.whole
def test_installed_it_is_a_command_and_uninstalled_it_is_gone(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    before = {path for path in site.rglob("*") if "__pycache__" not in path.parts}
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "ours.pth").write_text(ours)  # what the wheel depends on
    command = tmp_path / "venv" / "bin" / "gatebench"
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert said == f"gatebench {__version__}\n"
    there = "from gatebench.workloads import WORKLOADS; from gatebench import ROOT; print((ROOT / 'nginx').is_dir())"
    assert (
        subprocess.run([python, "-c", there], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
        == "True\n"
    )
    (site / "ours.pth").unlink()
    subprocess.run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "gatebench"], check=True)
    assert not command.exists()
    assert {path for path in site.rglob("*") if "__pycache__" not in path.parts} == before


def test_what_it_depends_on_is_what_is_locked() -> None:
    """But for pip, which an environment has."""
    wanted = {name for part in ("app", "load", "bench") for name in required(ROOT / "requirements" / f"{part}.in")}
    assert {name.replace("'", '"') for name in PYPROJECT["project"]["dependencies"]} - {"pip"} == wanted


def required(path: Path) -> set[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return {line for line in lines if line and not line.startswith("-")}


def test_every_make_target_that_measures_or_shows_is_a_command_too() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^(bench[a-z-]*|aa|why|matrix|reproduce|analyze|compare):", makefile, re.MULTILINE))
    assert targets == {*COMMANDS, "analyze", "compare"}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_can_complete_it(shell: str) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "gatebench", "--completion", shell], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "bench-wsgi" in said.stdout


@pytest.mark.parametrize("path", sorted((PACKAGE / "inside").rglob("*.py")), ids=lambda path: path.stem)
def test_what_runs_in_a_project_s_process_is_python_3_10(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 10))
