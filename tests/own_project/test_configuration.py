"""[tool.gatebench]: every key, and the sentence that each mistake in it gets."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from gatebench import project
from gatebench.errors import UsageError
from gatebench.values.workload import Objective, Write


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder that looks like a project with an environment and a locustfile."""
    (tmp_path / "manage.py").touch()
    (tmp_path / "bench.py").touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    return tmp_path


def configured(site: Path, *lines: str) -> project.Project:
    (site / "pyproject.toml").write_text("\n".join(["[tool.gatebench]", 'locustfile = "bench.py"', *lines]))
    return project.read(site)


def test_the_least_that_can_be_said_is_where_the_locustfile_is(site: Path) -> None:
    assert configured(site) == project.Project(
        name=site.name, folder=site, python=site / ".venv" / "bin" / "python", locustfile=site / "bench.py"
    )


def test_without_an_environment_in_its_folder_the_activated_one_is_taken(
    site: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    activated = tmp_path_factory.mktemp("activated")
    monkeypatch.setenv("VIRTUAL_ENV", str(activated))
    shutil.copytree(site / ".venv", activated, dirs_exist_ok=True)
    assert configured(site).python == site / ".venv" / "bin" / "python"
    shutil.rmtree(site / ".venv")
    assert configured(site).python == activated / "bin" / "python"
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    with pytest.raises(UsageError, match="has no virtual environment"):
        configured(site)


def test_every_key_has_its_place(site: Path) -> None:
    found = configured(
        site,
        'settings = "shop.settings.production"',
        'setup = ["seed.py", "loaddata demo"]',
        'env = {SITE = "shop"}',
        'keep = ["CACHES"]',
        'writes = [{name = "add author", sql = "SELECT count(*) FROM catalog_author"}]',
        "objective = {p95_ms = 500}",
    )
    assert (found.settings, found.setup) == ("shop.settings.production", ("seed.py", "loaddata demo"))
    assert (found.env, found.keep) == ({"SITE": "shop"}, ("CACHES",))
    assert found.writes == (Write("add author", "SELECT count(*) FROM catalog_author"),)
    assert found.objective == Objective(p95_ms=500)


def test_a_file_of_its_own_comes_before_pyproject(site: Path) -> None:
    (site / "gatebench.toml").write_text('locustfile = "bench.py"\nsettings = "other"')
    assert configured(site, 'settings = "shop"').settings == "other"


def test_the_project_is_found_from_below(site: Path) -> None:
    (site / "shop" / "views").mkdir(parents=True)
    assert project.find(site / "shop" / "views") == site


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("locust = 1", "locust in {path} is not known: did you mean locustfile?"),
        ("colour = 1", "colour in {path} is not known: there are locustfile, settings, python, setup, env, keep, "),
        ("settings = 3", 'settings in {path} is not the name of a module: give it as in settings = "shop.settings'),
        ('setup = "seed.py"', "setup in {path} is not a list of scripts and management commands: give it as in "),
        ('setup = ["seed.py", 3]', "setup in {path} is not a list of scripts and management commands: "),
        ("env = {A = 1}", "env in {path} is not a table of texts: "),
        ('writes = [{name = "vote"}]', "writes in {path} is not a list of tables with name and sql: "),
        ("objective = {p96_ms = 3}", "objective in {path} is not a table with failures_pct or p95_ms: "),
        ('python = "nowhere"', "There is no Python {site}/nowhere: mend python in [tool.gatebench]."),
        ("x = ", "{path} is no TOML ("),
    ],
)
def test_a_mistake_is_one_sentence(site: Path, line: str, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        configured(site, line)
    assert str(error.value).startswith(sentence.format(path=site / "pyproject.toml", site=site))
    assert "\n" not in str(error.value)


def test_what_is_not_there_is_one_sentence(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(UsageError, match=r"^Nothing in .+ says what to measure: `gatebench init` writes "):
        project.read(site)
    (site / "gatebench.toml").write_text("")
    with pytest.raises(UsageError, match=r"names no locustfile: `gatebench init` writes a first one\.$"):
        project.read(site)
    (site / "gatebench.toml").write_text('locustfile = "nowhere.py"')
    with pytest.raises(UsageError, match=r"^There is no locustfile .+/nowhere\.py: mend locustfile in "):
        project.read(site)
    (site / "gatebench.toml").unlink()
    (site / ".venv" / "bin" / "python").unlink()
    with pytest.raises(UsageError, match=r"has no virtual environment: make or activate one, or give python in "):
        configured(site)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.raises(UsageError, match=rf"^There is no manage\.py in {elsewhere} or above it: "):
        project.find(elsewhere)
