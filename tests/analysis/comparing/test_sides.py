"""Several runs of one configuration are a side: medians over valid steps, with the lowest and the highest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.sides import given_sides, said_once, sides_of
from gatebench.analysis.comparing.verdict import verdicts
from gatebench.analysis.showing import charts
from gatebench.analysis.showing.report import answer
from gatebench.analysis.showing.text_tables import capacity_table, spread_table
from gatebench.errors import UsageError
from gatebench.records import Cause, Outcome, Trial
from gatebench.run_folder import RunFolder
from tests.analysis.conftest import Command
from tests.analysis.showing.test_report import section, table_in
from tests.analysis.synthetic import ASGI, BEGAN, Recorded, proxy_line, request, requests, step

Analysed = Callable[..., AnalysedRun]


def write_trial(
    results: Path, number: int, side: str, ok: tuple[int, ...], campaign: str = "one", **more: object
) -> RunFolder:
    """A run with so many successful requests a step, in trial `number`; side B is ASGI."""
    rows = [row for n, count in enumerate(ok, start=1) for row in requests(n, ok=count)]
    run = {"trial": Trial(campaign, number, side), "started": BEGAN + 1000 * number + (side == "B")} | more
    steps = [step(n) for n in range(1, len(ok) + 1)]
    recorded = Recorded(rows, steps, run=run, config=ASGI if side == "B" else None)
    return recorded.write(results / f"{campaign}-{number}{side}")


def write_campaign(results: Path) -> None:
    """Three trials of two steps: 10, 12 and 20 requests/s under WSGI, half of that under ASGI."""
    for number, rps in enumerate((10, 12, 20), start=1):
        write_trial(results, number, "A", (100, 10 * rps))
        write_trial(results, number, "B", (100, 5 * rps))


def test_a_side_has_a_row_with_its_median_and_a_table_of_its_spread(results: Path, command: Command) -> None:
    write_campaign(results)
    assert command() == 0
    assert table_in(section(command.report, "Throughput")).splitlines()[2:] == [
        "| WSGI gunicorn requests/s | 10 | 12 |",
        "| ASGI uvicorn requests/s | 10 | 6.0 |",
        "| WSGI gunicorn requests | 100 | 120 |",
        "| ASGI uvicorn requests | 100 | 60 |",
    ]
    assert table_in(section(command.report, "Trials")).splitlines()[4:6] == [
        "| WSGI gunicorn requests/s | 10 | 10–20 |",
        "| ASGI uvicorn requests/s | 10 | 5.0–10 |",
    ]


def test_each_run_s_numbers_stay_with_their_trial_and_side(results: Path, command: Command) -> None:
    write_campaign(results)
    command()
    steps = pd.read_csv(results / "analysis" / "tables" / "steps.csv")
    found = steps.loc[steps["users"] == 200, ["label", "side", "trial", "rps"]]
    assert found.sort_values(["side", "trial"]).to_dict("split")["data"] == [
        ["WSGI gunicorn (trial 1)", "A", 1, 10.0],
        ["WSGI gunicorn (trial 2)", "A", 2, 12.0],
        ["WSGI gunicorn (trial 3)", "A", 3, 20.0],
        ["ASGI uvicorn (trial 1)", "B", 1, 5.0],
        ["ASGI uvicorn (trial 2)", "B", 2, 6.0],
        ["ASGI uvicorn (trial 3)", "B", 3, 10.0],
    ]


def test_a_step_that_is_not_valid_takes_no_part(analysed: Analysed) -> None:
    runs = [
        analysed(Recorded(requests(1, ok=ok), [step(1, users_running=running)]), name)
        for name, ok, running in (("a", 10, 100), ("b", 30, 100), ("c", 1000, 99))
    ]
    (side,) = sides_of(runs)
    row = side.steps.iloc[0]
    assert (row["rps"], row["rps_low"], row["rps_high"], row["trials"], row["valid"]) == (2.0, 1.0, 3.0, 2, True)
    assert spread_table([side]).rows[-1] == ["WSGI gunicorn valid trials", "2"]


def test_a_step_that_is_valid_in_no_run_has_no_median(analysed: Analysed) -> None:
    runs = [analysed(Recorded(requests(1, ok=1), [step(1, users_running=99)]), name) for name in "ab"]
    (side,) = sides_of(runs)
    row = side.steps.iloc[0]
    assert (pd.isna(row["rps"]), row["trials"], row["valid"]) == (True, 0, False)
    assert row["invalid_reason"].startswith("99 of 100 users were running")


def test_what_is_said_of_every_run_is_said_once_of_their_side(results: Path, command: Command) -> None:
    write_trial(results, 1, "A", (10,))
    write_trial(results, 2, "A", (10,), outcome=Outcome.FAILED)
    command(*(path.parent for path in results.glob("*/run.json")))
    remarks = [line for line in section(command.report, "The answer").splitlines() if line.startswith("- ")]
    assert remarks == [
        "- WSGI gunicorn: There is no proxy.log: causes are the client's view only, "
        "and Nginx's times cannot be compared.",
        "- WSGI gunicorn (trial 2): This run failed.",
    ]


def test_steps_that_are_not_valid_are_counted_on_top(results: Path, command: Command) -> None:
    for name in ("a", "b"):
        Recorded(requests(1, ok=9), [step(1, users_running=99)]).write(results / name)
    command(results / "a", results / "b")
    assert "- 2 steps are not valid and no part of any median: see under Failures." in command.report


def test_capacity_is_that_of_the_trial_in_the_middle_in_whole_steps(analysed: Analysed) -> None:
    def run(name: str, holds: int) -> AnalysedRun:
        rows = [row for n in (1, 2, 3) for row in requests(n, ok=100, failed=5 * (n > holds))]
        return analysed(Recorded(rows, [step(1), step(2), step(3)]), name)

    (side,) = sides_of([run("a", 3), run("b", 1), run("c", 1), run("d", 2)])
    assert capacity_table([side]).rows == [["WSGI gunicorn", "100", "100", "3%", "100", "100"]]
    (side,) = sides_of([run("e", 3), run("f", 1), run("g", 3)])
    assert capacity_table([side]).rows[0][1] == "300 (end of the ramp)"


def test_causes_of_a_side_are_those_of_all_its_runs(analysed: Analysed) -> None:
    def run(name: str, refused: int, reset: int) -> AnalysedRun:
        rows = [request(15, 5, Cause.REFUSED) for _ in range(refused)] + [
            request(15, 5, Cause.RESET) for _ in range(reset)
        ]
        return analysed(Recorded([*rows, *requests(1, ok=1)], [step(1)], proxy_lines=[proxy_line(request(15))]), name)

    (side,) = sides_of([run("a", 1, 3), run("b", 4, 0)])
    assert side.causes[["failure", "users", "failures"]].to_numpy().tolist()[0] == ["connection refused", 100, 5]
    assert side.causes["failures"].sum() == 8


def test_two_equal_sides_of_a_campaign_keep_their_letters(analysed: Analysed) -> None:
    def run(side: str, number: int) -> AnalysedRun:
        trial = Trial("one", number, side)
        return analysed(Recorded(requests(1, ok=1), [step(1)], run={"trial": trial}), f"{side}{number}")

    a, b = sides_of([run("B", 1), run("A", 1), run("A", 2), run("B", 2)])
    assert (a.label, b.label) == ("WSGI gunicorn A", "WSGI gunicorn B")
    assert [one.label for one in b.runs] == ["WSGI gunicorn B (trial 1)", "WSGI gunicorn B (trial 2)"]


def test_options_that_all_sides_have_are_not_in_every_label(analysed: Analysed) -> None:
    def run(label: str, config: dict[str, Any], name: str) -> AnalysedRun:
        return analysed(Recorded(requests(1, ok=1), [step(1)], config={**config, "label": label}), name)

    labels = ["WSGI gunicorn (fair, hello, sync, page_kb=4)", "ASGI uvicorn (fair, hello, async, page_kb=4)"]
    sides = sides_of([run(labels[0], {}, "a"), run(labels[1], ASGI, "b")])
    assert [side.label for side in sides] == ["WSGI gunicorn (sync)", "ASGI uvicorn (async)"]
    assert [run.label for side in sides for run in side.runs] == [side.label for side in sides]
    assert [side.label_in_full for side in sides] == labels
    said = answer(sides, verdicts(sides))
    assert said.startswith("Every side: fair, hello, page_kb=4. ASGI (uvicorn, async) served ")
    assert [side.label for side in sides_of([run(labels[0], {}, "alone")])] == [labels[0]]


def test_a_single_option_that_all_sides_have_stays_where_it_is() -> None:
    labels = ["WSGI gunicorn (article)", "ASGI uvicorn (article, workers=4)"]
    assert said_once(labels) == []
    assert said_once([labels[1], labels[1]]) == ["article", "workers=4"]
    assert said_once(labels[:1]) == []


def test_sides_given_by_hand_hold_one_configuration_each(analysed: Analysed) -> None:
    old, new = (analysed(Recorded(requests(1, ok=1), [step(1)]), name) for name in ("old", "new"))
    other = analysed(Recorded(requests(1, ok=1), [step(1)], config=ASGI), "other")
    assert [side.label for side in given_sides([old], [new])] == ["WSGI gunicorn A", "WSGI gunicorn B"]
    sentence = r"^B holds runs of more than one configuration \(WSGI gunicorn, ASGI uvicorn\): name runs of one only\.$"
    with pytest.raises(UsageError, match=sentence):
        given_sides([old], [new, other])


def test_without_arguments_it_takes_the_whole_newest_campaign(results: Path, command: Command) -> None:
    write_trial(results, 9, "A", (1,), campaign="zero", started=BEGAN)
    write_campaign(results)
    write_trial(results, 4, "A", (7,), outcome=Outcome.INTERRUPTED)
    assert command() == 0
    assert "| WSGI gunicorn valid trials | 3 | 3 |" in command.report
    assert "Left out, because they did not come to their end: 1 of the campaign's 7 runs." in section(
        command.report, "The answer"
    )


def test_a_newer_run_by_itself_is_shown_without_the_campaign(results: Path, command: Command) -> None:
    write_campaign(results)
    Recorded(requests(1, ok=5), [step(1)], run={"started": BEGAN + 10_000}).write(results / "new")
    command()
    rows = table_in(section(command.report, "Throughput")).splitlines()
    assert rows[2:4] == ["| WSGI gunicorn requests/s | 0.5 | – |", "| ASGI uvicorn requests/s | 10 | 6.0 |"]


def test_trials_of_one_interface_are_shown_beside_the_newest_run_of_the_other(results: Path, command: Command) -> None:
    for number in (1, 2):
        write_trial(results, number, "A", (10 * number,))
    Recorded(requests(1, ok=5), [step(1)], config=ASGI).write(results / "asgi")
    command()
    rows = table_in(section(command.report, "Throughput")).splitlines()
    assert rows[2:4] == ["| WSGI gunicorn requests/s | 1.5 |", "| ASGI uvicorn requests/s | 0.5 |"]


def test_a_chart_has_a_line_a_side_with_a_band_and_one_timeline(analysed: Analysed, tmp_path: Path) -> None:
    runs = [analysed(Recorded([*requests(1, ok=n), *requests(2, ok=n)], [step(1), step(2)]), f"r{n}") for n in (10, 20)]
    sides = sides_of(runs)
    (axes,) = charts.throughput(sides).axes
    assert [line.get_label() for line in axes.get_lines() if not str(line.get_label()).startswith("_")] == [
        "WSGI gunicorn"
    ]
    (band,) = axes.collections
    assert axes.get_xlabel() == "users (band: the lowest to the highest trial)"
    assert (band.get_paths()[0].vertices[:, 1].min(), band.get_paths()[0].vertices[:, 1].max()) == (1.0, 2.0)
    assert [path.name for path in charts.save_charts(sides, tmp_path)["timeline"]] == ["timeline-r10.png"]
