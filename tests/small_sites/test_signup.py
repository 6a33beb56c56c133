"""The site in one file: it stays one, it runs alone, and no sign-up is lost or torn."""

from __future__ import annotations

import ast
import csv
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from gatebench import ROOT
from gatebench.loopback import opener
from gatebench.stacks.postgres import free_ports
from gatebench.stored import rows
from tests.conftest import wait_for

SIGNUP = ROOT / "small_sites" / "signup.py"
WISH = 'Commas, "quotes"\nand lines'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Its address, as `python signup.py runserver` serves it in a folder where there is nothing else."""
    shutil.copy(SIGNUP, tmp_path)
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "signup.py", "runserver", "--noreload", str(port)],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DJANGO_SETTINGS_MODULE")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        wait_for(lambda: process.poll() is not None or answers(url), "runserver")
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        return bool(opener().open(url, timeout=5).status == 200)
    except OSError:
        return False


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


class Person:
    """A browser with the form open."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.browser = opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        form = self.browser.open(url, timeout=20).read().decode()
        self.token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[1]  # type: ignore[index]

    def sign_up(self, **fields: str) -> str:
        """The page that it leads to."""
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": self.token, **fields}).encode()
        return str(self.browser.open(self.url, data, timeout=20).read().decode())


def test_it_is_one_file_with_nothing_but_django_and_the_standard_library() -> None:
    tree = ast.parse(SIGNUP.read_text())
    names = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} <= {"django", *sys.stdlib_module_names}
    assert not any(node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))


@pytest.mark.whole
def test_it_runs_alone_and_keeps_each_field_in_its_place(site: str, tmp_path: Path) -> None:
    person = Person(site)
    assert 'data-page="thanks"' in person.sign_up(email="ada@example.org", name='Ada, "Countess"', wish=WISH)
    ((joined, *fields),) = read(tmp_path / "signups.csv")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\S+\+00:00", joined)
    assert [field.replace("\r\n", "\n") for field in fields] == ["ada@example.org", 'Ada, "Countess"', WISH]


@pytest.mark.whole
@pytest.mark.parametrize(
    ("fields", "said"),
    [({"email": "nobody"}, "Enter a valid email address"), ({"email": ""}, "This field is required")],
)
def test_what_is_no_address_is_said_and_not_kept(site: str, tmp_path: Path, fields: dict[str, str], said: str) -> None:
    page = Person(site).sign_up(**fields)
    assert said in page
    assert 'data-page="form"' in page
    assert not (tmp_path / "signups.csv").exists()


APPEND = """
import sys, threading
sys.path.insert(0, sys.argv[1])
import signup
def person(number):
    for n in range(100):
        signup.append([sys.argv[2], str(number), str(n), 'a "quoted", long\\nfield ' + "x" * 3000])
threads = [threading.Thread(target=person, args=[number]) for number in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_sign_ups_from_threads_of_several_processes_are_all_kept_whole(tmp_path: Path) -> None:
    kept = tmp_path / "signups.csv"
    env = {**os.environ, "SIGNUP_CSV": str(kept)}
    processes = [
        subprocess.Popen([sys.executable, "-c", APPEND, str(SIGNUP.parent), name], env=env) for name in ("a", "b", "c")
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    found = read(kept)
    assert len(found) == rows(kept) == 3 * 4 * 100
    assert {tuple(row[:3]) for row in found} == {
        (name, str(number), str(n)) for name in "abc" for number in range(4) for n in range(100)
    }
    assert {len(row) for row in found} == {4}


FULL = """
import resource, signal, sys
sys.path.insert(0, sys.argv[1])
import signup
signup.append(["whole"])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
try:
    signup.append(["x" * 100])
except OSError as error:
    print(type(error).__name__)
"""


def test_a_row_that_does_not_fit_on_the_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """A file that may not grow takes a part of what is written, as a full disk does."""
    kept = tmp_path / "signups.csv"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(SIGNUP.parent)],
        env={**os.environ, "SIGNUP_CSV": str(kept)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "OSError\n"
    assert kept.read_text() == "whole\n"
