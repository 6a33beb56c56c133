"""A locustfile with a mistake: one sentence that names file, line and exception; nothing goes on in silence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gatebench import ROOT
from gatebench.knobs import resolve
from gatebench.records import Cause, Run
from gatebench.run_folder import RunFolder
from gatebench.values.server import Interface

HEAD = """
from locust import constant, events, task, HttpUser
from gatebench.load.user import FastUser

class Voter(FastUser):
    wait_time = constant(0.05)
"""
GOOD = """
    @task
    def look(self):
        self.get("/", name="form", expect=lambda page: page.status == 200)
"""
LINES = len(HEAD.splitlines())


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass(frozen=True)
class Sent:
    """What a load generator left behind."""

    code: int
    log: str
    events: list[dict[str, Any]]
    folder: RunFolder

    def told(self, event: str, *fields: str) -> list[tuple[Any, ...]]:
        return [tuple(one[field] for field in fields) for one in self.events if one["event"] == event]

    def requests(self) -> list[dict[str, Any]]:
        with self.folder.requests.open("rb") as stream:
            return pa.ipc.open_stream(stream).read_all().to_pylist()

    def causes(self) -> Counter[str | None]:
        return Counter(row["cause"] for row in self.requests())


Send = Callable[..., Sent]


@pytest.fixture
def send(tmp_path: Path, url: str) -> Send:
    """Sends the load of a locustfile with this text, a step of 5 users and one of 10, to a page that says hello."""

    def sent(text: str, **knobs: str) -> Sent:
        path = tmp_path / "mine.py"
        path.write_text(text)
        folder = RunFolder.create(tmp_path, "load")
        given = {"STACK": "native", "USERS": "5,10", "SETTLE": "0", "HOLD": "1", "HEADLESS": "1", **knobs}
        config = resolve(Interface.WSGI, given, lambda: False)
        workload = replace(config.side.workload, locustfile=str(path))
        config = replace(config, side=replace(config.side, workload=workload))
        folder.write_run(Run(folder.path.name, config.to_json(), started=0.0))
        done = subprocess.run(
            [sys.executable, "-m", "gatebench.load", str(folder.path), "--host", url],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        lines = folder.load_events.read_text().splitlines() if folder.load_events.exists() else []
        return Sent(done.returncode, done.stderr, [json.loads(line) for line in lines], folder)

    return sent


def test_without_a_mistake_nothing_is_said(send: Send) -> None:
    sent = send(HEAD + GOOD)
    assert (sent.code, sent.told("mistake", "what"), sent.told("stopped", "reason")) == (0, [], [])
    assert set(sent.causes()) == {None}


def test_an_expectation_that_raises_is_a_failure_of_its_own_and_told_once_a_step(send: Send, tmp_path: Path) -> None:
    task = """
    @task
    def look(self):
        self.get("/", name="form", expect=lambda page: page.nothing)
"""
    sent = send(HEAD + task)
    what = f"{tmp_path}/mine.py, line {LINES + 4}, raised AttributeError: 'Page' object has no attribute 'nothing'"
    assert sent.told("mistake", "step", "what") == [(1, what), (2, what)]
    assert sent.code == 0
    assert set(sent.causes()) == {Cause.LOCUSTFILE}
    assert sent.told("summary", "unfinished") == [(0,)]


def test_a_task_that_raises_is_told_with_its_line(send: Send, tmp_path: Path) -> None:
    task = """
    @task
    def look(self):
        page = self.get("/", name="form", expect=lambda page: True)
        int(page.text)
"""
    (step, what), *_ = send(HEAD + task).told("mistake", "step", "what")
    assert step == 1
    assert what.startswith(f"{tmp_path}/mine.py, line {LINES + 5}, raised ValueError: invalid literal for int()")


@pytest.mark.parametrize("method", ["on_start(self)", "__init__(self, environment)"], ids=["on_start", "init"])
def test_users_that_cannot_start_end_the_load_with_the_reason(send: Send, tmp_path: Path, method: str) -> None:
    text = f"{HEAD}{GOOD}\n    def {method}:\n        {{}}['poll']\n"
    sent = send(text)
    ((reason,),) = sent.told("stopped", "reason")
    where = f"{tmp_path}/mine.py, line {len(text.splitlines())}"
    assert reason.startswith(f"No user is left ({where}, raised KeyError: 'poll')")
    assert reason.endswith("): mend the locustfile, then run again.")
    assert sent.code == 1


def test_users_of_whom_some_cannot_start_are_missed_and_the_load_goes_on(send: Send) -> None:
    start = """
    def on_start(self):
        Voter.started = getattr(Voter, "started", 0) + 1
        assert Voter.started != 5, "the fifth"
