"""The command on the page measures the same again: the knobs take it, and it gives the run that was recorded."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest

from gatebench.analysis.showing.page.again import commands, hidden_in, trials_of, users_of
from gatebench.campaign import plan_campaign
from gatebench.knobs import parse_users, resolve
from gatebench.names import MEASURED
from gatebench.records import Run, Trial
from gatebench.values.server import Interface
from tests.analysis.showing.page.conftest import Made


def run_of(interface: str = "wsgi", **knobs: str) -> Run:
    config = resolve(Interface(interface), {"STACK": "native", **knobs}, lambda: False).to_json()
    return Run("run", config, 0.0)


def knobs_in(command: str) -> tuple[str, dict[str, str]]:
    make, target, *words = shlex.split(command)
    assert make == "make"
    return target, dict(word.split("=", 1) for word in words)


@pytest.mark.parametrize(
    ("interface", "knobs"),
    [
        ("wsgi", {}),
        ("asgi", {"SERVER": "daphne", "USERS": "20,40", "SETTLE": "2.5", "HOLD": "4"}),
        ("wsgi", {"PROFILE": "article", "SET": "nginx_connections=8192 seed_size=3"}),
        ("wsgi", {"WORKLOAD": "certificate", "SET": "slow_clients_pct=20 nginx_buffering=off"}),
        ("asgi", {"WORKLOAD": "fanout", "VIEWS": "async", "SET": "client=aiohttp", "USERS": "5"}),
        ("asgi", {"WORKLOAD": "bare"}),
        ("wsgi", {"PROFILE": "article", "WORKLOAD": "vote"}),
        ("wsgi", {"SERVER_ARGS": "--threads 4", "ENV": "A='b c' D=e", "PIN": "0", "WORKERS": "3", "DB": "per-request"}),
    ],
)
def test_it_gives_the_run_that_was_recorded(interface: str, knobs: dict[str, str]) -> None:
    recorded = run_of(interface, **knobs)
    (command,) = commands([recorded], 1)
    target, given = knobs_in(command)
    assert target == f"bench-{interface}"
    assert set(given) <= set(MEASURED)
    again = run_of(interface, **given)
    assert {**again.config, "headless": False} == recorded.config


def test_sides_that_differ_in_the_server_alone_are_measured_in_turns() -> None:
    (command,) = commands([run_of("wsgi"), run_of("asgi", SERVER="daphne")], 5)
    target, given = knobs_in(command)
    assert target == "bench"
    assert given["SERVER"] == "gunicorn,daphne"
    assert given["TRIALS"] == "5"


def test_one_server_against_itself_and_sides_that_differ_otherwise() -> None:
    (command,) = commands([run_of("wsgi"), run_of("wsgi")], 3)
    assert knobs_in(command)[0] == "aa"
    one, other = commands([run_of("wsgi"), run_of("asgi", WORKERS="4")], 1)
    assert knobs_in(one)[0] == "bench-wsgi"
    assert knobs_in(other) == ("bench-asgi", {**knobs_in(other)[1], "WORKERS": "4"})


@pytest.mark.parametrize(
    "knobs",
    [
        {"BRIDGE": "shipped,one-hop"},
        {"SERVER": "uvicorn,daphne", "BRIDGE": "one-hop,reused", "DB": "pool,persistent"},
        {"WORKLOAD": "fanout", "VIEWS": "sync,async", "CLIENT": "httpx,aiohttp", "SET": "seed_size=3"},
        {"THREADS": "16,64", "WORKERS": "1,2", "SET": "nginx_connections=64"},
        {"BRIDGE": "one-hop", "THREADS": "8,64"},
        {"WORKLOAD": "fanout", "VIEWS": "sync", "THREADS": "8,64"},
        {"SERVER": "uvicorn", "BRIDGE": "one-hop,reused"},
        {"BRIDGE": "one-hop"},
        {"WITH": "locked,asgiref==3.11.1 django==6.1.*", "BRIDGE": "shipped,one-hop"},
        {"VIEWS": "sync,async"},
    ],
)
def test_sides_along_axes_are_one_campaign_again(knobs: dict[str, str]) -> None:
    asked = {"STACK": "native", "HEADLESS": "1", "TRIALS": "3", **knobs}
    (campaign,) = plan_campaign("bench", asked, lambda: False).campaigns
    runs = [Run("run", config.to_json(), 0.0) for config in campaign.sides.values()]
    (command,) = commands(runs, 3)
    target, given = knobs_in(command)
    assert target == "bench"
    (again,) = plan_campaign("bench", given, lambda: False).campaigns
    assert (list(again.sides.values()), again.trials) == (list(campaign.sides.values()), 3)


def own(run: Run, revision: str = "") -> Run:
    app: dict[str, Any] = {**run.config["workload"]["app"], "interpreter": "/home/me/site/.venv/bin/python"}
    return replace(run, config={**run.config, "workload": {**run.config["workload"], "app": app}, "revision": revision})


def test_a_project_of_one_s_own_is_measured_by_the_command_that_is_installed() -> None:
    (command,) = commands([own(run_of("wsgi")), own(run_of("asgi"))], 2)
    assert command.startswith("gatebench bench --server=gunicorn,uvicorn ")
    assert "--trials=2" in command
    (command,) = commands([own(run_of("wsgi"), "main"), own(run_of("wsgi"), "my branch")], 1)
    assert command.endswith(" --at main --at 'my branch'")


def test_variables_whose_values_are_secret_are_known() -> None:
    runs = [run_of(ENV="API_KEY=abc A=b"), run_of("asgi", ENV="API_KEY=abc DATABASE_URL=postgres://me:it@there/db")]
    assert hidden_in(runs) == ["API_KEY", "DATABASE_URL"]
    assert "abc" not in " ".join(commands(runs, 1))


@pytest.mark.parametrize("users", [(5,), (10, 20), (100, 200, 300), (100, 300, 700), ()])
def test_users_are_written_as_the_knob_takes_them(users: tuple[int, ...]) -> None:
    if users:
        assert parse_users(users_of(users)) == users
    else:
        assert users_of(users) == ""


@pytest.mark.whole
def test_several_campaigns_are_several_times_the_trials_of_one(made: Made) -> None:
    runs = [replace(run_of(), trial=Trial(campaign, n, "A")) for campaign in "abc" for n in range(1, 6)]
    assert trials_of(runs) == (5, 3)
    assert trials_of([run_of()]) == (1, 1)
    said = made("campaigns").page.with_id("again").text
    assert "TRIALS=2" in said
    assert "3 times, at different hours. Then make analyze CAMPAIGNS=all combines the campaigns." in said
    assert "at different hours" not in made("five trials").page.with_id("again").text
