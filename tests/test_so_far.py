"""What is shown of a run while it goes on, held against what the analysis finds in the same record afterwards."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from rich.console import Console

from gatebench import ROOT, so_far
from gatebench.analysis.auditing import validity
from gatebench.knobs import resolve
from gatebench.load.counting import counted
from gatebench.load.view import view
from gatebench.progress import Reporter
from gatebench.records import Cause, Run, Step, Trial
from gatebench.run_folder import RunFolder, contents
from gatebench.so_far import SoFar, expected_s
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface

RECORDED = ROOT / "results" / "recorded"
RUNS = ("campaigns/20261125-222825-wsgi-gunicorn", "article-trials/20261126-181431-asgi-uvicorn")
"""One that failed in no request, and one that failed in many."""


def replayed(folder: RunFolder) -> Iterator[dict[str, Any]]:
    """The events of a recorded run, with those that count its requests, a second each, as they are said today."""
    events = [json.loads(line) for line in contents(folder.load_events).splitlines()]
    run = folder.read_run()
    held_since = {step.number: step.hold_started for step in run.steps if step.hold_started}
    with pa.memory_map(str(folder.requests)) as file, pa.ipc.open_stream(file) as stream:
        requests = stream.read_all().combine_chunks().to_batches()[0]
    ends = pc.add(requests["started"], pc.divide(requests["elapsed_ms"].cast(pa.float64()), 1000))
    seconds = pc.floor(ends)
    for second in sorted(pc.unique(seconds).to_pylist()):
        while len(events) > 1 and events[0]["time"] < second + 1 and events[0]["event"] != "summary":
            yield events.pop(0)
        steps = list(counted(requests.filter(pc.equal(seconds, second)), held_since, late_ms=1000))
        newest = max(step.started for step in run.steps if step.started <= second + 1)
        under_way = pc.and_(pc.less(requests["started"], newest), pc.greater(ends, second + 1))
        yield {"event": "counted", "time": second + 1, "due": pc.sum(under_way).as_py() or 0, "steps": steps}
    yield from events


def test_what_its_client_paces_is_counted_and_neither_late_nor_timed() -> None:
    names = ["upload", "upload, slowly", "upload, slowly"]
    causes = pa.array([None, None, str(Cause.RESET)]).dictionary_encode()
    batch = pa.record_batch(
        {
            "started": [1.0, 1.0, 1.0],
            "elapsed_ms": [50.0, 4000.0, 2000.0],
            "name": pa.array(names).dictionary_encode(),
            "cause": causes,
            "step": [1, 1, 1],
        }
    )
    (paced,) = counted(batch, {1: 0.0}, 1000, ("upload, slowly",))
    assert (paced["requests"], paced["late"], paced["causes"]) == (3, 0, {str(Cause.RESET): 1})
    assert sum(paced["ms"].values()) == 1
    (every,) = counted(batch, {1: 0.0}, 1000)
    assert (every["late"], sum(every["ms"].values())) == (1, 2)


def config_of(folder: RunFolder) -> RunConfig:
    return RunConfig.from_json(folder.read_run().config)


@pytest.mark.parametrize("name", RUNS)
def test_its_rows_are_those_of_steps_csv(name: str) -> None:
    folder = RunFolder(RECORDED / name)
    watched = SoFar(config_of(folder))
    for event in replayed(folder):
        watched.add(event)
    steps = pd.read_csv(folder.steps_csv)
    assert [row.users for row in watched.rows] == list(steps["users"])
    for row, (_, step) in zip(watched.rows, steps.iterrows(), strict=True):
        assert row.requests == pytest.approx(step["requests"], abs=3)
        assert row.failures == pytest.approx(step["failures"], abs=3)
        assert row.late_or_failed_pct == pytest.approx(step["late_or_failed_pct"], abs=0.3)
        assert row.rps == pytest.approx(step["rps"], rel=0.01)
        assert row.p95_ms == pytest.approx(step["p95_ms"], rel=0.05)
        assert row.whole
    assert (sum(row.failures for row in watched.rows) > 300) == (name == RUNS[1])


def test_a_step_is_whole_once_its_last_request_has_ended() -> None:
    folder = RunFolder(RECORDED / RUNS[1])
    watched = SoFar(config_of(folder))
    whole: list[tuple[int, int]] = []
    for event in replayed(folder):
        watched.add(event)
        whole += [(row.number, row.requests) for row in watched.rows if row.whole and row.number > len(whole)]
    assert whole == [(row.number, row.requests) for row in watched.rows]


CONFIG = resolve(
    Interface.WSGI,
    {"STACK": "native", "USERS": "50,100", "SETTLE": "10", "HOLD": "20"},
    lambda: False,
)


def step_event(at: float, phase: str, number: int = 1, **known: Any) -> dict[str, Any]:
    return {"event": "step", "time": at, "phase": phase, **asdict(Step(number, CONFIG.users[number - 1], 0.0, **known))}


def progress(at: float, phase: str, requests: int = 0, failures: int = 0, **changes: Any) -> dict[str, Any]:
    event = {"event": "progress", "time": at, "step": 1, "users": 50, "phase": phase, "requests": requests}
    return {**event, "failures": failures, "late_ms": [1.0], "run_delay_s": 0.0, "cpu_s": 0.1 * at, **changes}


def counts(held: bool, requests: int, causes: dict[str, int], late: int = 0, due: int = 0) -> dict[str, Any]:
    ms = {"20": requests - sum(causes.values())}
    step = {"step": 1, "held": held, "requests": requests, "late": late, "causes": causes, "ms": ms}
    return {"event": "counted", "time": 0.0, "due": due, "steps": [step]}


def watched(*events: dict[str, Any]) -> SoFar:
    found = SoFar(CONFIG)
    for event in events:
        found.add(event)
    return found


def held(requests: int, causes: dict[str, int] | None = None, ms: float = 20) -> SoFar:
    """A step that is over, with answers of so many ms."""
    place = str(round(math.log(ms, so_far.BIN_GROWTH)))
    event = counts(True, requests, causes or {})
    event["steps"][0]["ms"] = {place: requests - sum((causes or {}).values())}
    hold, done = (step_event(at, phase, steady=True) for at, phase in ((11, "hold"), (31, "done")))
    return watched(step_event(0, "spawn"), hold, event, done)


@pytest.mark.parametrize(
    ("step", "overdue", "past"),
    [
        (held(1000), 0, False),
        (held(1000, {str(Cause.TIMEOUT): 9}), 0, False),
        (held(1000, {str(Cause.TIMEOUT): 10}), 0, True),
        (held(1000, ms=800), 0, False),
        (held(1000, ms=1300), 0, True),
        (held(1000), 50, False),
        (held(1000), 60, True),
        (held(0), 3, True),
        (held(0), 0, False),
    ],
)
def test_a_step_is_past_the_objective_by_failures_by_p95_or_by_a_site_that_hangs(
    step: SoFar, overdue: int, past: bool
) -> None:
    assert step.past_objective(overdue) is past


def test_a_step_whose_updates_come_late_is_past_the_objective() -> None:
    assert not held(1000).past_objective(0, late_updates=0.05)
    assert held(1000).past_objective(0, late_updates=0.06)


SETTLING = (
    step_event(0, "spawn"),
    progress(1, "settle", 10),
    counts(False, 10, {str(Cause.RESET): 10}),
    progress(10, "settle", 110, 10),
)
HOLDING = (
    *SETTLING,
    step_event(11, "hold", steady=True),
    counts(True, 100, {str(Cause.TIMEOUT): 20, str(Cause.RESET): 5}, late=10),
    progress(16, "hold", 310, 60),
)


def test_what_settles_is_left_out_of_the_hold() -> None:
    (row,) = watched(*SETTLING).rows
    assert (row.phase, row.requests, row.failures) == ("settle", 10, 10)
    (row,) = watched(*HOLDING).rows
    assert (row.phase, row.requests, row.failures, row.late) == ("hold", 100, 25, 10)
    assert row.failure_pct == 25
    assert row.late_or_failed_pct == 35
    assert row.rps == pytest.approx((250 - 100) / 6)  # from the last look before the hold
    assert row.causes == {"no answer in time": 20, "connection reset": 5}


@pytest.mark.parametrize(
    ("events", "left_s"),
    [
        ((), 2 + 60),
        (SETTLING[:1], 1 + 30 + 1 + 30),
        (SETTLING, 1 + 20 + 1 + 30),
        (HOLDING, 15 + 1 + 30),
        ((*HOLDING, step_event(31, "done", steady=True)), 1 + 30),
        ((*HOLDING, {"event": "drain", "time": 40.0}), 0),
    ],
)
def test_time_left_is_reckoned_from_where_the_run_is(events: tuple[dict[str, Any], ...], left_s: float) -> None:
    assert watched(*events).left_s() == pytest.approx(left_s)
    assert expected_s(CONFIG) == 62


def test_a_late_clock_and_a_busy_core_are_told_by_the_report_s_own_limits() -> None:
    assert (so_far.BUSY_PCT, so_far.CLOCK_LATE_MS, so_far.CLOCK_LATE_PCT) == (
        validity.BUSY_PCT,
        validity.CLOCK_LATE_MS,
        validity.CLOCK_LATE_PCT,
    )
    assert watched(*HOLDING).generator.trouble is None
    late = progress(17, "hold", late_ms=[30.0] * 99)
    assert watched(*HOLDING, late).generator.trouble == "generator late"
    busy = progress(17, "hold", cpu_s=20.0)
    assert watched(*HOLDING, busy).generator.trouble == "generator busy"


def test_a_step_s_own_trouble_is_of_its_hold_alone() -> None:
    late = progress(10.5, "settle", late_ms=[500.0] * 99)
    held = [progress(16 + n, "hold") for n in range(9)]
    (row,) = watched(*SETTLING, late, *HOLDING[len(SETTLING) :], *held, step_event(31, "done", steady=True)).rows
    assert row.ended == "steady"
    held = [progress(16 + n, "hold", late_ms=[30.0]) for n in range(9)]
    (row,) = watched(*HOLDING, *held, step_event(31, "done", steady=True)).rows
    assert row.ended == "steady, generator late"
    (row,) = watched(*HOLDING, step_event(31, "done", steady=False, generator_cpu_pct=95.0)).rows
    assert row.ended == "not steady, generator busy"


def test_what_is_older_than_ten_seconds_is_no_trouble_any_more() -> None:
    late = progress(1, "settle", late_ms=[500.0] * 99)
    assert watched(SETTLING[0], late, progress(10, "settle")).generator.trouble
    assert watched(SETTLING[0], late, progress(12, "settle")).generator.trouble is None


def batch(rows: list[tuple[float, float, str | None, int]]) -> pa.RecordBatch:
    started, elapsed_ms, cause, step = zip(*rows, strict=True)
    word = pa.dictionary(pa.int16(), pa.string())
    columns = {
        "started": pa.array(started, pa.float64()),
        "elapsed_ms": pa.array(elapsed_ms, pa.float32()),
        "cause": pa.array(cause, pa.string()).dictionary_encode().cast(word),
        "step": pa.array(step, pa.int16()),
    }
    return pa.record_batch(columns)


def test_a_batch_is_counted_by_step_and_hold() -> None:
    rows = [(1.0, 0.0, None, 1), (5.0, 1001.0, None, 1), (5.0, 3.0, "connection reset", 1), (9.0, 1000.0, None, 2)]
    assert list(counted(batch(rows), {1: 5.0}, late_ms=1000)) == [
        {"step": 1, "held": False, "requests": 1, "late": 0, "causes": {}, "ms": {0: 1}},
        {"step": 1, "held": True, "requests": 2, "late": 1, "causes": {"connection reset": 1}, "ms": {72: 1}},
        {"step": 2, "held": False, "requests": 1, "late": 0, "causes": {}, "ms": {72: 1}},
    ]
    assert 1.1**72 < 1000 < 1001 < 1.1**73


def test_a_batch_of_failures_alone_has_no_response_times() -> None:
    (found,) = counted(batch([(1.0, 5.0, "connection reset", 1)]), {}, late_ms=math.inf)
    assert found["ms"] == {}


RUN = Run("20261126-120000-wsgi-gunicorn", {}, 0.0, trial=Trial("c", 2, "A"))


def test_the_page_has_a_row_a_step_and_the_client_s_causes() -> None:
    shown = view(RUN, watched(*HOLDING))
    assert shown["stage"] == "Step 1 of 2, 50 users: measuring."
    assert shown["trial"] == "trial 2 of a campaign, side A"
    assert shown["steps"] == [
        {
            "users": "50",
            "requests": "100",
            "failed": "25%",
            "failed_heat": 3,
            "late": "35%",
            "late_heat": 4,
            "p95": "7.4",
            "rps": "25",
            "state": "measuring",
            "counts": True,
        }
    ]
    assert shown["coming"] == ["100"]
    assert shown["causes"] == [
        {"cause": "no answer in time", "total": "20", "where": "20 at 50 users"},
        {"cause": "connection reset", "total": "5", "where": "5 at 50 users"},
    ]
    assert shown["generator"]["sentence"] == "It keeps up."
    json.dumps(shown)


def test_the_page_before_the_first_event_and_after_the_last() -> None:
    before = view(RUN, watched())
    assert (before["stage"], before["steps"], before["left_s"]) == ("The load begins.", [], 62)
    mistake = {"event": "mistake", "time": 20.0, "step": 1, "what": "vote.py, line 3, raised KeyError"}
    stopped = {"event": "stopped", "time": 21.0, "reason": "Somebody pressed stop."}
    after = view(RUN, watched(*HOLDING, mistake, stopped, {"event": "drain", "time": 21.0}, {"event": "summary"}))
    assert (after["stage"], after["over"], after["steps"][0]["state"]) == ("The load has ended.", True, "cut off")
    assert after["mistakes"] == ["Step 1 is not valid: vote.py, line 3, raised KeyError.", "Somebody pressed stop."]


def terminal(*events: dict[str, Any], config: RunConfig = CONFIG) -> list[str]:
    with Path("/dev/null").open("w") as nowhere:
        console = Console(file=nowhere, record=True, width=120)
        with Reporter(config, console) as display:
            for event in events:
                display.load(event)
        return [line.rstrip() for line in console.export_text().splitlines()]


def test_the_terminal_has_a_line_a_step_once_it_is_whole() -> None:
    done = step_event(31, "done", steady=True)
    following = step_event(31.1, "spawn", number=2)
    assert not any("failed" in line for line in terminal(*HOLDING, done, following, counts(True, 1, {}, due=3)))
    last = terminal(*HOLDING, done, following, counts(True, 100, {str(Cause.TIMEOUT): 1}))[-1]
    assert last == "  step 1/2    50 users      25 requests/s    13% failed (no answer in time)  p95 7.4 ms  steady"


def test_the_terminal_says_what_was_cut_off_and_what_was_not_steady() -> None:
    assert terminal(*HOLDING, {"event": "summary", "time": 22.0})[-1].endswith("p95 7.4 ms  cut off")
    done = step_event(31, "done", steady=False)
    assert terminal(*HOLDING, done, {"event": "summary", "time": 32.0})[-1].endswith("p95 7.4 ms  not steady")
    hung = terminal(step_event(0, "spawn"), progress(1, "settle"), {"event": "summary", "time": 32.0})
    assert hung[-1] == "  step 1/2    50 users       – requests/s      – failed  no p95  cut off"


def test_the_terminal_follows_a_recorded_run_to_its_end() -> None:
    folder = RunFolder(RECORDED / RUNS[0])
    lines = terminal(*replayed(folder), config=config_of(folder))
    assert [line[:26] for line in lines if "failed" in line] == [
        "  step 1/3   100 users    ",
        "  step 2/3   300 users    ",
        "  step 3/3   700 users    ",
    ]
    assert lines[-1].startswith("  step 3/3")
