"""What the documents promise is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gatebench import errors
from gatebench.config import KNOBS, ROOT
from gatebench.servers import SERVERS

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def test_the_readme_has_every_knob_with_its_default() -> None:
    for knob in KNOBS:
        assert f"| `{knob.name}` |" in README, knob.name


def test_the_readme_has_every_server() -> None:
    for server in SERVERS:
        assert server in README


def test_the_readme_has_every_exit_code() -> None:
    codes = {kind.exit_code for kind in errors.GatebenchError.__subclasses__()} | {1, errors.INTERRUPTED}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)} == codes | {0}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    for target in re.findall(r"(?:^ {4}|`)make ([a-z][a-z-]+)", document.read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"{document.name} says make {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text()):
        assert (document.parent / link).exists(), f"{document.name} links to {link}"
