"""The fairness sheet is what the kernel says of the live processes, on the native stack."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from gatebench.machine import Cores, our_cores, share_out
from gatebench.run_folder import RunFolder
from gatebench.servers import SERVERS

TinyRun = Callable[..., RunFolder]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@pytest.mark.parametrize("server", SERVERS)
def test_every_server_is_given_the_same(tiny_run: TinyRun, server: str) -> None:
    sheet = tiny_run(server).read_run().sheet
    alike = ("app backlog", "app keep-alive", "app access log", "nginx backlog", "postgres max_connections")
    assert [sheet[fact] for fact in alike] == [2048, "on", "off", 4096, 100]
    assert server in sheet["app command"]
    assert sheet["app processes"] >= 2
    assert sheet["app threads"] >= sheet["app processes"]
    assert sheet["app open files"] == sheet["generator open files"] >= 1024
    assert sheet["nginx open files"] == min(16384, sheet["app open files"])


@pytest.mark.parametrize(
    ("server", "loop", "parser"),
    [
        ("gunicorn", None, None),
        ("uvicorn", "uvloop", "httptools"),
        ("daphne", None, None),
        ("hypercorn", "uvloop", None),
    ],
)
def test_loop_and_parser_are_those_in_memory(tiny_run: TinyRun, server: str, loop: str, parser: str) -> None:
    sheet = tiny_run(server).read_run().sheet
    assert (sheet.get("app loop"), sheet.get("app parser")) == (loop, parser)


def test_the_article_s_servers_have_other_settings(tiny_run: TinyRun) -> None:
    sheet = tiny_run("gunicorn", "article").read_run().sheet
    assert (sheet["app keep-alive"], sheet["nginx backlog"]) == ("off", 511)


@pytest.mark.skipif(len(our_cores()) < 2, reason="there is one core only")
def test_the_app_server_has_cores_of_its_own(tiny_run: TinyRun) -> None:
    sheet = tiny_run("uvicorn").read_run().sheet
    own = set(sheet["app cores"].split(", "))
    others = [set(sheet[f"{role} cores"].split(", ")) for role in ("nginx", "postgres", "generator")]
    assert own
    assert all(role == others[0] and not role & own for role in others)


def test_a_worker_has_a_core_as_long_as_half_of_them_are_left() -> None:
    assert share_out([0], 2) is None
    assert share_out([], 2) is None
    assert share_out([0, 1], 2) == Cores(app=(1,), others=(0,))
    assert share_out(range(8), 2) == Cores(app=(6, 7), others=(0, 1, 2, 3, 4, 5))
    assert share_out([2, 3, 5, 7], 8) == Cores(app=(5, 7), others=(2, 3))


def test_who_runs_where_is_said_in_a_sentence() -> None:
    assert str(Cores((2, 3), (0, 1))) == "the app server has cores 2, 3 of its own, everything else has cores 0, 1"