"""
    sent = send(HEAD + start + GOOD)
    assert sent.code == 0
    ((step, what),) = sent.told("mistake", "step", "what")
    assert step == 1
    assert what.endswith("raised AssertionError: the fifth")
    done = [event for event in sent.events if event["event"] == "step" and event["phase"] == "done"]
    assert done[0]["users_running"] == 4


def test_users_that_all_end_by_themselves_end_the_load(send: Send) -> None:
    leave = """
    @task
    def leave(self):
        from locust.exception import StopUser
        raise StopUser
"""
    sent = send(HEAD + leave)
    assert sent.code == 1
    assert sent.told("stopped", "reason") == [
        ("No user is left (each ended by itself): mend the locustfile, then run again.",)
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def vote(:", "The locustfile cannot be loaded: {path}, line 1, raised SyntaxError: invalid syntax"),
        ("\nimport no_such", "The locustfile cannot be loaded: {path}, line 2, raised ModuleNotFoundError: No module"),
        ("raise SystemExit(3)", "The locustfile cannot be loaded: {path}, line 1, raised SystemExit: 3."),
        ("users = 5", "{path} has no user: derive a class from Locust's FastHttpUser."),
        (
            "from locust import User, task\nclass Plain(User):\n    @task\n    def t(self): pass",
            "Requests of Plain in {path} would not be recorded: derive it from FastHttpUser",
        ),
    ],
    ids=["syntax", "import", "exit", "no user", "a user without a client"],
)
def test_a_locustfile_that_cannot_be_used_ends_the_load_at_once(
    send: Send, tmp_path: Path, text: str, reason: str
) -> None:
    sent = send(text)
    ((said,),) = sent.told("stopped", "reason")
    assert said.startswith(reason.format(path=tmp_path / "mine.py"))
    assert said.endswith(" Mend it, then run again.")
    assert (sent.code, "Traceback" in sent.log) == (1, False)


def test_a_request_of_locust_s_own_client_is_recorded_as_any_other(send: Send) -> None:
    sent = send(f"{HEAD}\n    @task\n    def look(self):\n        self.client.get('/past')\n")
    assert sent.told("mistake", "step", "what") == []
    assert {row["name"] for row in sent.requests()} == {"/past"}
    assert set(sent.causes()) == {None}


def test_a_listener_that_raises_is_told(send: Send) -> None:
    listener = """
@events.request.add_listener
def broken(**_):
    raise RuntimeError("in a listener")
"""
    sent = send(HEAD + GOOD + listener)
    ((_, what), *_) = sent.told("mistake", "step", "what")
    assert what == "something raised that is no user's: logs/load.log has the traceback"
    assert "in a listener" in sent.log


def test_a_thousand_request_names_are_recorded(send: Send) -> None:
    task = """
    number = 0
    wait_time = constant(0)

    @task
    def look(self):
        Voter.number += 1
        self.get("/", name=f"page {Voter.number % 1000}", expect=lambda page: page.status == 200)
"""
    sent = send(HEAD + task, HOLD="3")
    assert sent.code == 0
    assert len({row["name"] for row in sent.requests()}) > 500


def test_what_cannot_be_recorded_ends_the_load_and_is_said(send: Send) -> None:
    """Whatever the reason is: here a request with an id that is no number."""
    task = """
    @task
    def look(self):
        page = self.get("/", name="form", expect=lambda page: True)
        self.environment.events.request.fire(
            request_type="GET", name="form", response_time=1.0, response_length=0, exception=None, start_time=1.0,
            response=type("Response", (), {"status_code": 200}), context={"request_id": "seven"},
        )
"""
    sent = send(HEAD + task)
    ((reason,),) = sent.told("stopped", "reason")
    assert reason.startswith("The requests could not be recorded (Arrow")
    assert sent.code == 1
