"""The ladder: what each change adds, of trials whose figures are known."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from gatebench.analysis.comparing.ladder import (
    counts_table,
    ladder_of,
    ladder_runs,
    ladder_steps,
    ladder_table,
    on_the_way,
    remedies_table,
    rungs_of,
)
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.ladder import doubt, headline, load_tables, rungs_table
from gatebench.records import Run, Trial

RUNGS = {
    "A": {"name": "WSGI", "change": "gunicorn", "before": "", "remedies": None},
    "B": {"name": "both", "change": "reused", "before": "WSGI", "remedies": ["threads", "hops"]},
    "C": {"name": "threads alone", "change": "hops", "before": "both", "remedies": ["threads"]},
    "D": {"name": "hops alone", "change": "but hops", "before": "as shipped", "remedies": ["hops"]},
    "E": {"name": "as shipped", "change": "new threads", "before": "threads alone", "remedies": []},
}
CPU_MS = {"A": 2.0, "B": 3.0, "C": 3.6, "D": 4.0, "E": 5.0}


def measured(
    side: str,
    trial: int,
    campaign: str = "one",
    cpu_ms: float | None = None,
    valid: bool = True,
    asked_rps: float = 700.0,
) -> Any:
    run = Run(f"{campaign}-{trial}-{side}", {"rung": RUNGS[side]}, 0.0, trial=Trial(campaign, trial, side))
    cpu = CPU_MS[side] if cpu_ms is None else cpu_ms
    steps = pd.DataFrame(
        {
            "users": [30, 350],
            "valid": [True, valid],
            "rps": [60.0, 1000 / cpu],
            "asked_rps": [60.0, asked_rps],
            "cpu_ms_per_request_app": [2.5, cpu],
            "p50_ms": [5.0, 400.0],
            "p95_ms": [9.0, 900.0],
            "threads_app": [12, 31],
            "rss_bytes_app": [1e8, 1e8],
        }
    )
    return run, steps


def campaign(name: str = "one", factors: tuple[float, ...] = (1.0, 1.01, 0.99)) -> list[Any]:
    """Trials whose sides all share the machine's speed, and differ by little else."""
    own = {side: 1 + n / 1000 for n, side in enumerate(RUNGS)}
    return [
        measured(side, trial, name, CPU_MS[side] * factor * own[side] ** (trial - 2))
        for trial, factor in enumerate(factors, start=1)
        for side in RUNGS
    ]


def table(found: list[Any]) -> pd.DataFrame:
    return ladder_table(ladder_runs(found), rungs_of([run for run, _ in found]))


def test_a_rung_adds_what_it_has_more_than_the_one_before_it() -> None:
    by_name = {row.rung: row for row in rows(table(campaign()))}
    assert by_name["both"].cpu_ms == pytest.approx(3.0, rel=0.01)
    assert by_name["both"].added_ms == pytest.approx(1.0, rel=0.02)
    assert by_name["both"].added_low_ms < 1.0 < by_name["both"].added_high_ms
    assert by_name["hops alone"].added_ms == pytest.approx(-1.0, rel=0.02)
    assert by_name["hops alone"].times == pytest.approx(0.8, rel=0.01)
    assert by_name["hops alone"].clear
    assert math.isnan(by_name["WSGI"].added_ms)
    assert (by_name["WSGI"].trials, by_name["WSGI"].campaigns) == (3, 1)


def test_what_all_rungs_of_a_trial_share_falls_out() -> None:
    """The machine at half its speed in one trial changes no ratio, and no interval."""
    steady, slow = table(campaign()), table(campaign(factors=(1.0, 2.0, 0.99)))
    assert slow["times"].tolist() == pytest.approx(steady["times"].tolist(), nan_ok=True)
    assert slow["low"].tolist() == pytest.approx(steady["low"].tolist(), nan_ok=True)


