"""Projects of other kinds: other Pythons and Djangos, a settings package, a user model and an asgi.py of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gatebench.analysis.analysed_run import AnalysedRun, analyse
from gatebench.project import FORGETFUL
from gatebench.run_folder import RunFolder
from tests.own_project.conftest import Command, mended

KINDS = {
    "the oldest": ("3.10", ["django==4.2.*", "psycopg2-binary"], {"server": "uvicorn"}, "per-request"),
    "the newest": ("3.13", ["django", "psycopg[binary]"], {"server": "hypercorn", "bridge": "one-hop"}, "pool"),
}
"""Python, packages, knobs, and how connections are made where nobody says otherwise."""


def interpreter(version: str) -> Path:
    """A Python of that version, of the system or of pyenv; skips the test where there is none."""
    homes = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*")) or sorted(
        Path(os.environ.get("PYENV_ROOT", "/nowhere")).glob(f"versions/{version}.*")
    )
    found = homes[-1] / "bin" / "python" if homes else shutil.which(f"python{version}")
    if found is None:
        pytest.skip(f"there is no Python {version}")
    return Path(found)


def other_environment(shop: Path, version: str, packages: list[str]) -> None:
    python = interpreter(version)
    (shop / ".venv").unlink()
    subprocess.run([python, "-m", "venv", shop / ".venv"], check=True)
    pip = [shop / ".venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *packages], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{' '.join(packages)} cannot be installed for Python {version}: {done.stderr[-200:]}")


def only_run(shop: Path) -> AnalysedRun:
    (folder,) = (shop / "gatebench-results").glob("*sgi-*")
    return analyse(RunFolder(folder))


@pytest.mark.whole
@pytest.mark.parametrize("kind", KINDS)
def test_a_project_on_another_python_and_django_is_measured(shop: Path, gatebench: Command, kind: str) -> None:
    version, packages, knobs, db = KINDS[kind]
    other_environment(shop, version, packages)
    done = gatebench("bench-asgi", **knobs)
    assert done.returncode == 0, done.stderr
    run = only_run(shop)
    assert run.steps["failures"].sum() == 0
    assert run.run.app["python"].startswith(f"{version}.")
    assert run.run.app["db"] == db
    site = next((shop / ".venv").glob("lib/python*/site-packages"))
    assert not list(site.glob(f"{knobs['server']}*"))
    django = json.loads((run.folder.path / "run.json").read_text())["versions"]["django"]
    assert list(site.glob(f"[dD]jango-{django}.dist-info"))


def made_a_package(shop: Path) -> None:
    """Settings for development and for production; the latter ask for an app that DATABASE_URL decides about."""
    settings = shop / "shop" / "settings"
    settings.mkdir()
    (shop / "shop" / "settings.py").rename(settings / "base.py")
    mended(settings / "base.py", "parent.parent", "parent.parent.parent")
    (settings / "__init__.py").touch()
    (settings / "development.py").write_text("from .base import *\nDEVELOPMENT = True\n")
    (settings / "production.py").write_text(
        "import os\nfrom .base import *\nDEBUG = False\nSECURE_SSL_REDIRECT = True\n"
        'if os.environ.get("DATABASE_URL", "").startswith("postgres"):\n'
        '    INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.postgres"]\n'
    )
    mended(shop / "manage.py", "shop.settings", "shop.settings.development")
    (shop / "gatebench.toml").write_text(
        f'settings = "shop.settings.production"\n{(shop / "gatebench.toml").read_text()}'
    )
    (shop / "shop" / "asgi.py").write_text(
        "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"
    )


def with_a_user_of_its_own(shop: Path) -> None:
    mended(
        shop / "catalog" / "models.py",
        "from django.db",
        "from django.contrib.auth.models import AbstractUser\nfrom django.db",
    )
    with (shop / "catalog" / "models.py").open("a") as models:
        models.write("\n\nclass Person(AbstractUser):\n    nickname = models.CharField(max_length=20, blank=True)\n")
    with next((shop / "shop").glob("settings/base.py")).open("a") as base:
        base.write('\nAUTH_USER_MODEL = "catalog.Person"\n')
    mended(
        shop / "bench" / "seed.py",
        "from django.contrib.auth.models import User",
        "from catalog.models import Person as User",
    )
    shutil.rmtree(shop / "catalog" / "migrations")
    subprocess.run(
        [shop / ".venv" / "bin" / "python", "manage.py", "makemigrations", "catalog"],
        cwd=shop,
        check=True,
        capture_output=True,
    )


def without_drivers(shop: Path) -> Path:
    """The packages' folder of an environment that is the shop's own, and has no psycopg."""
    environment = (shop / ".venv").resolve()
    (shop / ".venv").unlink()
    shutil.copytree(environment, shop / ".venv", symlinks=True)
    site = next((shop / ".venv").glob("lib/python*/site-packages"))
    for path in site.glob("psycopg*"):
        path.unlink()
    return site


@pytest.mark.whole
def test_production_settings_behind_its_asgi_py_with_a_user_model_of_its_own_and_without_a_driver(
    shop: Path, gatebench: Command
) -> None:
    without_drivers(shop)
    made_a_package(shop)
    with_a_user_of_its_own(shop)
    done = gatebench("bench-asgi", server="daphne")
    assert done.returncode == 0, done.stderr
    run = only_run(shop)
    assert run.steps["failures"].sum() == 0
    assert {"SECURE_SSL_REDIRECT", "DATABASES"} <= set(run.run.app["settings changed"])
    assert "DEBUG" not in run.run.app["settings changed"]
    assert run.run.config["workload"]["app"]["applications"]["asgi"] == "shop.asgi:application"
    assert run.run.environments["app"]["DATABASE_URL"] == "set"
    assert (run.run.app["db"], run.run.app["driver"].endswith("(binary)")) == ("pool", True)
    (done_once,) = run.folder.path.glob("logs/setup.log")
    assert "Traceback" not in done_once.read_text()


def test_sessions_that_each_process_keeps_for_itself_are_warned_of(shop: Path, gatebench: Command) -> None:
    with (shop / "shop" / "settings.py").open("a") as settings:
        settings.write('SESSION_ENGINE = "django.contrib.sessions.backends.cache"\n')
    done = gatebench("bench-wsgi", stack="compose")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        FORGETFUL,
        "A project of your own is measured as local processes: leave STACK out, or give STACK=native.",
    ]


def test_a_pool_is_refused_where_django_or_the_driver_has_none(shop: Path, gatebench: Command) -> None:
    site = without_drivers(shop)
    (site / "psycopg2-2.9.9.dist-info").mkdir()
    (site / "psycopg2-2.9.9.dist-info" / "METADATA").write_text("Name: psycopg2\nVersion: 2.9.9\n")
    done = gatebench("bench-wsgi", db="pool")
    assert done.returncode == 2
    assert "DB=pool needs psycopg 3 and Django 5.1; the project has psycopg2 2.9.9 and Django 5." in done.stderr
    assert done.stderr.endswith(": give DB=per-request.\n")
