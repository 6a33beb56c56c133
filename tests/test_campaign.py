"""A campaign: which runs a command asks for, in which order they are made, and how it ends."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from gatebench import ROOT
from gatebench.campaign import Campaign, in_minutes, measure, plan_campaign
from gatebench.errors import LoadError, UsageError
from gatebench.knobs import resolve
from gatebench.progress import Display
from gatebench.records import Outcome, Trial
from gatebench.run_folder import RunFolder, recorded
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface
from tests.conftest import Bench


def planned(command: str, **knobs: str) -> Campaign:
    return plan_campaign(command, knobs, engine_answers=lambda: False)


def labels(command: str, **knobs: str) -> dict[str, str]:
    return {name: config.side.label for name, config in planned(command, **knobs).sides.items()}


def campaign(trials: int, *names: str, campaign_id: str = "one") -> Campaign:
    config = resolve(Interface.WSGI, {"USERS": "100:700:100"}, lambda: False)
    return Campaign(campaign_id, dict.fromkeys(names, config), trials)


class FakeRun:
    """In the place of a run: notes what it was asked for, and fails when it is told to."""

    def __init__(self, fails_at: int = 0, error: BaseException | None = None) -> None:
        self.trials: list[Trial | None] = []
        self.fails_at = fails_at
        self.error = error

    def __call__(self, config: RunConfig, _display: Display, trial: Trial | None, _prepared: object) -> RunFolder:
        self.trials.append(trial)
        if self.error and len(self.trials) == self.fails_at:
            raise self.error
        return RunFolder(Path(config.side.label))


def said(campaign: Campaign, fake: FakeRun) -> list[str]:
    """What a person sees of the campaign, line by line."""
    text = io.StringIO()
    with pytest.raises(type(fake.error)) if fake.error else contextlib.nullcontext():
        measure(campaign, Console(file=text), fake)
    return [line for line in text.getvalue().splitlines() if line]


def test_each_trial_runs_every_side_once_before_the_next_begins() -> None:
    plan = [trial for trial, _ in campaign(20, "A", "B", "C").plan()]
    assert [trial.number for trial in plan] == sorted(trial.number for trial in plan)
    assert Counter((trial.number, trial.side) for trial in plan) == Counter(
        (number, side) for number in range(1, 21) for side in "ABC"
    )


def test_the_order_is_shuffled_anew_each_trial_and_the_id_is_its_seed() -> None:
    plan = [trial.side for trial, _ in campaign(20, "A", "B").plan()]
    first = plan[::2]
    assert {"A", "B"} == set(first)
    assert plan == [trial.side for trial, _ in campaign(20, "A", "B").plan()]
    assert plan != [trial.side for trial, _ in campaign(20, "A", "B", campaign_id="two").plan()]


def test_it_says_first_how_long_it_takes_and_then_which_run_it_is() -> None:
    fake = FakeRun()
    lines = said(campaign(2, "A", "B"), fake)
    # A run is 14 s of spawning, 7 steps of 30 s, and 15 s around it.
    assert lines[0] == "Campaign one: 4 runs, about 16 min."
    assert lines[1:] == [
        f"Trial {n} of 2, run {place} of 4: WSGI gunicorn" for place, n in enumerate((1, 1, 2, 2), start=1)
    ]
    assert fake.trials == [trial for trial, _ in campaign(2, "A", "B").plan()]


def test_a_single_run_is_no_campaign() -> None:
    fake = FakeRun()
    assert said(campaign(1, "A"), fake) == []
    assert fake.trials == [None]


@pytest.mark.parametrize("error", [LoadError("The load generator ended."), KeyboardInterrupt()])
def test_an_error_in_the_middle_ends_the_campaign_and_says_what_there_is(error: BaseException) -> None:
    fake = FakeRun(fails_at=3, error=error)
    lines = said(campaign(2, "A", "B"), fake)
    assert len(fake.trials) == 3
    assert lines[-1] == "The campaign ended early: 2 of its 4 runs are complete."


def test_bench_measures_both_interfaces() -> None:
    assert labels("bench") == {"A": "WSGI gunicorn", "B": "ASGI uvicorn"}
    assert planned("bench", TRIALS="5").trials == 5


def test_a_server_that_is_named_takes_its_interface_s_place() -> None:
    assert labels("bench", SERVER="daphne") == {"A": "WSGI gunicorn", "B": "ASGI daphne"}
    assert labels("bench", SERVER="gunicorn") == {"A": "WSGI gunicorn", "B": "ASGI uvicorn"}


def test_two_servers_that_are_named_are_the_sides() -> None:
    assert labels("bench", SERVER="uvicorn,daphne") == {"A": "ASGI uvicorn", "B": "ASGI daphne"}
    assert len(labels("bench", SERVER="gunicorn,uvicorn,daphne,hypercorn")) == 4


@pytest.mark.parametrize(
    ("command", "knobs", "sentence"),
    [
        ("bench", {"SERVER": "uvicorn,dapne"}, "SERVER=dapne is not known: it is one of .* Did you mean daphne?"),
        ("bench", {"SERVER": "uvicorn,uvicorn"}, "SERVER=uvicorn,uvicorn names a server twice: `make aa` runs"),
        ("bench", {"TRIALS": "0"}, "TRIALS=0 is not a number of trials from 1 to 100: give a whole number."),
        ("wsgi", {"TRIALS": "1.5"}, "TRIALS=1.5 is not a number of trials"),
        ("wsgi", {"SERVER": "gunicorn,uvicorn"}, "SERVER=gunicorn,uvicorn is not known"),
        ("aa", {"SERVER": "gunicorn,uvicorn"}, "SERVER=gunicorn,uvicorn is not known"),
        ("reproduce", {"PROFILE": "fair"}, "PROFILE=fair is not what reproduce measures: leave PROFILE out."),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(command: str, knobs: dict[str, str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        planned(command, **knobs)


def test_aa_runs_one_server_against_itself() -> None:
    assert labels("aa") == {"A": "WSGI gunicorn", "B": "WSGI gunicorn"}
    assert labels("aa", SERVER="uvicorn") == {"A": "ASGI uvicorn", "B": "ASGI uvicorn"}


def test_reproduce_runs_the_article_and_lifts_nginx_s_limit_and_nothing_else() -> None:
    assert labels("reproduce") == {
        "A": "WSGI gunicorn (article)",
        "B": "ASGI uvicorn (article)",
        "C": "WSGI gunicorn (article, nginx_connections=8192)",
        "D": "ASGI uvicorn (article, nginx_connections=8192)",
    }
    given = planned("reproduce", SET="db_connections=200", USERS="20").sides
    assert given["C"].side.overrides == {"db_connections": 200, "nginx_connections": 8192}
    assert given["A"].users == (20,)


def test_two_campaigns_have_two_ids() -> None:
    assert len({planned("bench").id for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "1 min"), (2460, "41 min"), (5940, "99 min"), (6000, "1 h 40 min"), (9000, "2 h 30 min")]
)
def test_how_long_it_takes_is_told_in_minutes(seconds: float, text: str) -> None:
    assert in_minutes(seconds) == text


@pytest.mark.whole
@pytest.mark.parametrize(
    ("target", "given", "sentence"),
    [
        ("bench", "MAX_P95=soon", "MAX_P95=soon is not understood: give a time"),
        ("bench", "ANYWAY=2", "ANYWAY=2 is neither 0 nor 1"),
        ("bench-wsgi", "MIN_CAPACITY=300", "MIN_CAPACITY is for when runs are analysed"),
        ("compare", "A=results", "Name runs for both sides and no others"),
    ],
)
def test_make_says_what_cannot_be_judged_before_anything_is_measured(
    tmp_path: Path, target: str, given: str, sentence: str
) -> None:
    results = tmp_path / "results"
    done = subprocess.run(
        ["make", target, given, f"RESULTS={results}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(sentence)
    assert not results.exists()


def test_a_real_campaign_is_analysed_as_one(bench: Bench) -> None:
    done = bench.run("bench", TRIALS="2", USERS="5")
    assert done.returncode == 0, done.stderr
    runs = [run for run, _ in recorded(bench.results)]
    assert [run.outcome for run in runs] == 4 * [Outcome.COMPLETE]
    trials = [run.trial for run in runs if run.trial]
    assert {trial.campaign for trial in trials} == {done.stderr.split()[1].rstrip(":")}
    assert sorted((trial.number, trial.side) for trial in trials) == [(1, "A"), (1, "B"), (2, "A"), (2, "B")]
    assert [trial.number for trial in trials] == [1, 1, 2, 2]

    command = [sys.executable, "analyze.py", "--results", str(bench.results)]
    analysed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (analysed.returncode, analysed.stderr) == (0, "")
    assert "as well. ANYWAY=1" not in analysed.stdout, "the two sides differ in the server alone"
    report = (bench.results / "analysis" / "report.md").read_text()
    assert "| WSGI gunicorn valid trials |" in report
    assert report.count("![timeline") == 2
