"""What each role used, step by step: CPU over the hold and a request, and the hold's peaks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.records import RoleSample
from tests.analysis.conftest import Command
from tests.analysis.showing.test_report import section, table_in
from tests.analysis.synthetic import (
    ASGI,
    BEGAN,
    Recorded,
    database_samples,
    request,
    requests,
    role_samples,
    step,
)

Analysed = Callable[..., AnalysedRun]

ALL_ROLES = [
    *role_samples("app", 80),
    *role_samples("nginx", 10),
    *role_samples("postgres", 20),
    *role_samples("generator", 30),
]


def test_a_row_a_step_and_role(analysed: Analysed) -> None:
    busy = [replace(sample, rss_bytes=2**22, threads=9, sockets=None) if sample.time == BEGAN + 35 else sample
            for sample in role_samples("app", 80)]  # fmt: skip
    run = analysed(
        Recorded(
            [*requests(1, ok=100), *requests(2, ok=150, failed=50)],
            [step(1), step(2)],
            resources=[*busy, *role_samples("nginx", 10)],
        )
    )
    expected = pd.DataFrame(
        {
            "step": [1] * 5 + [2] * 5,
            "users": [100] * 5 + [200] * 5,
            "role": ["app", "nginx", "postgres", "generator", "gatebench"] * 2,
            "cpu_pct": [80.0, 10.0, None, None, None] * 2,
            "cpu_ms_per_request": [80.0, 10.0, None, None, None, 40.0, 5.0, None, None, None],
            "rss_bytes": pd.array([2**20, 2**20, *[None] * 3, 2**22, 2**20, *[None] * 3], "Int64"),
            "processes": pd.array([1, 1, None, None, None] * 2, "Int64"),
            "threads": pd.array([2, 2, *[None] * 3, 9, 2, *[None] * 3], "Int64"),
            "sockets": pd.array([3, 3, None, None, None] * 2, "Int64"),
        }
    )
    pd.testing.assert_frame_equal(run.resources, expected)
    assert run.steps["cpu_ms_per_request_app"].tolist() == [80.0, 40.0]


def test_a_request_counts_in_the_hold_in_which_it_ended(analysed: Analysed) -> None:
    """Its work was done there, whenever it started."""
    moments = [(9.0, 500.0), (9.5, 500.0), (19.0, 500.0), (19.5, 600.0)]  # before, at the start, in it, after it
    run = analysed(Recorded([request(at, ms) for at, ms in moments], [step(1)], resources=role_samples("app", 100)))
    assert run.resources["cpu_ms_per_request"].tolist()[0] == 10_000 / 2


def test_without_a_request_there_is_no_cpu_a_request(analysed: Analysed) -> None:
    run = analysed(Recorded([], [step(1)], resources=role_samples("app", 50)))
    app = run.resources.iloc[0]
    assert app["cpu_pct"] == 50
    assert pd.isna(app["cpu_ms_per_request"])


def test_an_older_run_has_no_row(analysed: Analysed) -> None:
    run = analysed(Recorded(requests(1, ok=1), [step(1)]))
    assert run.resources.empty
    assert run.steps["cpu_ms_per_request_app"].isna().all()


def test_a_step_without_a_hold_has_no_numbers(analysed: Analysed) -> None:
    cut = replace(step(2), hold_started=None, hold_ended=None)
    run = analysed(Recorded(requests(1, ok=1), [step(1), cut], resources=ALL_ROLES))
    second = run.resources[run.resources["step"] == 2]
    assert second.drop(columns=["step", "users", "role"]).isna().all(axis=None)


def test_connections_are_each_hold_s_peak_beside_the_limits(analysed: Analysed) -> None:
    settings = {"db_connections": 100, "db_pool_size": 8}
    samples = database_samples({5: 40, 11: 3, 15: 7, 19: None, 25: 30, 31: None})
    run = analysed(
        Recorded(requests(1, ok=1), [step(1), step(2), step(3)], database=samples, config={"settings": settings})
    )
    expected = pd.DataFrame(
        {
            "step": [1, 2, 3],
            "users": [100, 200, 300],
            "db_connections": pd.array([7, None, None], "Int64"),
            "db_waiting": pd.array([0, None, None], "Int64"),
            "db_opened_per_request": [math.nan] * 3,
            "db_limit": pd.array([100] * 3, "Int64"),
            "db_pool_limit": pd.array([16] * 3, "Int64"),
        }
    )
    pd.testing.assert_frame_equal(run.connections, expected)


def test_connections_opened_are_counted_per_request(analysed: Analysed) -> None:
    samples = [
        replace(sample, opened=100 + 5 * n)
        for n, sample in enumerate(database_samples(dict.fromkeys(range(10, 22), 3)))
    ]
    run = analysed(Recorded(requests(1, ok=50), [step(1)], database=samples))
    assert run.connections["db_opened_per_request"].tolist() == run.steps["db_opened_per_request"].tolist() == [1.0]


def test_without_a_pool_there_is_no_pool_s_limit(analysed: Analysed) -> None:
    settings = {"db_connections": 100, "db_pool_size": 8}
    config = {"settings": settings, "db": "per-request"}
    run = analysed(Recorded(requests(1, ok=1), [step(1)], database=database_samples({15: 9}), config=config))
    assert run.connections["db_limit"].tolist() == [100]
    assert run.connections["db_pool_limit"].isna().all()


def test_the_report_shows_all_runs_in_one_table(results: Path, command: Command) -> None:
    settings = {"settings": {"db_connections": 100, "db_pool_size": 8}}
    Recorded(
        [*requests(1, ok=100), *requests(2, ok=200)],
        [step(1), step(2, users_running=1)],
        resources=ALL_ROLES,
        database=database_samples({15: 7, 35: 16}),
        config=settings,
    ).write(results / "a")
    without_postgres = [sample for sample in ALL_ROLES if sample.role != "postgres"]
    Recorded(requests(1, ok=50), [step(1)], resources=without_postgres, config=ASGI).write(results / "b")
    command()
    text = section(command.report, "Resources")
    per_request, rest = text.split("### Peaks")
    peaks, connections = rest.split("### Database")
    assert table_in(per_request) == (
        "| Users | 100 | 200 |\n"
        "| --- | ---: | ---: |\n"
        "| WSGI gunicorn app | 80 | 40\\* |\n"
        "| WSGI gunicorn nginx | 10 | 5.0\\* |\n"
        "| WSGI gunicorn postgres | 20 | 10\\* |\n"
        "| WSGI gunicorn generator | 30 | 15\\* |\n"
        "| WSGI gunicorn in all | 140 | 70\\* |\n"
        "| ASGI uvicorn app | 160 | – |\n"
        "| ASGI uvicorn nginx | 20 | – |\n"
        "| ASGI uvicorn postgres | – | – |\n"
        "| ASGI uvicorn generator | 60 | – |\n"
        "| ASGI uvicorn in all | – | – |"
    )
    assert table_in(peaks).splitlines()[2:4] == [
        "| WSGI gunicorn | app | 1 MiB | 1 | 2 | 3 |",
        "| WSGI gunicorn | nginx | 1 MiB | 1 | 2 | 3 |",
    ]
    assert table_in(connections).splitlines()[2:] == ["| WSGI gunicorn | 7 | 16\\* | 16 | 100 |"]


def test_a_peak_is_marked_where_no_valid_step_reached_it(results: Path, command: Command) -> None:
    def sample(at: float, threads: int, sockets: int) -> RoleSample:
        return RoleSample(BEGAN + at, "app", at, 2**20, 1, threads, sockets, "")

    samples = [sample(0, 99, 99), sample(15, 20, 4), sample(35, 10, 5), sample(60, 99, 99)]
    steps = [step(1), step(2, users_running=1)]
    Recorded([*requests(1, ok=1), *requests(2, ok=1)], steps, resources=samples).write(results / "a")
    command()
    assert "| WSGI gunicorn | app | 1 MiB | 1 | 20 | 5\\* |" in section(command.report, "Resources")


def test_without_any_there_is_no_such_section(results: Path, command: Command) -> None:
    Recorded(requests(1, ok=1), [step(1)]).write(results / "a")
    command()
    assert "## Resources" not in command.report
