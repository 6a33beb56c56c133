"""What each mistake in the locustfile of somebody's project is told, when its users rehearse."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

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
from gatebench.values.server import Interface
from tests.conftest import own_ports
from tests.own_project.conftest import SHOP, copied

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
    port, ui_port = own_ports(2)
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
