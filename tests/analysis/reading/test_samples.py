"""What was sampled while the load ran: read as it was written, and missing where it was not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatebench.analysis.analysed_run import analyse
from gatebench.analysis.reading.samples import growth, rate, read_samples
from gatebench.run_folder import RunFolder
from tests.analysis.synthetic import (
    BEGAN,
    Recorded,
    database_samples,
    machine_samples,
    process_samples,
    progress,
    requests,
    role_samples,
    session,
    step,
)


def written(path: Path, **samples: object) -> RunFolder:
    return Recorded(requests(1, ok=1), [step(1)], **samples).write(path / "run")  # type: ignore[arg-type]


def test_every_column_is_read_with_what_is_missing_missing(results: Path) -> None:
    late = role_samples("app", 50, sockets=None, ended="17 18")[1]
    early = role_samples("nginx", 10)[0]
    folder = written(
        results,
        resources=[late, early],
        machine=machine_samples(100, steal_pct=None)[:1],
        database=database_samples({1: None}),
        processes=process_samples("app", 117, ["stopped"]),
        sessions=[session(1, 2.5, "Lock relation", lock_s=2.0, blocker=9, blocker_query='LOCK TABLE, "x"')],
        progress=[{"event": "summary"}, progress(1, [2.5, 40.0], 0.25), progress(1.5, [])],
    )
    samples = read_samples(folder)
    found = (
        samples.resources,
        samples.machine,
        samples.database,
        samples.processes,
        samples.sessions,
        samples.clock,
        samples.generator,
    )
    expected = (
        {
            "time": [BEGAN, BEGAN + 1],
            "role": ["nginx", "app"],
            "cpu_s": [0.0, 0.5],
            "rss_bytes": [2.0**20] * 2,
            "processes": [1.0] * 2,
            "threads": [2.0] * 2,
            "sockets": [3.0, None],
            "ended": ["", "17 18"],
        },
        {
            "time": [BEGAN],
            "busy_s": [5000.0],
            "steal_s": [np.nan],
            "pressure_s": [60.0],
            "listen_overflows": [3.0],
            "retransmits": [40.0],
        },
        {"time": [BEGAN + 1], **{name: [np.nan] for name in ("answer_ms", "connections", "waiting", "idle", "opened")}},
        {
            "time": [BEGAN],
            "role": ["app"],
            "pid": [117.0],
            "own_pid": [17.0],
            "parent": [1.0],
            "state": ["stopped"],
            "cpu_s": [0.0],
            "threads": [3.0],
        },
        {
            "time": [BEGAN + 1],
            "pid": [41.0],
            "application": [""],
            "query": ["UPDATE polls_choice"],
            "query_s": [2.5],
            "wait_type": ["Lock"],
            "wait_event": ["relation"],
            "lock_s": [2.0],
            "blocker": [9.0],
            "blocker_application": [""],
            "blocker_state": [""],
            "blocker_query": ['LOCK TABLE, "x"'],
        },
        {"time": [BEGAN + 1] * 2, "late_ms": [2.5, 40.0]},
        {"time": [BEGAN + 1, BEGAN + 1.5], "run_delay_s": [0.25, np.nan]},
    )
    for frame, columns in zip(found, expected, strict=True):
        pd.testing.assert_frame_equal(frame, pd.DataFrame(columns))
    assert samples.damage is None


def test_an_older_run_has_none(results: Path) -> None:
    old = {"event": "progress", "time": BEGAN, "step": 1, "phase": "hold", "users": 1, "requests": 1, "failures": 0}
    samples = read_samples(written(results, progress=[old]))
    assert (samples.resources, samples.machine, samples.database, samples.clock, samples.generator) == (None,) * 5
    assert (samples.processes, samples.sessions) == (None, None)
    assert samples.damage is None


@pytest.mark.parametrize("cut", [1, 10, 25])
def test_half_a_line_at_the_end_is_dropped(results: Path, cut: int) -> None:
    folder = written(results, machine=machine_samples(100)[:3], progress=[progress(1, [1.0]), progress(2, [9.0])])
    for path in (folder.machine_csv, folder.load_events):
        path.write_bytes(path.read_bytes()[:-cut])
    samples = read_samples(folder)
    assert samples.machine is not None
    assert samples.clock is not None
    assert samples.machine["time"].tolist() == [BEGAN, BEGAN + 1]
    assert samples.clock["late_ms"].tolist() == [1.0]
    assert samples.damage is None


@pytest.mark.parametrize("content", ["time,busy_s\n1,2\n", "time\nx\n", "\x00\n", '"\n', "a,b\n1\n1,2,3\n"])
def test_a_damaged_file_is_left_out_with_a_sentence(results: Path, content: str) -> None:
    folder = written(results, machine=machine_samples(100), resources=role_samples("app", 10))
    folder.machine_csv.write_text(content)
    samples = read_samples(folder)
    assert samples.machine is None
    assert samples.resources is not None
    assert analyse(folder).notes[0] == samples.damage == "machine.csv is damaged: what it would tell is missing."


def test_damage_is_said_once_a_run(results: Path) -> None:
    folder = written(results)
    folder.resources_csv.write_text("nothing\n")
    folder.load_events.write_text("{]\n")
    assert read_samples(folder).damage == ("resources.csv and load.jsonl are damaged: what they would tell is missing.")


def test_an_empty_file_is_as_good_as_none(results: Path) -> None:
    folder = written(results)
    folder.machine_csv.write_text("")
    samples = read_samples(folder)
    assert (samples.machine, samples.damage) == (None, None)


COUNTER = pd.DataFrame({"time": [0.0, 4.0, 6.0, 10.0], "n": [0.0, 8.0, np.nan, 20.0]})


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((0.0, 10.0), (20.0, 10.0)),
        ((2.0, 4.0), (4.0, 2.0)),
        ((2.0, 7.0), (10.0, 5.0)),  # in between it rises evenly
        ((1.0, 11.0), (18.0, 9.0)),  # of ten seconds, nine are told of
        ((5.0, 12.0), (np.nan, np.nan)),  # too few are
        ((10.0, 12.0), (np.nan, np.nan)),
        (None, (np.nan, np.nan)),
    ],
)
def test_a_counter_is_read_at_the_edges_of_a_hold(
    bounds: tuple[float, float] | None, expected: tuple[float, float]
) -> None:
    assert growth(COUNTER, "n", bounds) == pytest.approx(expected, nan_ok=True)


def test_a_rate_is_of_the_seconds_that_are_told_of() -> None:
    assert rate(COUNTER, "n", (1.0, 11.0)) == 2.0
    assert np.isnan(rate(None, "n", (0.0, 1.0)))
    assert np.isnan(rate(COUNTER.assign(n=np.nan), "n", (0.0, 1.0)))


def test_a_column_that_an_older_run_has_not_is_missing_and_one_that_every_run_has_is_damage(results: Path) -> None:
    folder = written(results, database=database_samples({1: 7}))
    folder.database_csv.write_text(f"time,answer_ms,connections,waiting\n{BEGAN},1.5,7,0\n")
    samples = read_samples(folder)
    assert samples.database is not None
    assert samples.database["connections"].tolist() == [7]
    assert samples.database[["idle", "opened"]].isna().all(axis=None)
    folder.database_csv.write_text(f"time,answer_ms,waiting\n{BEGAN},1.5,0\n")
    samples = read_samples(folder)
    assert (samples.database, samples.damage) == (None, "database.csv is damaged: what it would tell is missing.")
