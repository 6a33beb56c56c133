"""What runs share and where they differ: what is the server's own, and what makes a comparison unfair."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.settings import across, between, compare_settings, same_configuration, settings_of
from gatebench.records import Trial
from tests.analysis.conftest import Command
from tests.analysis.showing.test_report import section
from tests.analysis.synthetic import ASGI, WORKLOAD, Recorded, requests, step

Analysed = Callable[..., AnalysedRun]

SHEET = {"app command": "gunicorn", "app threads": 18, "app backlog": 2048, "nginx worker_connections": 8192}
SETTINGS = {"name": "fair", "db": "pool", "nginx_connections": 8192, "nginx_upstream_connection": ""}


def recorded(sheet: dict[str, Any], **config: Any) -> Recorded:
    config = {
        "settings": SETTINGS,
        "workload": WORKLOAD,
        "overrides": {},
        "server_args": "",
        "pin": True,
        "env": {},
        **config,
    }
    return Recorded(requests(1, ok=1), [step(1)], run={"sheet": sheet}, config=config)


def test_settings_and_the_sheet_are_told_one_by_one(analysed: Analysed) -> None:
    found = settings_of(analysed(recorded(SHEET)).run)
    known = {name: found[name] for name in list(found)[list(found).index("timeout_s") + 1 :]}
    assert known == {
        "server_args": "none",
        "pin": "True",
        "env": "none",
        "nginx_connections": "8192",
        "nginx_upstream_connection": "none",
        "vote_name": "vote",
        "round_name": "form",
        "think_s": "1.5",
        "app command": "gunicorn",
        "app threads": "18",
        "app backlog": "2048",
        "nginx worker_connections": "8192",
    }


@pytest.mark.parametrize(
    ("sheet", "config", "besides"),
    [
        ({}, {}, []),
        ({"app command": "uvicorn", "app threads": 7, "app loop": "uvloop", "app parser": "httptools"}, {}, []),
        ({"app processes": 3}, {"server_args": "--threads 4"}, []),
        ({"app threads": 600}, {}, []),  # follows from the interface: the verdict says it
        ({"app backlog": 100}, {}, ["app backlog"]),
        ({"app keep-alive": "off"}, {}, []),  # the other run does not say
        ({}, {"settings": {**SETTINGS, "nginx_connections": 64}}, ["nginx_connections"]),
        ({}, {"pin": False}, ["pin"]),
        ({}, {"env": {"PYTHONMALLOC": "malloc"}}, ["env"]),
    ],
)
def test_what_is_the_server_s_own_is_no_other_difference(
    analysed: Analysed, sheet: dict[str, Any], config: dict[str, Any], besides: list[str]
) -> None:
    runs = [
        analysed(recorded(SHEET), "a"),
        analysed(recorded({**SHEET, **sheet}, **{**ASGI, **config}), "b"),
    ]
    assert compare_settings(runs).besides_server == besides


@pytest.mark.parametrize(
    ("views", "besides"),
    [
        (("sync", "together"), []),  # as is usual under each: `make bench` compares them
        (("sync", "sync"), []),
        (("sync", "async"), ["views"]),
        (("together", "sync"), ["views"]),
    ],
)
def test_views_that_are_usual_under_each_interface_are_a_part_of_what_is_compared(
    analysed: Analysed, views: tuple[str, str], besides: list[str]
) -> None:
    workload = {**WORKLOAD, "usual_views": {"wsgi": "sync", "asgi": "together"}}
    runs = [
        analysed(recorded(SHEET, workload=workload, views=views[0]), "a"),
        analysed(recorded(SHEET, workload=workload, views=views[1], **ASGI), "b"),
    ]
    assert compare_settings(runs).besides_server == besides


@pytest.mark.parametrize(
    ("axes", "besides"),
    [((["DB"], ["DB"]), ["nginx_connections"]), ((["DB"], []), ["db", "nginx_connections"]), (([], []), ["db"])],
)
def test_an_axis_of_the_campaign_is_what_is_compared(
    analysed: Analysed, axes: tuple[list[str], list[str]], besides: list[str]
) -> None:
    changed = {"settings": {**SETTINGS, "nginx_connections": 64}} if axes[0] else {}
    runs = [
        analysed(recorded(SHEET, db="pool", axes=axes[0]), "a"),
        analysed(recorded(SHEET, db="persistent", axes=axes[1], **changed), "b"),
    ]
    assert compare_settings(runs).besides_server == besides


def in_campaign(campaign: str, side: str, number: int = 1, **changes: Any) -> Recorded:
    """A run of side A (WSGI) or B (ASGI), with changes to its record."""
    run = {"trial": Trial(campaign, number, side), **changes}
    return Recorded(requests(1, ok=1), [step(1)], run=run, config=ASGI if side == "B" else None)


def test_what_is_another_in_another_campaign_is_no_difference_of_the_sides(analysed: Analysed) -> None:
    def run(campaign: str, side: str, n: int) -> AnalysedRun:
        facts = {"machine": {"cores": n, "id": f"m{n}"}, "code": {"revision": f"r{n}"}}
        return analysed(in_campaign(campaign, side, **facts), campaign + side)

    a, b = ([run("one", side, 2), run("two", side, 4)] for side in "AB")
    assert between(a, b) == {}
    assert across([*a, *b]) == {"machine cores": "2 / 4", "machine id": "m2 / m4", "code revision": "r2 / r4"}


def test_what_differs_within_a_campaign_differs_between_the_sides(analysed: Analysed) -> None:
    """Also where over all campaigns both sides had both values."""
    plan = [("one", "A", 2), ("one", "B", 4), ("two", "A", 4), ("two", "B", 2)]
    runs = [analysed(in_campaign(name, side, machine={"cores": n}), f"{name}{side}") for name, side, n in plan]
    assert between(runs[::2], runs[1::2]) == {"machine cores": "2 / 4"}


def test_sides_of_different_campaigns_differ_in_what_the_campaigns_differ_in(analysed: Analysed) -> None:
    old, new = (
        analysed(in_campaign(name, "A", code={"revision": name, "changed": False}), name) for name in ("old", "new")
    )
    assert between([old], [new]) == {"code revision": "old / new"}


def test_what_differs_from_run_to_run_is_not_put_down_to_the_campaigns(analysed: Analysed) -> None:
    plan = [("one", 1, 100), ("one", 2, 101), ("two", 1, 102)]
    runs = [
        analysed(in_campaign(name, "A", number, sheet={"app threads": n}), f"{name}{number}")
        for name, number, n in plan
    ]
    assert across(runs) == {}


def test_a_configuration_is_the_same_where_an_older_run_does_not_say(analysed: Analysed) -> None:
    old = analysed(Recorded(requests(1, ok=1), [step(1)]), "old").run
    new = analysed(recorded(SHEET), "new").run
    other = analysed(recorded(SHEET, settings={**SETTINGS, "nginx_connections": 64}), "other").run
    assert same_configuration(old, new)
    assert not same_configuration(new, other)


def test_a_boot_is_not_a_setting(analysed: Analysed) -> None:
    assert not any("boot" in name for name in settings_of(analysed(in_campaign("one", "A", machine={"boot": "b"})).run))


def test_what_an_older_run_did_not_record_is_not_known_to_differ(analysed: Analysed) -> None:
    old = Recorded(requests(1, ok=1), [step(1)], config=ASGI)
    comparison = compare_settings([analysed(recorded(SHEET), "new"), analysed(old, "old")])
    assert comparison.besides_server == []
    assert comparison.differing["app backlog"] == ["2048", "–"]


def test_the_fairness_sheet_says_what_is_shared_then_what_differs(results: Path, command: Command) -> None:
    recorded(SHEET).write(results / "a")
    recorded({**SHEET, "app backlog": 100, "app loop": "uvloop"}, **ASGI).write(results / "b")
    command()
    assert section(command.report, "Fairness sheet") == (
        "Read from the live processes, once they served.\n\n"
        "### The runs share\n\n"
        "| Setting | Value |\n"
        "| --- | --- |\n"
        "| app command | gunicorn |\n"
        "| app threads | 18 |\n"
        "| nginx worker_connections | 8192 |\n\n"
        "### They differ in\n\n"
        "| Setting | WSGI gunicorn | ASGI uvicorn |\n"
        "| --- | --- | --- |\n"
        "| app backlog | 2048 | 100 |\n"
        "| app loop | – | uvloop |"
    )
    assert "Not compared: app backlog (2048 / 100) differs as well." in section(command.report, "The answer")
    assert "app backlog" not in section(command.report, "What was measured")
    assert "app threads" not in section(command.report, "Settings and versions")


def test_a_run_without_a_sheet_beside_one_that_has_it_says_so(results: Path, command: Command) -> None:
    recorded(SHEET).write(results / "a")
    Recorded(requests(1, ok=1), [step(1)], config=ASGI).write(results / "b")
    command()
    text = section(command.report, "Fairness sheet")
    assert text.endswith("- ASGI uvicorn: no fairness sheet was recorded.")
    assert "### The runs share" not in text


def test_without_any_sheet_there_is_no_such_section(results: Path, command: Command) -> None:
    Recorded(requests(1, ok=1), [step(1)]).write(results / "a")
    command()
    assert "Fairness sheet" not in command.report
