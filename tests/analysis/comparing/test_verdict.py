"""The sentence that compares sides: which comes first, what it rests on, and when there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.ratio import ONE_RUN, Ratio
from gatebench.analysis.comparing.sentences import in_words, spoken
from gatebench.analysis.comparing.sides import Side, given_sides, sides_of
from gatebench.analysis.comparing.verdict import Verdict, verdicts
from gatebench.analysis.showing.report import _compared
from gatebench.analysis.showing.text_tables import ranking_table, ratio_table
from gatebench.analysis.steps.capacity import interpolated
from gatebench.records import Trial
from tests.analysis.comparing.test_sides import write_campaign
from tests.analysis.conftest import Command
from tests.analysis.showing.test_report import section
from tests.analysis.synthetic import ASGI, Recorded, requests, step

Analysed = Callable[..., AnalysedRun]


@pytest.fixture
def side_of(analysed: Analysed) -> Callable[..., list[AnalysedRun]]:
    """Runs of a side from rows of (requests, their ms) a step; `trials` makes pairs of them."""

    def make(
        name: str, *trials: Sequence[tuple[int, float]], paired: bool = True, **config: object
    ) -> list[AnalysedRun]:
        runs = []
        for number, steps in enumerate(trials, start=1):
            rows = [row for n, (ok, ms) in enumerate(steps, start=1) for row in requests(n, ok=ok, elapsed_ms=ms)]
            recorded = Recorded(
                rows,
                [step(n) for n in range(1, len(steps) + 1)],
                run={"trial": Trial("one", number, name) if paired else None},
                config=(ASGI if name == "B" else {}) | config,
            )
            runs.append(analysed(recorded, f"{name}{number}"))
        return runs

    return make


SideOf = Callable[..., list[AnalysedRun]]


def only(runs: list[AnalysedRun], anyway: bool = False) -> Verdict:
    (verdict,) = verdicts(sides_of(runs), anyway)
    return verdict


def test_the_other_measures_stand_beside_the_one_that_decides(side_of: SideOf) -> None:
    # 500 ms at 100 users, and 2000, 1414 or 1000·2^(1/3) at 200: the objective lies at 150, 166.7 and 175 users;
    # with 4000 at 133.3. So the ratios are 1.125, 1.25 and 1.3125.
    a = side_of("A", *([(20, 500.0), (n, ms)] for n, ms in ((200, 2000), (220, 1414.2136), (200, 1259.9210))))
    b = side_of("B", *([(20, 500.0), (100, 4000.0)] for _ in range(3)))
    cpu_ms = (2.0, 2.2, 2.1, 4.0, 4.62, 4.2)
    runs = [
        replace(run, steps=run.steps.assign(cpu_ms_per_request_app=ms)) for run, ms in zip(a + b, cpu_ms, strict=True)
    ]
    verdict = only(runs)
    assert verdict.sentence == (
        "WSGI (gunicorn) served 2.1 times the requests/s of ASGI (uvicorn) at 200 users, "
        "95 % interval 1.8 to 2.4 in this campaign (3 trials)."
    )
    assert verdict.beside == (
        "Beside that: WSGI (gunicorn) held 1.23 (1.01 to 1.49) times the users within the objective; "
        "ASGI (uvicorn) used 2.0 (1.9 to 2.2) times the CPU per request."
    )
    assert verdict.ratios[["measure", "decides"]].head(3).to_numpy().tolist() == [
        ["rps", True],
        ["users within the objective", False],
        ["CPU ms per request, app", False],
    ]


def test_a_measure_beside_that_tells_nothing_says_so(side_of: SideOf) -> None:
    a = side_of("A", [(20, 500.0), (200, 2000)], [(20, 500.0), (220, 1500)])
    b = side_of("B", [(20, 500.0), (100, 1800)], [(20, 500.0), (111, 1700)])
    assert only(a + b).beside.startswith(
        "Beside that: no clear difference in users within the objective: WSGI (gunicorn) held 1."
    )


def test_what_stands_behind_an_interval_is_said_with_it(side_of: SideOf) -> None:
    a = side_of("A", [(10, 50), (300, 50)], [(10, 50), (345, 50)])
    b = side_of("B", [(10, 50), (100, 50)], [(10, 50), (110, 1500)])
    verdict = only(a + b)
    assert verdict.sentence == (
        "WSGI (gunicorn) served 3.1 times the requests/s of ASGI (uvicorn) at 200 users, "
        "95 % interval 2.3 to 4.1 in this campaign (2 trials)."
    )
    assert verdict.remarks[1:] == (
        "One campaign says how far its trials differ, and not how far another hour or machine would: measure three or "
        "more at other times, then `make analyze CAMPAIGNS=all` combines those of the same sides.",
        "What was compared: profile fair, stack native, db pool, workers 2. "
        "Another app, server or setting may give another ratio.",
    )


def flat(*rps: int) -> list[list[tuple[int, float]]]:
    return [[(10 * one, 50.0)] for one in rps]


def test_an_interval_that_holds_1_is_no_clear_difference(side_of: SideOf) -> None:
    verdict = only(side_of("A", *flat(100, 102, 98, 101, 99)) + side_of("B", *flat(101, 100, 101, 100, 100)))
    assert verdict.sentence == (
        "No clear difference: ASGI (uvicorn) served 1.00 times the requests/s of WSGI (gunicorn) at 100 users, "
        "95 % interval 0.98 to 1.03 in this campaign (5 trials)."
    )


def test_runs_that_were_not_made_as_pairs_are_not_treated_as_such(side_of: SideOf) -> None:
    a, b = side_of("A", *flat(100, 110), paired=False), side_of("B", *flat(200, 210, 220), paired=False)
    assert only(a + b).sentence == (
        "ASGI (uvicorn) served 2.0 times the requests/s of WSGI (gunicorn) at 100 users, "
        "95 % interval 1.5 to 2.7 over 2 and 3 runs that were not measured together."
    )


def test_one_run_a_side_proves_nothing(side_of: SideOf) -> None:
    assert only(side_of("A", *flat(100)) + side_of("B", *flat(150))).sentence == (
        f"ASGI (uvicorn) served 1.5 times the requests/s of WSGI (gunicorn) at 100 users; {ONE_RUN}."
    )


def test_equal_figures_give_no_interval(side_of: SideOf) -> None:
    assert only(side_of("A", *flat(100, 100)) + side_of("B", *flat(150, 150))).sentence == (
        "ASGI (uvicorn) served 1.5 times the requests/s of WSGI (gunicorn) at 100 users; "
        "all trials gave the same figures, which gives no interval."
    )


def test_no_winner_is_called_when_more_than_the_server_differs(side_of: SideOf) -> None:
    runs = side_of("A", *flat(100, 110)) + side_of("B", *flat(200, 230), workers=4)
    verdict = only(runs)
    assert verdict.sentence == "Not compared: workers (2 / 4) differs as well. ANYWAY=1 compares all the same."
    assert verdict.ratios.empty
    assert only(runs, anyway=True).sentence.startswith("ASGI (uvicorn) served 2.0 times")


def test_a_pair_of_which_one_run_is_not_valid_takes_no_part(analysed: Analysed, side_of: SideOf) -> None:
    a = side_of("A", *flat(100, 105, 95))
    b = side_of("B", *flat(200, 212))
    trial = {"trial": Trial("one", 3, "B")}
    b.append(analysed(Recorded(requests(1, ok=9), [step(1, users_running=1)], run=trial, config=ASGI), "B3"))
    verdict = only(a + b)
    assert verdict.ratios["trials"].tolist()[0] == 2
    assert verdict.sentence.endswith("in this campaign (2 trials).")


def test_without_a_valid_step_in_common_nothing_is_compared(side_of: SideOf, analysed: Analysed) -> None:
    other = Recorded(requests(1, ok=9), [step(1, users_running=1)], config=ASGI)
    verdict = only([*side_of("A", *flat(1), paired=False), analysed(other, "b")])
    assert verdict.sentence == "Not compared: WSGI gunicorn and ASGI uvicorn have no valid step in common."


def test_one_configuration_against_itself_tells_the_noise(side_of: SideOf) -> None:
    equal = {"interface": "wsgi", "server": "gunicorn", "label": "WSGI gunicorn"}
    verdict = only(side_of("A", *flat(100, 102, 98)) + side_of("B", *flat(101, 99, 100), **equal))
    assert verdict.sentence.startswith("No clear difference: WSGI (gunicorn B) served 1.00 times the requests/s")
    assert verdict.remarks[-1] == (
        "Both sides are one configuration, so this is the noise of this machine: with 3 trials a difference below "
        "about 6.8 % cannot be told from none."
    )


def test_of_more_than_two_sides_those_that_can_be_compared_are(side_of: SideOf) -> None:
    def side(name: str, *rps: int, **config: object) -> list[AnalysedRun]:
        return side_of(name, *flat(*rps), **config)

    runs = side("A", 100, 110) + side("B", 200, 230) + side("C", 50, 60, workers=9, label="WSGI many")
    (verdict,) = verdicts(sides_of(runs))
    assert [side.name for side in verdict.sides] == ["A", "B"]
    assert verdict.remarks[-1] == "WSGI many is compared with none: workers (2 / 9) differs."


def test_two_verdicts_of_one_report_hold_together(side_of: SideOf) -> None:
    """Each has 97.5 % then: with t of 2 degrees, 6.2053 and not 4.3027, it is wider by 44 %."""
    pair = side_of("A", *flat(100, 102, 98)) + side_of("B", *flat(120, 118, 125))
    other = side_of("C", *flat(100, 102, 98), workers=9, label="WSGI nine")
    other += side_of("D", *flat(120, 118, 125), workers=9, interface="asgi", server="uvicorn", label="ASGI nine")
    (alone,) = verdicts(sides_of(pair))
    first, second = verdicts(sides_of(pair + other))

    def width(verdict: Verdict) -> float:
        return float(np.log(verdict.ratios["high"] / verdict.ratios["low"]).iloc[0])

    assert [one.label for one in second.sides] == ["WSGI nine", "ASGI nine"]
    assert width(first) / width(alone) == pytest.approx(6.2053 / 4.3027, rel=1e-4)


def of_four(side_of: SideOf) -> list[AnalysedRun]:
    """gunicorn clearly first, two that are not clearly apart, and one clearly last."""
    servers = {"B": "uvicorn", "C": "daphne", "D": "hypercorn"}
    rps = {"A": (400, 404, 398), "B": (199, 205, 195), "C": (201, 203, 197), "D": (100, 102, 99)}
    runs = side_of("A", *flat(*rps["A"]))
    for name, server in servers.items():
        asgi = {"interface": "asgi", "server": server, "label": f"ASGI {server}"}
        runs += side_of(name, *flat(*rps[name]), **asgi)
    return runs


def test_more_than_two_sides_are_ranked_with_ties(side_of: SideOf) -> None:
    verdict = only(of_four(side_of))
    assert [(str(rank), rank.label) for rank in verdict.ranks] == [
        ("1", "WSGI gunicorn"),
        ("2–3", "ASGI daphne"),
        ("2–3", "ASGI uvicorn"),
        ("4", "ASGI hypercorn"),
    ]
    assert verdict.sentence == (
        "Ranked by requests/s at 100 users: 1 WSGI (gunicorn), 2–3 ASGI (daphne), 2–3 ASGI (uvicorn), "
        "4 ASGI (hypercorn), in this campaign (3 trials). Sides that share a rank are not clearly apart."
    )
    table = ranking_table(verdict)
    assert table.header[:3] == ["Side", "Rank", "/ WSGI gunicorn"]
    assert [row[:3] for row in table.rows] == [
        ["WSGI gunicorn", "1", "–"],
        ["ASGI daphne", "2–3", "0.50 (0.49–0.52)"],
        ["ASGI uvicorn", "2–3", "0.50 (0.47–0.52)"],
        ["ASGI hypercorn", "4", "0.25 (0.24–0.26)"],
    ]
    assert table.rows[0][-1] == "3.99 (3.87–4.12)"


def test_a_side_that_misses_a_trial_is_ranked_all_the_same(side_of: SideOf) -> None:
    runs = [run for run in of_four(side_of) if run.folder.path.name != "B2"]
    assert [str(rank) for rank in only(runs).ranks] == ["1", "2–3", "2–3", "4"]


def test_sides_that_are_all_tied_have_no_winner(side_of: SideOf) -> None:
    runs = side_of("A", *flat(100, 102, 98)) + side_of("B", *flat(101, 99, 100))
    runs += side_of("C", *flat(99, 102, 101), **{**ASGI, "server": "daphne", "label": "ASGI daphne"})
    verdict = only(runs)
    assert verdict.sentence == (
        "No clear difference between ASGI (daphne), ASGI (uvicorn) and WSGI (gunicorn) in requests/s at 100 users, "
        "in this campaign (3 trials)."
    )
    assert {str(rank) for rank in verdict.ranks} == {"1–3"}


def with_config(run: AnalysedRun, **config: object) -> AnalysedRun:
    return replace(run, run=replace(run.run, config={**run.run.config, **config}))


def test_how_many_requests_wsgi_serves_at_once_is_said_where_it_was_recorded(side_of: SideOf) -> None:
    a, b = side_of("A", *flat(200, 210)), side_of("B", *flat(100, 101))
    config = {
        "settings": {"name": "fair", "db": "pool", "workers": 2, "threads": 8},
        "server_row": {"commands": {"fair": "gunicorn --threads {threads}"}},
        "profile": "fair",
        "server_args": "",
    }
    runs = [
        with_config(replace(run, run=replace(run.run, sheet={"app threads": n})), **config)
        for run, n in zip(a + b, (27, 27, 590, 612), strict=True)
    ]
    assert any("WSGI serves 16 requests at once here, and ASGI all that" in remark for remark in only(runs).remarks)
    changed = [with_config(run, server_args="--threads 4") for run in runs]
    assert any("as many requests at once as it has threads" in remark for remark in only(changed).remarks)


def test_app_threads_that_differ_are_said_and_refuse_nothing(side_of: SideOf) -> None:
    a, b = side_of("A", *flat(200, 210)), side_of("B", *flat(100, 101))
    threads = (27, 27, 590, 612)
    runs = [replace(run, run=replace(run.run, sheet={"app threads": n})) for run, n in zip(a + b, threads, strict=True)]
    verdict = only(runs)
    assert verdict.sentence.startswith("WSGI (gunicorn) served 2.0 times")
    assert (
        "App threads under load differ as well: 27 under WSGI (gunicorn) and 590 under ASGI (uvicorn). WSGI serves as "
        "many requests at once as it has threads, and ASGI all that there are. Django's own ASGI handler gives each of "
        "them a thread for its synchronous code. That is how Django and asgiref run it, and not what the interface "
        "asks for (Django ticket 37177). The ratio includes what it costs; BRIDGE=one-hop measures another way."
    ) in verdict.remarks
    bridged = [with_config(run, bridge="one-hop") for run in runs]
    remark = "App threads under load differ as well: 27 under WSGI (gunicorn) and 590 under ASGI (uvicorn)."
    assert remark in only(bridged).remarks  # whoever bridges has other threads than Django's
    fewer = [replace(run, run=replace(run.run, sheet={"app threads": 27 if run in a else 9})) for run in a + b]
    remark = "App threads under load differ as well: 27 under WSGI (gunicorn) and 9 under ASGI (uvicorn)."
    assert remark in only(fewer).remarks  # which is not Django's doing
    alike = [replace(run, run=replace(run.run, sheet={"app threads": 27 + n})) for n, run in enumerate(a + b)]
    assert not any("threads" in remark for remark in only(alike).remarks)
    assert any("27 under WSGI" in remark for remark in only([runs[0], runs[2]]).remarks)  # one run a side


def test_the_table_is_the_same_way_round_as_the_sentence(side_of: SideOf) -> None:
    """WSGI comes first in both where it has more, whichever side it is."""
    verdict = only(side_of("A", *flat(200, 231)) + side_of("B", *flat(100, 110)))
    assert verdict.sentence.startswith("WSGI (gunicorn) served 2.0")
    assert verdict.turned
    title, table = _compared(verdict)
    assert title == "WSGI gunicorn / ASGI uvicorn, 95 % intervals"
    assert table.rows[0][:2] == ["100", "2.05 (1.50–2.79)"]


def test_the_table_has_a_row_a_step_and_a_ratio_a_measure(side_of: SideOf) -> None:
    a, b = side_of("A", *flat(100, 110)), side_of("B", *flat(200, 231))
    title, table = _compared(only(a + b))
    assert title == "ASGI uvicorn / WSGI gunicorn, 95 % intervals"
    assert table.header == ["Users", "requests/s", "p50 ms", "p95 ms"]
    assert table.rows == [["100", "2.05 (1.50–2.79)", "1.00", "1.00"]]


def test_cpu_a_request_is_compared_where_it_was_recorded(side_of: SideOf) -> None:
    runs = side_of("A", *flat(100, 110)) + side_of("B", *flat(200, 231))
    cpu_ms = (2.0, 2.2, 4.0, 4.62)
    runs = [
        replace(run, steps=run.steps.assign(cpu_ms_per_request_app=ms)) for run, ms in zip(runs, cpu_ms, strict=True)
    ]
    table = ratio_table(only(runs))
    assert (table.header[-1], table.rows[0][-1]) == ("CPU ms per request, app", "2.05 (1.50–2.79)")


def test_ratios_are_saved_once_each_the_one_that_decides_first(results: Path, command: Command) -> None:
    write_campaign(results)
    command()
    saved = pd.read_csv(results / "analysis" / "tables" / "ratios.csv")
    assert not saved.duplicated(["a", "b", "measure", "users"]).any()
    assert saved.loc[saved["decides"], ["measure", "users", "ratio"]].to_numpy().tolist() == [
        ["rps", 200, pytest.approx(0.5)]
    ]


def test_runs_that_differ_in_nothing_say_so(results: Path, command: Command) -> None:
    for name in "ab":
        Recorded(requests(1, ok=1), [step(1)]).write(results / name)
    command("--a", str(results / "a"), "--b", str(results / "b"))
    assert section(command.report, "What was measured").startswith(
        "The runs differ in nothing that was asked for; they share profile fair,"
    )


def test_the_answer_opens_with_the_verdict(results: Path, command: Command) -> None:
    write_campaign(results)
    command()
    text = section(command.report, "The answer")
    assert text.startswith("WSGI (gunicorn) served 2.0 times the requests/s of ASGI (uvicorn) at 200 users")
    assert "One run is one sample" not in text


def test_sides_can_be_named_by_hand(results: Path, command: Command) -> None:
    for name, ok in (("old", 100), ("old2", 102), ("new", 120), ("new2", 124)):
        Recorded(requests(1, ok=ok), [step(1)]).write(results / name)
    paths = {name: str(results / name) for name in ("old", "old2", "new", "new2")}
    assert command("--a", paths["old"], paths["old2"], "--b", paths["new"], paths["new2"]) == 0
    assert section(command.report, "The answer").startswith(
        "WSGI (gunicorn B) served 1.21 times the requests/s of WSGI (gunicorn A) at 100 users, "
        "95 % interval 1.09 to 1.34 over 2 and 2 runs that were not measured together."
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--a", "{}"], "Name runs for both sides and no others, as in make compare A="),
        (["--a", "--b"], "Name runs for both sides and no others, as in make compare A="),
        (["{}", "--a", "{}", "--b", "{}"], "Name runs for both sides and no others"),
        (["--a", "{}", "--b", "{}"], "is named for both sides: name other runs for one of them."),
    ],
)
def test_sides_that_cannot_be_compared_are_one_sentence(
    results: Path, command: Command, arguments: list[str], sentence: str
) -> None:
    folder = Recorded(requests(1, ok=1), [step(1)]).write(results / "one")
    assert command(*(one.format(folder.path) for one in arguments)) == 2
    assert sentence in command.err
    assert command.err.count("\n") == 1


@pytest.mark.parametrize(
    ("steps", "users"),
    [
        ([requests(1, ok=100, elapsed_ms=500), requests(2, ok=100, elapsed_ms=2000)], 150.0),
        ([requests(1, ok=100, elapsed_ms=1000), requests(2, ok=100, elapsed_ms=2000)], 100.0),
        ([requests(1, ok=100, elapsed_ms=500), requests(2, ok=96, failed=4)], 125.0),
        ([requests(1, ok=100, elapsed_ms=500), requests(2, ok=96, failed=4, elapsed_ms=2000)], 125.0),
        ([requests(1, ok=100, elapsed_ms=500), requests(2, ok=0, failed=10)], 101.0),
        ([requests(1, ok=100), requests(2, ok=100)], None),
        ([requests(1, ok=0, failed=1), requests(2, ok=100)], None),
    ],
    ids=[
        "p95 crosses",
        "just held",
        "failures cross",
        "failures cross first",
        "all fail",
        "ramp's end",
        "its beginning",
    ],
)
def test_capacity_for_ratios_lies_between_steps(
    analysed: Analysed, steps: list[list[object]], users: float | None
) -> None:
    run = analysed(Recorded([row for some in steps for row in some], [step(1), step(2)]))  # type: ignore[misc]
    assert interpolated(run.steps, run.objective) == (None if users is None else pytest.approx(users))


@pytest.mark.parametrize(
    ("update_p95_ms", "users"),
    [([500.0, 2000.0], 150.0), ([math.nan, 2000.0], 100.0), ([500.0, 900.0], None)],
    ids=["updates cross", "no update before", "in time"],
)
def test_capacity_ends_where_updates_come_late(
    analysed: Analysed, update_p95_ms: list[float], users: float | None
) -> None:
    run = analysed(Recorded([*requests(1, ok=9), *requests(2, ok=9)], [step(1), step(2)]))
    steps = run.steps.assign(update_p95_ms=update_p95_ms)
    assert interpolated(steps, run.objective) == (None if users is None else pytest.approx(users))


def test_capacity_that_rests_on_a_step_that_is_not_valid_is_none(analysed: Analysed) -> None:
    rows = [*requests(1, ok=9, elapsed_ms=500), *requests(2, ok=9, elapsed_ms=2000)]
    run = analysed(Recorded(rows, [step(1), step(2, users_running=1)]))
    assert interpolated(run.steps, run.objective) is None


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        ((1.94, (1.43, 2.14)), ["1.94", "1.43", "2.14"]),
        ((1.9, (1.52, 2.1)), ["1.9", "1.5", "2.1"]),
        ((1.01, (0.97, 1.05)), ["1.01", "0.97", "1.05"]),
        ((1.02, (1.003, 1.04)), ["1.020", "1.003", "1.040"]),
        ((2.5, None), ["2.5"]),
    ],
)
def test_ratios_have_the_decimals_they_need(ratio: tuple[float, tuple[float, float] | None], words: list[str]) -> None:
    assert in_words(Ratio(*ratio)) == words


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("WSGI gunicorn", "WSGI (gunicorn)"),
        ("ASGI uvicorn (article)", "ASGI (uvicorn, article)"),
        ("WSGI gunicorn (article, threads=2) A", "WSGI (gunicorn, article, threads=2 A)"),
    ],
)
def test_a_label_as_a_sentence_has_it(label: str, words: str) -> None:
    assert spoken(label) == words


def test_two_sides_by_hand_of_one_run_each(side_of: SideOf) -> None:
    a, b = side_of("A", *flat(1), paired=False), side_of("B", *flat(2), paired=False)
    sides: list[Side] = given_sides(a, b)
    assert [(side.name, side.label, side.spread) for side in sides] == [
        ("A", "WSGI gunicorn", False),
        ("B", "ASGI uvicorn", False),
    ]
