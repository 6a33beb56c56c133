"""A project of somebody's, measured as it is by real runs, and what each mistake in it is told."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gatebench.analysis.analysed_run import AnalysedRun, analyse
from gatebench.check import check
from gatebench.errors import AppCheckError
from gatebench.knobs import resolve
from gatebench.lock import locked
from gatebench.progress import Reporter
from gatebench.project import own_project
from gatebench.records import Run
from gatebench.run import watched
from gatebench.run_folder import RunFolder
from gatebench.stacks.native import NativeStack
from gatebench.stacks.postgres import free_ports
from gatebench.values.server import Interface
from tests.own_project.conftest import SHOP, Command, command_in, copied, mended


def analysed(shop: Path) -> list[AnalysedRun]:
    return [analyse(RunFolder(path)) for path in sorted((shop / "gatebench-results").glob("*sgi-*"))]


@dataclass(frozen=True)
class Campaign:
    """The project under WSGI and ASGI. `set_up` is a file with a line for each time that set-up was done."""

    command: Command
    runs: dict[Interface, AnalysedRun]
    set_up: Path
    left_behind: set[str]


@pytest.fixture(scope="module")
def shop_campaign(environment: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    shop = copied(environment, tmp_path_factory.mktemp("campaign"))
    mended(shop / "gatebench.toml", '"bench/seed.py"', '"bench/seed.py", "bench/once.py"')
    (shop / "bench" / "once.py").write_text('print("set up", file=open("../set-up", "a"))\n')
    before = tree(shop) | tree(environment)
    command = command_in(shop, cache)
    done = command("bench")
    assert done.returncode == 0, done.stderr
    left_behind = (tree(shop) | tree(environment)) ^ before
    runs = {Interface(run.run.app["interface"]): run for run in analysed(shop)}
    return Campaign(command, runs, shop.parent / "set-up", left_behind)


def tree(folder: Path) -> set[str]:
    """Every file of a folder and when it was written; what runs make aside."""
    return {f"{path} {path.lstat().st_mtime_ns}" for path in folder.rglob("*") if "gatebench-results" not in path.parts}


@pytest.mark.whole
@pytest.mark.parametrize("interface", Interface)
def test_it_is_measured_as_it_is_with_reads_a_login_and_a_write(shop_campaign: Campaign, interface: Interface) -> None:
    run = shop_campaign.runs[interface]
    assert run.steps["failures"].sum() == 0
    assert {"DATABASES", "DEBUG", "SECRET_KEY", "SESSION_COOKIE_SECURE"} <= set(run.run.app["settings changed"])
    assert set(run.ledger["name"]) == {"add author"}
    assert run.alarms == ()
    last = run.ledger.iloc[-1]
    assert last["votes_acknowledged"] == last["votes_stored"] > 0
    assert run.validity["users_estimated"].iloc[0] == pytest.approx(8, abs=0.5)


@pytest.mark.whole
def test_its_folder_and_its_environment_stay_as_they_were(shop_campaign: Campaign) -> None:
    assert shop_campaign.left_behind == set()


@pytest.mark.whole
def test_set_up_is_done_once_a_campaign_and_copied(shop_campaign: Campaign) -> None:
    assert shop_campaign.set_up.read_text() == "set up\n"
    first, second = sorted(shop_campaign.runs.values(), key=lambda run: run.run.started)
    assert [run.folder.log("setup").exists() for run in (first, second)] == [True, False]
    assert not list(Path(tempfile.gettempdir()).glob("gatebench-prepared-*"))


@pytest.mark.whole
def test_it_is_analysed_from_its_folder(shop_campaign: Campaign) -> None:
    again = shop_campaign.command("analyze")
    assert again.returncode == 0, again.stderr
    assert "Written to gatebench-results/analysis: " in again.stdout


@pytest.mark.whole
def test_two_revisions_are_two_sides_and_what_one_s_code_raises_is_its_cause(shop: Path, gatebench: Command) -> None:
    for words in (["init", "-b", "main"], ["add", "."], ["commit", "-m", "as it was"], ["checkout", "-b", "broken"]):
        git(shop, *words)
    mended(
        shop / "catalog" / "views.py",
        "def index(request):\n",
        "CALLS = iter(range(24))\n\n\ndef index(request):\n    if next(CALLS, None) is None:\n"
        '        raise LookupError("worn out")\n',
    )
    git(shop, "commit", "-am", "broken")
    done = gatebench("bench", "--at", "main", "--at", "broken", users="16")
    assert done.returncode == 0, done.stderr
    runs = {run.run.config["revision"]: run for run in analysed(shop)}
    assert set(runs) == {"main", "broken"}
    assert {run.run.config["label"] for run in runs.values()} == {"WSGI gunicorn (main)", "WSGI gunicorn (broken)"}
    assert runs["main"].causes.empty
    (cause,) = runs["broken"].causes.to_dict("records")
    assert (cause["failure"], cause["layer"]) == ("LookupError", "Django")
    assert cause["evidence"] == "LookupError: worn out (catalog/views.py, line 14)"
    listed = subprocess.run(["git", "worktree", "list"], cwd=shop, capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == 1


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


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


OF_ITS_USERS = {
    "no login": (
        "def on_start",
        "def never",
        "GET “mine” went to /admin/login/: log in in on_start.",
    ),
    "no token": (
        'TOKEN.search(form.text)[1]}\n        self.client.post("/add/"',
        '"wrong"}\n        self.client.post("/add/"',
        "POST “add author” answered 403: where that is Django's CSRF check, read the token from each form, ",
    ),
    "the form again": (
        '"name": "new"',
        '"name": ""',
        "“add author” succeeded and its writes query did not rise: the form was shown again, perhaps; have the ",
    ),
    "a page that is not there": (
        'get("/", name="index")',
        'get("/nowhere/", name="index")',
        "GET “index” answered 404, before any load ",
    ),
    "a locustfile that raises": (
        'self.client.get("/", name="index")',
        "1 / 0",
        "line 15, raised ZeroDivisionError: division by zero. Mend the locustfile, then run again.",
    ),
    "a locustfile without users": (
        "from locust import FastHttpUser, HttpUser, between, task",
        "from locust import between, task\nFastHttpUser = HttpUser = object",
        "/bench/locustfile.py has no user: derive a class from Locust's FastHttpUser. Mend the locustfile, ",
    ),
    "a locustfile that cannot be loaded": (
        "import re",
        "import nowhere",
        "line 2, raised ModuleNotFoundError: No module named 'nowhere'",
    ),
    "a write that nobody sends": (
        'name="add author"',
        'name="add book"',
        "No task of the locustfile asks for “add author”: mend its name under writes.",
    ),
    "a page that cannot connect": (
        'get("/", name="index")',
        'get("/cached/", name="index")',
        "GET “index” answered 500, before any load: ConnectionError: Error 111 connecting to localhost:6379: it cannot "
        "connect to localhost:6379, and Gatebench starts PostgreSQL only: start it, or give another address under env.",
    ),
    "too many requests": (
        'get("/", name="index")',
        'get("/busy/", name="index")',
        "GET “index” answered 429: the site limits one address, and all users share one.",
    ),
}
"""Mistake -> what stands in the locustfile, what is put there, and what is said."""


@pytest.fixture(scope="module")
def served(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], None]]:
    """The shop as a run serves it, for as many checks as there are: each with another locustfile."""
    shop = copied(environment, tmp_path_factory.mktemp("served"))
    own = own_project(shop)
    port, ui_port = free_ports(2)
    knobs = {"STACK": "native", "DB": own.db, "PORT": str(port), "UI_PORT": str(ui_port), "RESULTS": str(own.results())}
    config = own.with_layers(resolve(Interface.WSGI, knobs, lambda: False, own.workload))
    folder = RunFolder.create(own.results(), "check")
    display = Reporter(config, Console(quiet=True))
    with locked(own.results()) as lock, watched(lock, folder, display) as watchdog:
        stack = NativeStack(config, folder, watchdog)
        stack.up(display.note)
        folder.write_run(Run(id="check", config=config.to_json(), started=time.time()))

        def check_with(locustfile: str) -> None:
            (shop / "bench" / "locustfile.py").write_text(locustfile)
            folder.log("rehearsal").unlink(missing_ok=True)
            check(config.side.workload, stack.url, stack.stored, stack.rehearse, folder.log("app"))

        yield check_with


@pytest.mark.whole
@pytest.mark.parametrize("mistake", OF_ITS_USERS)
def test_a_mistake_of_the_users_is_told_when_they_rehearse(served: Callable[[str], None], mistake: str) -> None:
    old, new, sentence = OF_ITS_USERS[mistake]
    text = (SHOP / "bench" / "locustfile.py").read_text()
    assert old in text
    with pytest.raises(AppCheckError) as error:
        served(text.replace(old, new))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.whole
def test_users_without_a_mistake_pass(served: Callable[[str], None]) -> None:
    served((SHOP / "bench" / "locustfile.py").read_text())


def test_init_writes_what_is_missing_and_changes_nothing(shop: Path, gatebench: Command) -> None:
    (shop / "gatebench.toml").unlink()
    (shop / "bench" / "locustfile.py").unlink()
    (shop / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    done = gatebench("init")
    assert done.returncode == 0, done.stderr
    assert "ASGI: made by get_asgi_application, there is no asgi.py." in done.stdout
    text = (shop / "bench" / "locustfile.py").read_text()
    assert 'self.client.get("/", name="index")' in text
    assert "    #   /mine/\n    #   /add/\n" in text
    assert "/author/" not in text
    assert (shop / "gatebench.toml").read_text() == 'locustfile = "bench/locustfile.py"\n'
    assert (shop / "pyproject.toml").read_text() == "[project]\nname = 'shop'\n"
    again = gatebench("init")
    assert (again.returncode, again.stderr) == (
        2,
        f"{shop}/gatebench.toml says already what to measure: `gatebench bench` measures it.\n",
    )


def test_a_recorded_session_becomes_a_locustfile(shop: Path, gatebench: Command) -> None:
    (shop / "gatebench.toml").unlink()
    (shop / "bench" / "locustfile.py").unlink()
    entries: list[dict[str, Any]] = [
        {"request": {"method": "GET", "url": "http://shop.test/add/?from=home"}},
        {"request": {"method": "GET", "url": "http://shop.test/static/site.css"}},
        {"request": {"method": "GET", "url": "http://elsewhere.test/"}},
        {
            "request": {
                "method": "POST",
                "url": "http://shop.test/add/",
                "postData": {"text": "csrfmiddlewaretoken=abc&name=new+one"},
            }
        },
    ]
    (shop / "session.har").write_text(json.dumps({"log": {"entries": entries}}))
    done = gatebench("init", "--har", "session.har")
    assert done.returncode == 0, done.stderr
    text = (shop / "bench" / "locustfile.py").read_text()
    compile(text, "locustfile.py", "exec")
    assert 'page = self.client.get("/add/?from=home", name="/add/")' in text
    assert '"name": "new one"' in text
    assert "re.search(" in text
    assert "abc" not in text
    assert "site.css" not in text
    assert "elsewhere" not in text
