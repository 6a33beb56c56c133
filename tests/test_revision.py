"""run.json says which code made a run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gatebench import __version__
from gatebench.revision import code


def git(folder: Path, *command: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    return subprocess.run(
        ["git", "-C", str(folder), *who, *command], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("one\n")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    return tmp_path


def test_a_clean_checkout_has_its_revision(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert code(checkout) == {"version": __version__, "revision": head, "changed": False}


def test_a_change_of_a_tracked_file_is_told_and_a_new_file_is_not(checkout: Path) -> None:
    (checkout / "results").mkdir()
    (checkout / "results" / "run.json").write_text("{}")
    assert code(checkout)["changed"] is False
    (checkout / "file").write_text("two\n")
    assert code(checkout)["changed"] is True


def test_outside_a_checkout_the_revision_is_not_known(tmp_path: Path) -> None:
    assert code(tmp_path) == {"version": __version__, "revision": None, "changed": None}


def test_a_checkout_of_something_else_is_not_taken_for_ours(checkout: Path) -> None:
    (checkout / "inside").mkdir()
    assert code(checkout / "inside")["revision"] is None
