"""Each workload end to end on the native stack, under a WSGI server or an ASGI one: tiny runs, each answer checked."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest

from gatebench import ROOT
from gatebench.analysis.analysed_run import analyse
from gatebench.knobs import SPEAK_WEBSOCKETS, WORKLOADS, resolve
from gatebench.records import Outcome
from gatebench.run_folder import RunFolder
from gatebench.values.server import Interface
from tests.conftest import Bench


def ran(bench: Bench, interface: str, **knobs: str) -> RunFolder:
    """The folder of a tiny run in which nothing failed and every kind of request was sent."""
    done = bench.run(interface, **{"USERS": "5", **knobs})
    assert done.returncode == 0, done.stderr + done.stdout
    folder = bench.folder()
    run = folder.read_run()
    assert run.outcome is Outcome.COMPLETE
    assert run.mistakes == run.troubles == ()
    assert run.app["interface"] == interface
    assert [row for row in requests(folder) if row["cause"]] == []
    names = {row["name"] for row in requests(folder)}
    assert names == set(run.config["workload"]["request_names"])
    return folder


def requests(folder: RunFolder) -> list[dict[str, Any]]:
    with folder.requests.open("rb") as stream:
        return list(pa.ipc.open_stream(stream).read_all().to_pylist())


def proxied(folder: RunFolder) -> list[dict[str, Any]]:
    """Nginx's log, without what the runner's own checks sent."""
    return [line for text in folder.proxy_log.read_text().splitlines() if (line := json.loads(text))["id"] != "-"]


def named(folder: RunFolder) -> list[dict[str, Any]]:
    """Nginx's lines, each with the name that the client gave its request."""
    names = {f"{row['request_id']:016x}": row["name"] for row in requests(folder)}
    return [{**line, "name": names[line["id"]]} for line in proxied(folder) if line["id"] in names]


def test_hello(bench: Bench) -> None:
    folder = ran(bench, "asgi", WORKLOAD="hello", VIEWS="async")
    assert {line["uri"].split("/")[2] for line in proxied(folder)} == {"async"}
    assert not folder.votes_json.exists()
    assert analyse(folder).label.endswith("(fair, hello, async)")


def test_bare(bench: Bench) -> None:
    folder = ran(bench, "wsgi", WORKLOAD="bare")
    run = folder.read_run()
    assert "django" not in run.versions
    assert all(line["worker"].isdecimal() for line in proxied(folder))  # it is wrapped as every other app is
    assert run.environments["app"].keys().isdisjoint({"DJANGO_SETTINGS_MODULE"})


def test_cpu(bench: Bench) -> None:
    folder = ran(bench, "wsgi", WORKLOAD="cpu")
    assert {line["uri"] for line in proxied(folder)} == {"/picture/sync/"}


def test_home(bench: Bench) -> None:
    """Half of the rounds log in and stays are short, so that whole ones are seen in a few seconds."""
    knobs = {"VIEWS": "async", "SET": "log_in_pct=50 stay_rounds=1", "USERS": "8", "HOLD": "3"}
    folder = ran(bench, "asgi", WORKLOAD="home", **knobs)
    assert {(row["name"], row["uri"]) for row in named(folder)} == {
        ("front page", "/home/async/"),
        ("login form", "/home/login/"),
        ("login", "/home/login/"),
        ("own page", "/home/async/"),
        ("log out", "/home/logout/"),
    }


def test_signup(bench: Bench) -> None:
    """Its ledger is a file that the app writes; tests/compose has the same in a container, under ASGI."""
    assert_signed_up(ran(bench, "wsgi", WORKLOAD="signup"))


def assert_signed_up(folder: RunFolder) -> None:
    signed_up = sum(row["name"] == "sign-up" for row in requests(folder))
    assert signed_up > 3
    assert {reading.name for reading in folder.read_votes()} == {"sign-up"}
    assert folder.read_votes()[-1].votes_stored == signed_up
    assert analyse(folder).alarms == ()


SLOW = {"USERS": "8", "HOLD": "4", "SETTLE": "0"}
SLOW_CLIENTS = "slow_clients_pct=50 slow_client_s=1.5"


def test_certificate(bench: Bench) -> None:
    folder = ran(bench, "asgi", WORKLOAD="certificate", SET=SLOW_CLIENTS, **SLOW)
    assert {line["uri"] for line in proxied(folder)} == {"/certificate/aiofiles/"}
    assert all(row["bytes"] > 256 * 1024 for row in requests(folder))
    slow = [row["elapsed_ms"] for row in requests(folder) if row["name"] == "certificate, slowly"]
    assert min(slow) > 1300
    assert_paced_are_not_timed(folder)
    assert max(in_app_s(folder, "certificate, slowly")) < 1  # Nginx has the answer, and sends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx's buffering, so that the app server has a slow upload for as long as it takes."""
    folder = ran(bench, "wsgi", WORKLOAD="upload", SET=f"{SLOW_CLIENTS} nginx_buffering=off", **SLOW)
    sent = sum(row["name"].startswith("upload") for row in requests(folder))
    assert folder.read_votes()[-1].votes_stored == sent > 3
    assert min(in_app_s(folder, "upload, slowly")) > 1.3
    assert analyse(folder).alarms == ()
    assert_paced_are_not_timed(folder)


