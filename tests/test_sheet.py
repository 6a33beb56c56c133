"""The fairness sheet is what the kernel says of the live processes, on the native stack."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import pytest

from gatebench.machine import our_cores, share_out, siblings
from gatebench.run_folder import RunFolder
from gatebench.servers import SERVERS

TinyRun = Callable[..., RunFolder]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@pytest.mark.parametrize("server", SERVERS)
def test_every_server_is_given_the_same(tiny_run: TinyRun, server: str) -> None:
    sheet = tiny_run(server).read_run().sheet
    alike = ("app backlog", "app keep-alive", "app access log", "nginx backlog", "postgres max_connections")
    keep_alive = "off" if server == "gunicorn-sync" else "on"  # it has none
    assert [sheet[fact] for fact in alike] == [2048, keep_alive, "off", 4096, 100]
    assert server.partition("-")[0] in sheet["app command"]
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
        ("granian-asgi", "uvloop", None),
        ("gunicorn-asgi", "uvloop", None),
        ("gunicorn-uvicorn", "uvloop", "httptools"),
    ],
)
def test_loop_and_parser_are_those_in_memory(tiny_run: TinyRun, server: str, loop: str, parser: str) -> None:
    sheet = tiny_run(server).read_run().sheet
    assert (sheet.get("app loop"), sheet.get("app parser")) == (loop, parser)


def test_the_article_s_servers_have_other_settings(tiny_run: TinyRun) -> None:
    sheet = tiny_run("gunicorn", "article").read_run().sheet
    assert (sheet["app keep-alive"], sheet["nginx backlog"]) == ("off", 511)


def test_a_server_is_as_its_documentation_starts_it(tiny_run: TinyRun) -> None:
    run = tiny_run("gunicorn-asgi", "defaults").read_run()
    assert (run.sheet["app backlog"], run.sheet["nginx backlog"], run.config["workers"]) == (100, 511, 1)
    assert run.app["db"] == "per-request"


@pytest.mark.skipif(not share_out(our_cores(), 2, siblings()).app, reason="there is one physical core only")
def test_the_app_server_has_cores_of_its_own(tiny_run: TinyRun) -> None:
    sheet = tiny_run("uvicorn").read_run().sheet
    own = set(sheet["app cores"].split(", "))
    others = [set(sheet[f"{role} cores"].split(", ")) for role in ("nginx", "postgres", "generator")]
    assert own
    assert all(role == others[0] and not role & own for role in others)


def hyper_threads(*cores: str) -> dict[int, frozenset[int]]:
    """Siblings of a machine whose physical cores have these CPUs, as in "0 4"."""
    groups = [frozenset(map(int, core.split())) for core in cores]
    return {cpu: group for group in groups for cpu in group}


def single(*cpus: int) -> dict[int, frozenset[int]]:
    return {cpu: frozenset({cpu}) for cpu in cpus}


@pytest.mark.parametrize(
    ("available", "workers", "siblings", "app", "others"),
    [
        ([0, 1], 2, single(0, 1), (1,), (0,)),
        (range(8), 2, single(*range(8)), (6, 7), (0, 1, 2, 3, 4, 5)),
        ([2, 3, 5, 7], 8, single(*range(8)), (5, 7), (2, 3)),
        (range(4), 2, hyper_threads("0 2", "1 3"), (1, 3), (0, 2)),  # as Intel numbers them
        (range(4), 2, hyper_threads("0 1", "2 3"), (2, 3), (0, 1)),  # as AMD does
        (range(8), 2, hyper_threads("0 4", "1 5", "2 6", "3 7"), (2, 3, 6, 7), (0, 1, 4, 5)),
        (range(6), 1, hyper_threads("0 1", "2 3", "4", "5"), (5,), (0, 1, 2, 3, 4)),  # large and small cores
        ([0, 2], 2, hyper_threads("0 1", "2 3"), (2,), (0,)),  # of each core we may use one CPU
        ([0, 1], 2, {}, (1,), (0,)),  # the system does not tell
    ],
)
def test_a_worker_has_a_physical_core_as_long_as_half_of_them_are_left(
    available: Sequence[int],
    workers: int,
    siblings: dict[int, frozenset[int]],
    app: tuple[int, ...],
    others: tuple[int, ...],
) -> None:
    cores = share_out(available, workers, siblings)
    assert (cores.app, cores.others) == (app, others)
    assert not any(siblings.get(cpu, frozenset({cpu})) & set(others) for cpu in app)


@pytest.mark.parametrize(
    ("available", "siblings", "sentence", "fact"),
    [
        ([0, 1], hyper_threads("0 1"), "everything shares all of them (CPUs 0, 1 are one physical core)", "shared"),
        ([3], single(3), "everything shares all of them (there is one)", "shared"),
        ([], {}, "everything shares all of them (this system keeps no program to a core)", "shared"),
        (
            [0, 1, 2],
            single(0, 1, 2),
            "the app server has core 2 of its own, everything else has cores 0, 1",
            "1 of its own",
        ),
        (
            range(8),
            hyper_threads("0 4", "1 5", "2 6", "3 7"),
            "the app server has 2 physical cores of its own (CPUs 2, 3, 6, 7), everything else has 2 (CPUs 0, 1, 4, 5)",
            "2 of its own",
        ),
        (
            [0, 1],
            {},
            "the app server has CPU 1 of its own, everything else has CPU 0; "
            "whether a CPU of each is one physical core is not known",
            "not known",
        ),
    ],
)
def test_who_runs_where_is_said_and_nothing_that_is_not_so(
    available: Sequence[int], siblings: dict[int, frozenset[int]], sentence: str, fact: str
) -> None:
    cores = share_out(available, 2, siblings)
    assert str(cores) == sentence
    assert cores.fact.startswith(fact)


def test_the_kernel_tells_the_siblings_of_every_cpu_that_we_have() -> None:
    found = siblings()
    assert set(our_cores()) <= set(found)
    assert all(cpu in group for cpu, group in found.items())


def test_the_sheet_and_the_terminal_say_who_runs_where(tiny_run: TinyRun) -> None:
    assert tiny_run("uvicorn").read_run().sheet["app physical cores"] == share_out(our_cores(), 2, siblings()).fact
