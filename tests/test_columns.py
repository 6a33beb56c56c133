"""docs/columns.md has every column of steps.csv and every field of run.json, and none that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import pytest

from gatebench import ROOT
from gatebench.analysis.schema import STEPS
from gatebench.knobs import resolve
from gatebench.machine import facts
from gatebench.records import FORMAT, LoadSummary, Mistake, Run, Step, Trial
from gatebench.revision import code
from gatebench.values.app import App
from gatebench.values.footing import Footing
from gatebench.values.server import Interface, LogPatterns, Server
from gatebench.values.workload import FormCheck, Objective, Service, Setting, Workload, Write

PAGE = (ROOT / "docs" / "columns.md").read_text()
SECTIONS = dict(re.findall(r"^##+ (.+?)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))


def names(of: type[Any]) -> list[str]:
    return [one.name for one in fields(of)]


def config() -> dict[str, Any]:
    return resolve(Interface.WSGI, {"STACK": "native"}, lambda: False).to_json()


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("steps.csv", STEPS),
        ("run.json", names(Run)),
        ("config", config()),
        ("config.settings", config()["settings"]),
        ("config.workload", config()["workload"]),
        ("config.workload.app", names(App)),
        ("config.server_row", names(Server)),
        ("steps", names(Step)),
        ("trial", names(Trial)),
        ("mistakes", names(Mistake)),
        ("load", names(LoadSummary)),
        ("machine", facts()),
        ("code", code(ROOT)),
    ],
)
def test_a_table_has_every_name_in_its_order(section: str, expected: Iterable[str]) -> None:
    told = re.findall(r"^\| `(\w+)` \| \S", SECTIONS[section], re.MULTILINE)
    assert told == list(expected)


def test_every_section_is_one_that_is_tested() -> None:
    (table,) = [mark for mark in test_a_table_has_every_name_in_its_order.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
    assert list(SECTIONS) == [section for section, _ in table.args[1]]


def test_what_is_told_within_a_row_is_whole_too() -> None:
    for kind in (Objective, FormCheck, Write, Setting, Service):
        for name in names(kind):
            assert f"`{name}`" in SECTIONS["config.workload"]
    for name in names(LogPatterns):
        assert f"`{name}`" in SECTIONS["config.server_row"]
    assert set(names(Footing)) == set(config()["settings"])
    assert set(names(Workload)) < set(config()["workload"])


def test_the_format_number_is_the_one_that_runs_have() -> None:
    assert SECTIONS["run.json"].strip().startswith(f"Format {FORMAT}.")