def assert_paced_are_not_timed(folder: RunFolder) -> None:
    """A slow client's own pace is not judged: the longest that is told is that of the others."""
    timed = [row["elapsed_ms"] for row in requests(folder) if not row["name"].endswith(", slowly")]
    assert analyse(folder).steps["max_ms"].max() in timed


def in_app_s(folder: RunFolder, name: str) -> list[float]:
    """How long the app server had each request of that name."""
    return [float(line["upstream_response_time"]) for line in named(folder) if line["name"] == name]


def test_fanout(bench: Bench) -> None:
    """By a client that is not the usual one. Each page asked both services at once, and both are known by its id."""
    folder = ran(bench, "asgi", WORKLOAD="fanout", SET="client=aiohttp")
    assert folder.read_run().environments["app"]["SHOP_CLIENT"] == "aiohttp"
    took_ms = [row["elapsed_ms"] for row in requests(folder)]
    assert 100 < min(took_ms) < 200
    asked = [json.loads(line) for line in folder.log("service").read_text().splitlines() if '"path"' in line]
    by_id = Counter(line["id"] for line in asked if line["id"] != "-")
    assert {by_id[f"{row['request_id']:016x}"] for row in requests(folder)} == {2}
    assert "service" in set(analyse(folder).resources["role"])


LIVE = {"USERS": "20", "HOLD": "4", "SET": "polls=3 watchers_pct=30 stay_s=2 heartbeat_s=0.5"}


def test_live(bench: Bench) -> None:
    """Watchers come and go; each vote reaches those who watch its poll, in whichever process."""
    assert_streamed(ran(bench, "asgi", WORKLOAD="live", **LIVE), "async")


def test_live_holds_a_thread_for_each_watcher_under_wsgi(bench: Bench) -> None:
    """Six watchers leave threads of each process to those who vote, whichever of the two they meet."""
    assert_streamed(ran(bench, "wsgi", WORKLOAD="live", **LIVE), "sync")


def assert_streamed(folder: RunFolder, view: str) -> None:
    of = {name: [row for row in requests(folder) if row["name"] == name] for name in ("open", "watch", "update")}
    ids = {name: {row["request_id"] for row in rows} for name, rows in of.items()}
    assert ids["open"] == ids["watch"] >= ids["update"]
    assert len(ids["open"]) > 6
    assert {line["uri"].split("/")[2] for line in proxied(folder) if line["uri"].startswith("/live")} == {view}
    analysed = analyse(folder)
    (step,) = analysed.steps.to_dict("records")
    assert step["updates"] > 3
    assert analysed.counts.agree
    assert analysed.alarms == ()
    assert analysed.validity["users_estimated"].iloc[0] == pytest.approx(20, abs=2)
    timed = [row["elapsed_ms"] for row in requests(folder) if row["name"] not in ("watch", "update")]
    assert step["max_ms"] in timed  # who stays is not


@pytest.mark.parametrize("server", SPEAK_WEBSOCKETS)
def test_sockets(bench: Bench, server: str) -> None:
    assert_streamed(ran(bench, "asgi", WORKLOAD="socket", SERVER=server, **LIVE), "socket")


def test_bare_answers_what_the_hello_page_does() -> None:
    template = (ROOT / "polls_site" / "hello" / "templates" / "hello" / "page.html").read_text()
    bare = (ROOT / "small_sites" / "bare.py").read_text()
    assert template.replace("{{ visitor }}", "{visitor}") in bare


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=lambda workload: workload.name)
def test_a_workload_is_whole(workload: Any) -> None:
    """Its file opens with the question that it answers, and docs/workloads.md has a section on it."""
    assert (ROOT / workload.locustfile).exists()
    assert workload.round_name in (None, *workload.request_names)
    assert set(workload.usual_views) == (set(Interface) if workload.views else set())
    assert set(workload.usual_views.values()) <= set(workload.views)
    opening = (ROOT / "gatebench" / "workloads" / f"{workload.name}.py").read_text().splitlines()[0]
    assert opening.startswith('"""')
    assert opening.endswith("?")
    assert f"\n## {workload.name}\n" in (ROOT / "docs" / "workloads.md").read_text()


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("interface", Interface)
def test_the_views_that_are_measured_stand_in_the_label(workload: str, interface: Interface) -> None:
    if WORKLOADS[workload].websockets and interface is Interface.WSGI:
        pytest.skip("WSGI speaks no WebSockets")
    side = resolve(interface, {"WORKLOAD": workload}, lambda: False).side
    assert side.views == side.workload.usual_views.get(interface, "")
    for views in side.workload.views:
        label = resolve(interface, {"WORKLOAD": workload, "VIEWS": views}, lambda: False).side.label
        of_usual = workload == "vote" and views == side.views
        assert of_usual or re.search(rf"\b{views}\b", label)


def test_a_setting_that_two_workloads_share_is_one_and_the_same() -> None:
    settings = [(name, str(s.bounds), str(s.allowed)) for w in WORKLOADS.values() for name, s in w.settings.items()]
    assert max(Counter(name for name, *_ in set(settings)).values(), default=1) == 1