def test_campaigns_are_observations_where_there_are_several() -> None:
    both = table([*campaign("one"), *campaign("two", (1.3, 1.31, 1.29))])
    assert both["campaigns"].tolist() == [2] * 5
    assert both["trials"].tolist() == [6] * 5


def test_a_step_that_is_not_valid_takes_no_part() -> None:
    found = [*campaign(), measured("A", 4, cpu_ms=50.0, valid=False)]
    assert table(found)["cpu_ms"].iloc[0] == pytest.approx(2.0, rel=0.01)
    steps = ladder_steps(ladder_runs(found), rungs_of([run for run, _ in found]))
    assert steps.set_index(["rung", "users"]).loc[("WSGI", 350), "trials"] == 3


def test_one_trial_gives_no_interval_and_claims_nothing() -> None:
    single = table([measured(side, 1) for side in RUNGS])
    assert single["added_ms"].notna().sum() == 4
    assert single["added_low_ms"].isna().all()
    assert not single["clear"].fillna(False).any()


def test_remedies_are_told_apart_alone_and_beside_the_other() -> None:
    found = campaign()
    lines = {
        (row.remedy, row.beside if pd.notna(row.beside) else ""): row.times
        for row in rows(remedies_table(ladder_runs(found), rungs_of([run for run, _ in found])))
    }
    assert lines.keys() == {("threads", ""), ("hops", ""), ("threads", "hops"), ("hops", "threads")}
    assert lines["threads", ""] == pytest.approx(3.6 / 5, rel=0.01)
    assert lines["threads", "hops"] == pytest.approx(3 / 4, rel=0.01)


def test_the_way_goes_from_the_first_rung_to_the_last_past_what_branches_off() -> None:
    assert [row.rung for row in on_the_way(table(campaign()), "as shipped")] == [
        "WSGI", "both", "threads alone", "as shipped",
    ]  # fmt: skip


def test_a_rung_whose_predecessor_was_not_measured_adds_nothing_that_is_known() -> None:
    without = [(run, steps) for run, steps in campaign() if run.trial.side != "B"]
    by_name = {row.rung: row for row in rows(table(without))}
    assert math.isnan(by_name["threads alone"].added_ms)
    assert by_name["threads alone"].cpu_ms == pytest.approx(3.6, rel=0.01)
    assert [row.rung for row in on_the_way(table(without), "as shipped")] == ["threads alone", "as shipped"]


def test_what_is_said_is_what_was_measured() -> None:
    found = campaign()
    found_table = ladder_of(found, []).table
    assert headline(found_table) == (
        "Per request the app server uses 2.0 ms of CPU time behind WSGI and 5.0 ms behind ASGI as shipped."
    )
    (branched,) = (line for line in rungs_table(found_table).rows if line[0] == "hops alone")
    assert branched[1] == "from as shipped: but hops"
    assert branched[3].startswith("-1.0")
    tables = dict(load_tables(ladder_of(found, [])))
    assert tables["p95 ms"].rows[0] == ["WSGI", "9.0", "900"]
    assert tables["CPU ms per request"].rows[-1] == ["as shipped", "2.50", "4.98"]


def test_a_rung_that_serves_what_is_asked_for_is_said_to_be_unsaturated() -> None:
    assert doubt(ladder_of(campaign(), [])) == []
    idle = ladder_of([measured(side, 1, asked_rps=520.0 if side == "A" else 700.0) for side in RUNGS], [])
    assert idle.unsaturated == ["WSGI"]
    (sentence,) = doubt(idle)
    assert sentence.startswith("With 350 users WSGI served nearly all that was asked for: give more USERS")


def test_counts_are_of_the_rungs_that_were_counted() -> None:
    counted = Run("c", {"rung": RUNGS["E"]}, 0.0, counts={"executor submissions": 15.0, "threads started": 2.0})
    (line,) = rows(counts_table([counted], list(RUNGS.values())))
    assert (line.rung, line.submissions, line.threads) == ("as shipped", 15.0, 2.0)
    assert counts_table([], list(RUNGS.values())).empty
