"""Locust's web UI during a run: it is there by itself, goes away by itself, and a hand on it is noticed."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
import urllib.error
import urllib.parse
from typing import Any

import pytest

from gatebench.analysis.analysed_run import analyse
from gatebench.loopback import opener
from gatebench.records import Outcome
from tests.conftest import Bench, wait_for

WITH_UI = {"HEADLESS": "0", "USERS": "20", "SETTLE": "0", "HOLD": "4"}


def fetch(bench: Bench, path: str, data: dict[str, str] | None = None) -> str:
    fields = None if data is None else urllib.parse.urlencode(data).encode()
    with opener().open(f"http://127.0.0.1:{bench.ui_port}{path}", fields, timeout=10) as answer:
        return str(answer.read().decode())


def wait_for_requests(bench: Bench) -> None:
    """Returns once a user has gone the whole way, and the web UI shows it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            stats = json.loads(fetch(bench, "/stats/requests"))
            if stats["total_rps"] and "results" in {row["name"] for row in stats["stats"]}:
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.1)
    raise AssertionError("the web UI showed no requests")


def test_it_shows_the_run_and_its_tab_the_steps_as_they_fill_and_it_closes_by_itself(bench: Bench) -> None:
    process = bench.start("wsgi", **WITH_UI | {"USERS": "10,20"})
    wait_for_requests(bench)
    assert "<title>Locust</title>" in fetch(bench, "/")
    stats = json.loads(fetch(bench, "/stats/requests"))
    assert {row["name"] for row in stats["stats"]} == {"form", "vote", "results", "Aggregated"}
    assert stats["state"] == "running"
    for path in ("/exceptions", "/tasks", "/logs", "/stats/requests/csv", "/stats/report"):
        assert fetch(bench, path)
    assert '"extended_tabs": [{"key": "gatebench", "title": "Gatebench"}]' in fetch(bench, "/")
    assert 'location.assign("gatebench")' in fetch(bench, "/")
    page = fetch(bench, "/gatebench")
    assert "Watch only." in page
    assert "http" not in page.replace("http-equiv", "")  # it loads nothing from elsewhere
    shown: dict[str, Any] = {}

    def the_second_step_is_measured() -> bool:
        shown.update(json.loads(fetch(bench, "/gatebench/now")))
        return len(shown["steps"]) == 2 and shown["steps"][1]["requests"] != "0"

    wait_for(the_second_step_is_measured, "the second step's requests")
    assert (shown["label"], shown["coming"], shown["over"]) == ("WSGI gunicorn", [], False)
    assert "of a core" in shown["generator"]["figures"]
    first = shown["steps"][0]

    def the_end_is_seen() -> bool:
        shown.update(json.loads(fetch(bench, "/gatebench/now")))
        return bool(shown["over"])

    wait_for(the_end_is_seen, "the end, which whoever watches sees")
    assert (shown["stage"], shown["left_s"]) == ("The load has ended.", 0)
    assert [step["state"].split(",")[0] for step in shown["steps"]] == ["steady", "steady"]
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert f"Watch it at http://127.0.0.1:{bench.ui_port}/gatebench (watch only" in stderr
    with pytest.raises(urllib.error.URLError):
        fetch(bench, "/")
    step = analyse(bench.folder()).steps.iloc[0]
    assert (first["users"], first["requests"], first["failed"]) == ("10", str(step["requests"]), "0%")
    assert float(first["p95"]) == pytest.approx(step["p95_ms"], rel=0.3)  # of about 60 requests
    (line,) = [line for line in stderr.splitlines() if line.startswith("  step 1/2    10 users") and "failed" in line]
    assert f"{first['rps']} requests/s     0% failed  p95 {first['p95']} ms  steady" in line


def test_stop_ends_the_run_early_and_says_who_did_it(bench: Bench) -> None:
    process = bench.start("wsgi", **WITH_UI)
    wait_for_requests(bench)
    with contextlib.suppress(http.client.RemoteDisconnected):  # it may be gone before it has answered
        fetch(bench, "/stop", {})
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 6
    assert "Somebody pressed stop in the web UI: run it again and only watch." in stderr
    run = bench.folder().read_run()
    assert run.outcome is Outcome.FAILED
    assert run.load is not None
    assert run.load.interference == ("the run was stopped in the web UI",)


def test_an_edit_of_the_users_ends_the_run_early(bench: Bench) -> None:
    process = bench.start("wsgi", **WITH_UI)
    wait_for_requests(bench)
    fetch(bench, "/swarm", {"user_count": "3", "spawn_rate": "10", "host": f"http://127.0.0.1:{bench.port}"})
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 6
    assert "Somebody changed the number of users in the web UI" in stderr


def test_a_reset_of_the_statistics_is_noted_and_spoils_nothing(bench: Bench) -> None:
    process = bench.start("wsgi", **WITH_UI)
    wait_for_requests(bench)
    fetch(bench, "/stats/reset", {})
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    run = bench.folder().read_run()
    assert run.load is not None
    assert run.load.interference == ("the statistics were reset in the web UI",)
    analysed = analyse(bench.folder())
    assert [reason for reason in analysed.steps["invalid_reason"].dropna() if "reset" in reason] == []
    assert analysed.counts.locust is None
    assert analysed.counts.agree
