"""Whether a step measured the server: every reason against it alone, and none when all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.auditing.validity import unchecked
from gatebench.records import Cause, LoadSummary, Mistake, Outcome, Request
from tests.analysis.conftest import Command
from tests.analysis.showing.test_report import section, table_in
from tests.analysis.synthetic import (
    ASGI,
    BEGAN,
    WORKLOAD,
    Recorded,
    machine_samples,
    progress,
    request,
    requests,
    role_samples,
    step,
)

Analysed = Callable[..., AnalysedRun]

ROUNDS = [request(10.0 + second, 500) for second in range(10) for _ in range(10)]
"""Twenty users who wait for half a second and think for one and a half."""

USED = {"app": 40, "nginx": 10, "postgres": 10, "generator": 20, "gatebench": 2}

WELL = Recorded(
    requests=ROUNDS,
    steps=[step(1, users=20)],
    resources=[sample for role, cpu_pct in USED.items() for sample in role_samples(role, cpu_pct)],
    machine=machine_samples(busy_pct=92, steal_pct=2, pressure_pct=30),
    progress=[progress(at / 2, [1.0] * 10, at / 100) for at in range(61)],
    config={"workload": WORKLOAD},
    run={"machine": {"cores": 2}},
)
"""A run in which nothing speaks against the step."""


def test_a_service_beside_the_app_is_no_stranger(analysed: Analysed) -> None:
    used = [sample for role, cpu_pct in {**USED, "service": 6}.items() for sample in role_samples(role, cpu_pct)]
    config = {"workload": {**WORKLOAD, "service": {"timeout_s": 1.0}}}
    with_service, without = replace(WELL, resources=used, config=config), replace(WELL, config=config)
    assert analysed(with_service).validity["others_cpu_pct"].tolist() == pytest.approx([4.0])
    assert analysed(without, "without").validity["others_cpu_pct"].isna().all()  # it was not seen: nobody knows


def verdict(run: AnalysedRun) -> list[str | None]:
    reasons = run.steps["invalid_reason"]
    assert run.steps["valid"].tolist() == reasons.isna().tolist()
    return [None if pd.isna(reason) else reason for reason in reasons]


def test_everything_that_is_judged_is_a_row_a_step(analysed: Analysed) -> None:
    run = analysed(WELL)
    expected = pd.DataFrame(
        {
            "step": [1],
            "users": [20],
            "users_running": [20],
            "steady": pd.array([True], "boolean"),
            "settled_s": [8.0],
            "unfinished": [0],
            "listen_overflows": [0],
            "retransmits": [10],
            "generator_cpu_pct": [20.0],
            "late_p95_ms": [1.0],
            "p95_ms": [500.0],
            "run_delay_pct": [2.0],
            "users_estimated": [20.0],
            "users_at_edges": [1.5],
            "thinking_share": [0.75],
            "rounds_per_s": [10.0],
            "offered_rounds_per_s": [10.0],
            "steal_pct": [1.0],
            "others_cpu_pct": [10.0],
            "runner_cpu_pct": [2.0],
            "pressure_pct": [30.0],
            "rps_drift_pct": [0.0],
            "p50_drift_pct": [0.0],
            "valid": [True],
            "invalid_reason": [None],
        }
    )
    found = run.validity.astype({name: "int64" for name in run.validity if run.validity[name].dtype == "Int64"})
    pd.testing.assert_frame_equal(found, expected.astype({"invalid_reason": "str"}), check_like=True)


def test_when_all_is_well_the_step_is_valid(analysed: Analysed) -> None:
    run = analysed(WELL)
    assert verdict(run) == [None]
    assert unchecked(run.validity) == []


def late(ms: float) -> dict[str, Any]:
    return {"progress": [progress(10 + at / 2, [ms] * 10) for at in range(21)]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"steps": [step(1, users=20, generator_cpu_pct=90.0)]}, None),
        (
            {"steps": [step(1, users=20, generator_cpu_pct=96.4)]},
            "the load generator used 96 % of its core: fewer users, or a faster machine for it",
        ),
        (
            {"steps": [step(1, users=20, users_running=19)]},
            "19 of 20 users were running: logs/load.log says what became of the others",
        ),
        (
            {"steps": [step(1, users=20, steady=False)]},
            "its throughput or response times still changed after 8 s of settling: "
            "give a longer SETTLE, or look for what changes them second by second",
        ),
        (late(25), None),  # 5 % of the step's p95 of 500 ms
        (
            late(26),
            "the load generator's clock ran 26 ms late (p95), and latencies with it: "
            "fewer users, or a core of its own for it",
        ),
        ({"machine": machine_samples(92, steal_pct=10)}, None),
        (
            {"machine": machine_samples(92, steal_pct=12)},
            "the hypervisor gave 6 % of the CPU time to others: "
            "measure when they are quiet, or on a machine of its own",
        ),
        ({"machine": machine_samples(107)}, None),
        (
            {"machine": machine_samples(113)},
            "the machine was busy with something else (31 % of a core): end what else runs there, then measure again",
        ),
        (
            {"run": {"load": LoadSummary(10, 0, 0, 1.0, ("the run was stopped in the web UI",))}},
            "the run was stopped in the web UI: run it again and only watch",
        ),
        ({"run": {"load": LoadSummary(10, 0, 0, 1.0, ("the statistics were reset in the web UI",))}}, None),
        (
            {"run": {"mistakes": (Mistake(1, "vote.py, line 3, raised KeyError"),)}},
            "vote.py, line 3, raised KeyError: mend the locustfile, then run it again",
        ),
        ({"run": {"mistakes": (Mistake(2, "vote.py, line 3, raised KeyError"),)}}, None),
        ({"requests": [*ROUNDS[:-1], replace(ROUNDS[-1], cause=Cause.UNFINISHED, status=None)]}, None),
        (
            {
                "requests": [*ROUNDS[:-1], replace(ROUNDS[-1], cause=Cause.UNFINISHED, status=None)],
                "run": {"outcome": Outcome.FAILED},
            },
            "1 requests were still waited for when the run ended early: run it again",
        ),
        (
            {"steps": [step(1, users=20, hold_ended=None)], "run": {"outcome": Outcome.INTERRUPTED}},
            "it was cut off when the run was interrupted: run it again",
        ),
    ],
)
def test_each_reason_alone(analysed: Analysed, changes: dict[str, Any], reason: str | None) -> None:
    changes["run"] = {"machine": {"cores": 2}, **changes.get("run", {})}
    assert verdict(analysed(replace(WELL, **changes))) == [reason]


def test_several_reasons_stand_side_by_side(analysed: Analysed) -> None:
    (reason,) = verdict(analysed(replace(WELL, steps=[step(1, users=20, users_running=19, generator_cpu_pct=99.0)])))
    assert reason == (
        "19 of 20 users were running: logs/load.log says what became of the others; "
        "the load generator used 99 % of its core: fewer users, or a faster machine for it"
    )


@pytest.mark.parametrize(
    ("rounds", "reason"),
    [
        (ROUNDS[:90], None),
        (
            ROUNDS[:85],
            "by Little's law 17 users were at work, not 20: some were lost or idle, look for errors in logs/load.log",
        ),
        (ROUNDS + ROUNDS[:10], None),
        (
            ROUNDS + ROUNDS[:15],
            "by Little's law 23 users were at work, not 20: "
            "does the locustfile's think time differ from what the run says?",
        ),
    ],
)
def test_users_that_do_not_add_up_make_a_step_invalid(
    analysed: Analysed, rounds: list[Request], reason: str | None
) -> None:
    assert verdict(analysed(replace(WELL, requests=rounds))) == [reason]


def test_a_short_hold_is_not_blamed_for_the_rounds_at_its_edges(analysed: Analysed) -> None:
    """Ten users in two seconds: half a think time each is more than a tenth of them."""
    steps = [step(1, users=10, hold_started=BEGAN + 10, hold_ended=BEGAN + 12)]
    row = analysed(replace(WELL, steps=steps, requests=[request(10.5, 500)] * 9)).validity.iloc[0]
    assert (row["users_estimated"], row["users_at_edges"]) == (9.0, 3.75)
    reasons = [
        verdict(analysed(replace(WELL, steps=steps, requests=[request(10.5, 500)] * n), str(n))) for n in (6, 7, 13)
    ]
    assert reasons[1:] == [[None], [None]]
    assert reasons[0] != [None]


def test_littles_law_counts_the_part_of_a_request_that_lies_in_the_hold(analysed: Analysed) -> None:
    """One began 4 s before it and ended 2 s in it, one spans it, one begins a second before its end."""
    rows = [request(6, 6000), request(9, 20_000), request(19, 9000), request(25, 9000)]
    row = analysed(replace(WELL, requests=rows)).validity.iloc[0]
    assert row["users_estimated"] == pytest.approx((2 + 10 + 1 + 1 * 1.5) / 10)
    assert row["rounds_per_s"] == 0.1
    assert row["offered_rounds_per_s"] == pytest.approx(20 / (1.5 + 13))


def test_only_the_request_that_begins_a_round_counts_as_one(analysed: Analysed) -> None:
    votes = [replace(row, name="vote") for row in ROUNDS]
    row = analysed(replace(WELL, requests=[*ROUNDS[:50], *votes[:30]])).validity.iloc[0]
    assert row["rounds_per_s"] == 5.0
    assert row["users_estimated"] == pytest.approx(80 * 0.5 / 10 + 50 * 1.5 / 10)


def test_a_loop_that_is_held_up_was_late_with_all_that_was_due_meanwhile(analysed: Analysed) -> None:
    """One sleep of 950 ms too much stands for twenty: 950, 900, … 0. A clock that is asked just then is late too."""
    held_up = [progress(12, [0.0] * 180), progress(13, [950.0])]
    row = analysed(replace(WELL, progress=held_up)).validity.iloc[0]
    assert row["late_p95_ms"] == pytest.approx(452.5)  # of 200, between the tenth and eleventh latest


def test_a_late_clock_is_held_against_the_step_s_own_latency(analysed: Analysed) -> None:
    slow = [replace(row, elapsed_ms=5000.0) for row in ROUNDS]
    assert analysed(replace(WELL, requests=slow, **late(249)), "a").validity["p95_ms"].tolist() == [5000]
    (reason,) = verdict(analysed(replace(WELL, requests=slow, config={}, **late(251)), "b"))
    assert reason is not None
    assert reason.startswith("the load generator's clock ran 251 ms late")
    assert verdict(analysed(replace(WELL, requests=slow, config={}, **late(249)), "c")) == [None]


def test_without_a_success_no_latency_hides_a_late_clock(analysed: Analysed) -> None:
    failed = [replace(row, cause=Cause.RESET, status=None) for row in ROUNDS]
    (reason,) = verdict(analysed(replace(WELL, requests=failed, **late(26))))
    assert reason is not None
    assert reason.startswith("the load generator's clock ran 26 ms late")


OLD = Recorded(requests(1, ok=1), [step(1, steady=None)])


def test_what_was_not_recorded_is_missing_and_said_once(analysed: Analysed) -> None:
    run = analysed(OLD)
    assert verdict(run) == [None]
    assert unchecked(run.validity) == [
        "Seconds settled",
        "Users by Little's law",
        "Rounds/s begun / offered",
        "Generator's clock late, p95 ms",
        "Generator waited for a core",
        "Steal, of all cores",
        "CPU of other programs, of a core",
        "CPU pressure",
        "Listen overflows",
        "TCP retransmits",
    ]


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({"config": {}}, ["Users by Little's law", "Rounds/s begun / offered"]),
        ({"progress": None}, ["Generator's clock late, p95 ms", "Generator waited for a core"]),
        ({"machine": machine_samples(92, steal_pct=None, pressure_pct=None)}, ["Steal, of all cores", "CPU pressure"]),
        ({"run": {}}, ["Steal, of all cores"]),  # of how many cores is not known
        ({"resources": role_samples("app", 40)}, ["CPU of other programs, of a core"]),  # nor what the others used
        ({"resources": None}, ["CPU of other programs, of a core"]),
    ],
)
def test_each_check_needs_its_own_record(analysed: Analysed, changes: dict[str, Any], lacking: list[str]) -> None:
    run = analysed(replace(WELL, **changes))
    assert unchecked(run.validity) == lacking
    assert verdict(run) == [None]


def test_samples_that_end_in_the_hold_tell_nothing_of_it(analysed: Analysed) -> None:
    until_15 = [sample for sample in machine_samples(300, steal_pct=100) if sample.time <= BEGAN + 15]
    row = analysed(replace(WELL, machine=until_15)).validity.iloc[0]
    assert row[["steal_pct", "others_cpu_pct", "pressure_pct", "listen_overflows"]].isna().all()
    assert row["valid"]


def drifting(first: int, second: int, second_ms: float = 500) -> Recorded:
    return replace(
        WELL,
        requests=[*(request(12, 500) for _ in range(first)), *(request(17, second_ms) for _ in range(second))],
        config={},
    )


@pytest.mark.parametrize(
    ("recorded", "drift", "remark"),
    [
        (drifting(300, 360), (20.0, 0.0), False),
        (drifting(300, 361), (100 * 61 / 300, 0.0), True),
        (drifting(300, 200), (-100 / 3, 0.0), True),
        (drifting(300, 300, 650), (0.0, 30.0), True),
        (drifting(200, 100), (-50.0, 0.0), False),  # too few to tell
    ],
)
def test_a_step_that_drifts_is_remarked_on_and_valid(
    results: Path, command: Command, analysed: Analysed, recorded: Recorded, drift: tuple[float, float], remark: bool
) -> None:
    run = analysed(recorded)
    row = run.validity.iloc[0]
    assert (row["rps_drift_pct"], row["p50_drift_pct"]) == pytest.approx(drift)
    assert run.steps["drift_pct"].tolist() == pytest.approx([drift[0]])
    assert verdict(run) == [None]
    command(results / "run")
    said = "- WSGI gunicorn: throughput or p50 changed by more than 20 % within the hold at 20 users"
    assert (said in command.report) is remark


def test_overflows_and_a_generator_that_waits_are_remarked_on(results: Path, command: Command) -> None:
    waiting = [progress(at / 2, [1.0] * 10, at / 10) for at in range(61)]
    recorded = replace(WELL, machine=machine_samples(92, overflows_a_s=2), progress=waiting)
    recorded.write(results / "a")
    command()
    text = section(command.report, "Was the server measured?")
    assert text.endswith(
        "- WSGI gunicorn: the load generator waited for a core for more than 10 % of the time at 20 users: "
        "fewer users, or more cores for it.\n"
        "- WSGI gunicorn: a full listen backlog turned connections away at 20 users, 20 times: "
        "their clients try again after 1, 3 and 7 s."
    )
    assert "| Valid | yes |" in text


def test_what_no_run_recorded_is_said_once(results: Path, command: Command) -> None:
    replace(WELL, steps=[step(1, users=20, steady=None)]).write(results / "a")
    replace(WELL, steps=[step(1, users=20, steady=None)], machine=None, config={**ASGI, "workload": WORKLOAD}).write(
        results / "b"
    )
    command()
    text = section(command.report, "Was the server measured?")
    assert "\n- No run recorded anything to check these by: Seconds settled.\n" in text
    assert "\n- ASGI uvicorn recorded nothing to check these by: Steal, of all cores, CPU of other" in text


def test_the_report_has_a_table_a_run_with_an_asterisk_at_what_failed(results: Path, command: Command) -> None:
    steps = [step(1, users=20, generator_cpu_pct=96.4), step(2, users=40, users_running=39)]
    replace(WELL, steps=steps).write(results / "a")
    replace(OLD, config=ASGI).write(results / "b")
    command()
    text = section(command.report, "Was the server measured?")
    assert table_in(text.split("### ASGI")[0]) == (
        "| Users | 20 | 40 |\n"
        "| --- | ---: | ---: |\n"
        "| Users running | 20 | 39\\* |\n"
        "| Seconds settled | 8.0 | 8.0 |\n"
        "| Users by Little's law | 20 | 0\\* |\n"
        "| Rounds/s begun / offered | 10 / 10 | – |\n"
        "| Generator's CPU, of its core | 96%\\* | 20% |\n"
        "| Generator's clock late, p95 ms | 1.0 | 1.0 |\n"
        "| Generator waited for a core | 2% | – |\n"
        "| Steal, of all cores | 1% | 1% |\n"
        "| CPU of other programs, of a core | 10% | 10% |\n"
        "| CPU of Gatebench's runner | 2% | 2% |\n"
        "| CPU pressure | 30% | 30% |\n"
        "| Throughput, first half to second | +0% | – |\n"
        "| p50, first half to second | +0% | – |\n"
        "| Listen overflows | 0 | 0 |\n"
        "| TCP retransmits | 10 | 10 |\n"
        "| Valid | no\\* | no\\* |"
    )
    assert (
        "\n- ASGI uvicorn recorded nothing to check these by: Seconds settled, Users by Little's law, Rounds/s begun"
        in text
    )
