"""What each mistake in a project of somebody's is told, before any load is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.own_project.conftest import Command, mended

ELSEWHERE = " on PostgreSQL (your settings use django.db.backends.sqlite3)"

OF_THE_PROJECT = {
    "settings that do not import": (
        "shop/settings.py",
        "SECRET_KEY =",
        "import nowhere\nSECRET_KEY =",
        "/manage.py does not run: ModuleNotFoundError: No module named 'nowhere': is {shop}/.venv/bin/python the ",
    ),
    "settings that need a variable": (
        "shop/settings.py",
        "DEBUG = True",
        'import os\nDEBUG = os.environ["SHOP_DEBUG"]',
        "does not run: KeyError: 'SHOP_DEBUG': the project needs the variable SHOP_DEBUG: set it under env.",
    ),
    "a wsgi.py that sets the settings": (
        "shop/wsgi.py",
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")',
        'os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"',
        "shop.wsgi:application sets DJANGO_SETTINGS_MODULE outright: use os.environ.setdefault.",
    ),
    "a set-up step that fails": (
        "bench/seed.py",
        "Author.objects.bulk_create",
        "Author.nowhere.bulk_create",
        "Set-up step “bench/seed.py” failed{elsewhere}: AttributeError: type object 'Author' has no attribute "
        "'nowhere': mend it, then run again. The whole of it is in ",
    ),
    "a command that fails": (
        "gatebench.toml",
        '"bench/seed.py"',
        '"bench/seed.py", "loaddata nowhere"',
        "Set-up step “loaddata nowhere” failed{elsewhere}: CommandError: No",
    ),
    "a migration that SQLite alone can do": (
        "catalog/migrations/0001_initial.py",
        "operations = [",
        "operations = [migrations.RunSQL('PRAGMA foreign_keys'),",
        "Set-up step “migrate --no-input --verbosity 0” failed{elsewhere}: ",
    ),
    "an application that does not load": (
        "shop/wsgi.py",
        "application =",
        'os.environ["SHOP_KEY"]\napplication =',
        "The project's WSGI application does not load: KeyError: 'SHOP_KEY': the project needs the variable SHOP_KEY: ",
    ),
    "no login": (
        "bench/locustfile.py",
        "def on_start",
        "def never",
        "GET “mine” went to /admin/login/: log in in on_start.",
    ),
}
"""Mistake -> a file, what stands in it, what is put there, and what is said."""


@pytest.mark.whole
@pytest.mark.parametrize("mistake", OF_THE_PROJECT)
def test_a_mistake_is_told_before_any_load_is_sent(shop: Path, gatebench: Command, mistake: str) -> None:
    file, old, new, sentence = OF_THE_PROJECT[mistake]
    mended(shop / file, old, new)
    done = gatebench("bench-wsgi")
    assert done.returncode in (2, 3, 4)
    assert sentence.format(shop=shop, elsewhere=ELSEWHERE) in done.stderr
    assert "Traceback" not in done.stderr.splitlines()[-1]
    assert "Ramping" not in done.stderr
