"""Whole tiny runs on the native stack: real PostgreSQL, real Nginx, real Locust, each server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from gatebench.analysis.analysed_run import analyse
from gatebench.analysis.comparing.settings import compare_settings
from gatebench.knobs import STACK_VARIABLES
from gatebench.records import Outcome
from gatebench.run_folder import RunFolder
from gatebench.servers import SERVERS
from gatebench.stacks.environment import inherited
from gatebench.workloads.polls import POLLS
from gatebench.workloads.vote import VOTE
from tests.conftest import Bench

TinyRun = Callable[..., RunFolder]


def requests(folder: RunFolder) -> list[dict[str, Any]]:
    with folder.requests.open("rb") as stream:
        return pa.ipc.open_stream(stream).read_all().to_pylist()


def proxied(folder: RunFolder) -> list[dict[str, Any]]:
    """Nginx's log, without what the runner's own checks sent."""
    return [line for text in folder.proxy_log.read_text().splitlines() if (line := json.loads(text))["id"] != "-"]


@pytest.mark.parametrize("server", SERVERS)
def test_every_request_succeeds_and_is_counted_alike_by_all(tiny_run: TinyRun, server: str) -> None:
    folder = tiny_run(server)
    run = folder.read_run()
    rows = requests(folder)
    assert run.outcome is Outcome.COMPLETE
    assert [row for row in rows if row["cause"]] == []
    assert len(rows) > 30
    assert run.load is not None
    assert len(rows) == len(proxied(folder)) == run.load.locust_requests
    assert {f"{row['request_id']:016x}" for row in rows} == {line["id"] for line in proxied(folder)}


@pytest.mark.parametrize("server", SERVERS)
def test_the_live_process_tells_interface_and_driver(tiny_run: TinyRun, server: str) -> None:
    run = tiny_run(server).read_run()
    assert run.app["interface"] == SERVERS[server].interface
    assert run.app["driver"].startswith("psycopg 3")
    assert (run.app["db"], run.app["debug"]) == ("pool", False)
    assert run.environments["app"]["POLLS_VOTE"] == "atomic"


@pytest.mark.parametrize("server", SERVERS)
def test_votes_agree_with_the_database_at_every_step(tiny_run: TinyRun, server: str) -> None:
    folder = tiny_run(server)
    votes = [row for row in requests(folder) if row["name"] == "vote"]
    readings = folder.read_votes()
    assert [reading.step for reading in readings] == [0, 1, 2, None]
    for reading in readings:
        attempted = sum(row["started"] <= reading.read_ended for row in votes)
        acknowledged = sum(
            row["cause"] is None and row["started"] + row["elapsed_ms"] / 1000 <= reading.read_started for row in votes
        )
        assert acknowledged <= reading.votes_stored <= attempted
    assert readings[-1].votes_stored == len(votes) > 0


def test_a_user_does_form_vote_results_over_all_polls(tiny_run: TinyRun) -> None:
    folder = tiny_run("gunicorn")
    counts = Counter((row["name"], row["method"], row["status"]) for row in requests(folder))
    assert set(counts) == {("form", "GET", 200), ("vote", "POST", 302), ("results", "GET", 200)}
    assert len({line["uri"] for line in proxied(folder) if line["method"] == "POST"}) > 10


def test_steps_settle_and_hold_as_asked(tiny_run: TinyRun) -> None:
    for step, users in zip(tiny_run("gunicorn").read_run().steps, (5, 10), strict=True):
        assert step.users == step.users_running == users
        assert None not in (step.running, step.hold_started, step.hold_ended)
        assert 0.5 <= step.hold_started - step.running < 5  # it settles for longer where it is not steady yet
        assert 2 <= step.hold_ended - step.hold_started < 4


def test_a_request_belongs_to_the_step_in_which_it_started(tiny_run: TinyRun) -> None:
    folder = tiny_run("gunicorn")
    first, second = folder.read_run().steps
    for row in requests(folder):
        assert row["step"] == (1 if row["started"] < second.started else 2)
        assert row["started"] >= first.started


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_the_article_profile_is_the_articles(tiny_run: TinyRun, server: str) -> None:
    folder = tiny_run(server, "article")
    run = folder.read_run()
    assert run.app["driver"].startswith("psycopg2")
    assert (run.app["db"], run.app["debug"]) == ("per-request", True)
    assert run.environments["app"]["POLLS_VOTE"] == "read-then-save"
    counts = Counter((row["name"], row["status"]) for row in requests(folder))
    assert set(counts) == {("form", 200), ("vote", 200)}
    assert {line["uri"] for line in proxied(folder)} == {"/polls/1/", "/polls/1/vote/", "/polls/1/results/"}


def test_versions_are_read_from_what_runs(tiny_run: TinyRun) -> None:
    run = tiny_run("gunicorn").read_run()
    assert {"postgresql", "nginx", "python", "django", "gunicorn"} <= set(run.versions)
    assert run.app["database"].removeprefix("PostgreSQL ").split(".")[0] == run.versions["postgresql"].split(".")[0]
    assert run.machine["cores"] >= 1


def test_the_environment_in_run_json_is_whole_and_has_no_secret(tiny_run: TinyRun) -> None:
    given = tiny_run("gunicorn").read_run().environments["app"]
    assert given["PATH"] == inherited()["PATH"]
    inside = {"DJANGO_SETTINGS_MODULE", "GATEBENCH_INSIDE", "GATEBENCH_LAYERS"}
    own = {*STACK_VARIABLES, *POLLS.environment, *VOTE.environment, *inside}
    assert given.keys() - own <= {*inherited(), "TMPDIR"}
    assert own <= given.keys()
    assert (given["DJANGO_SECRET_KEY"], given["PGPASSWORD"]) == ("set", "set")
    assert json.loads(given["GATEBENCH_INSIDE"])["secret_key"] == "set"
    assert given["POLLS_VOTE"] == "atomic"


def test_packages_of_an_environment_of_its_own_are_what_runs(bench: Bench) -> None:
    done = bench.run("asgi", WITH="asgiref==3.11.1", VIEWS="async")
    assert done.returncode == 0, done.stderr
    run = bench.folder().read_run()
    assert run.versions["asgiref"] == "3.11.1"
    assert run.config["label"] == "ASGI uvicorn (async, asgiref==3.11.1)"
    assert [row for row in requests(bench.folder()) if row["cause"]] == []


def test_one_hop_keeps_as_many_connections_as_it_has_threads(bench: Bench) -> None:
    """As shipped, each request would have left one behind: PostgreSQL has 100."""
    done = bench.run("asgi", BRIDGE="one-hop", DB="persistent", USERS="40,60", SETTLE="1", HOLD="3")
    assert done.returncode == 0, done.stderr
    folder = bench.folder()
    run = folder.read_run()
    rows = requests(folder)
    assert [row for row in rows if row["cause"]] == []
    assert len(rows) > 150
    assert pd.read_csv(folder.database_csv)["connections"].max() <= 2 * 8 + 1  # and who asks whether it is ready
    assert run.config["label"] == "ASGI uvicorn (one-hop, persistent)"


def test_a_ramp_ends_with_the_first_step_that_misses_the_objective_where_that_is_asked(bench: Bench) -> None:
    slow = "DJANGO_SETTINGS_MODULE=tests.faulty.settings FAULT_SLEEP_S=1.2"  # of the 1,000 ms allowed
    done = bench.run("wsgi", ENV=slow, USERS="10,12,14", STOP_AT_LIMIT="1")
    assert done.returncode == 0, done.stderr
    run = bench.folder().read_run()
    assert run.outcome is Outcome.COMPLETE
    assert [step.users for step in run.steps] == [10]


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        ({"SET": "backlog=50"}, {"backlog", "app backlog"}),
        ({"ENV": "DJANGO_SETTINGS_MODULE=tests.faulty.synchronous"}, {"env", "app synchronous middleware"}),
        ({"WITH": "asgiref==3.11.1"}, {"with", "asgiref version"}),
    ],
)
def test_a_planted_regression_is_what_a_comparison_says_differs(
    tiny_run: TinyRun, bench: Bench, planted: dict[str, str], named: set[str]
) -> None:
    done = bench.run("asgi", **planted)
    assert done.returncode == 0, done.stderr
    comparison = compare_settings([analyse(tiny_run("uvicorn")), analyse(bench.folder())])
    beside_others = {"pin", *(name for name in comparison.besides_server if name.endswith("cores"))}
    assert {*comparison.besides_server} - beside_others == named
