"""A campaign: which runs a command asks for, in which order they are made, and how it ends."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from gatebench import ROOT
from gatebench.campaign import plan_campaign, plan_of
from gatebench.errors import LoadError, MachineError, UsageError
from gatebench.knobs import resolve
from gatebench.ladder import LADDER
from gatebench.plan import Campaign, Plan, in_minutes, measure
from gatebench.progress import Display
from gatebench.records import Outcome, Run, Trial
from gatebench.run_folder import RunFolder, recorded
from gatebench.servers import SERVERS
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface
from tests.conftest import Bench


def planned(command: str, **knobs: str) -> Plan:
    return plan_campaign(command, knobs, engine_answers=lambda: False)


def sides(plan: Plan) -> Mapping[str, RunConfig]:
    (campaign,) = plan.campaigns
    return campaign.sides


def labels(command: str, **knobs: str) -> dict[str, str]:
    return {name: config.side.label for name, config in sides(planned(command, **knobs)).items()}


def campaign(trials: int, *names: str, campaign_id: str = "one") -> Plan:
    config = resolve(Interface.WSGI, {"USERS": "100:700:100"}, lambda: False)
    one = Campaign(campaign_id, dict.fromkeys(names, config), trials)
    return Plan(f"Campaign {campaign_id}", [one], f"RESUME={campaign_id}")


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


def said(campaign: Plan, fake: FakeRun) -> list[str]:
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
    assert lines[-1] == "Campaign one has 2 of its 4 runs: RESUME=one goes on with it."


def test_bench_measures_both_interfaces() -> None:
    assert labels("bench") == {"A": "WSGI gunicorn", "B": "ASGI uvicorn"}
    assert planned("bench", TRIALS="5").trials == 5


def test_a_server_that_is_named_takes_its_interface_s_place() -> None:
    assert labels("bench", SERVER="daphne") == {"A": "WSGI gunicorn", "B": "ASGI daphne"}
    assert labels("bench", SERVER="gunicorn") == {"A": "WSGI gunicorn", "B": "ASGI uvicorn"}


def test_two_servers_that_are_named_are_the_sides() -> None:
    assert labels("bench", SERVER="uvicorn,daphne") == {"A": "ASGI uvicorn", "B": "ASGI daphne"}
    assert len(labels("bench", SERVER="gunicorn,uvicorn,daphne,hypercorn")) == 4


def test_a_bridge_is_a_side_and_wsgi_has_none() -> None:
    of_bridges = {"A": "WSGI gunicorn", "B": "ASGI uvicorn", "C": "ASGI uvicorn (one-hop)"}
    assert labels("bench", BRIDGE="shipped,one-hop") == of_bridges
    assert labels("bench", BRIDGE="one-hop") == {"A": "WSGI gunicorn", "B": "ASGI uvicorn (one-hop)"}


def test_sides_lie_along_any_axis_in_every_combination() -> None:
    assert list(labels("bench", THREADS="8,64", WORKERS="1,2", SERVER="gunicorn,uvicorn").values()) == [
        "WSGI gunicorn (1 worker, threads=8)",
        "WSGI gunicorn (threads=8)",
        "WSGI gunicorn (1 worker, threads=64)",
        "WSGI gunicorn (threads=64)",
        "ASGI uvicorn (1 worker)",  # it has no threads of its own
        "ASGI uvicorn",
    ]
    assert list(labels("bench", THREADS="8,64", BRIDGE="one-hop").values())[2:] == [
        "ASGI uvicorn (one-hop, threads=8)",
        "ASGI uvicorn (one-hop, threads=64)",
    ]
    assert list(labels("bench", THREADS="64").values()) == ["WSGI gunicorn (threads=64)", "ASGI uvicorn (threads=64)"]
    (config, *_) = sides(planned("bench", THREADS="8,64", DB="pool")).values()
    assert config.axes == ("THREADS",)


def test_packages_are_an_axis_and_none_of_them_is_a_value() -> None:
    assert list(labels("bench", SERVER="uvicorn", WITH="locked,asgiref==3.11.1 django==6.1.*").values()) == [
        "ASGI uvicorn",
        "ASGI uvicorn (asgiref==3.11.1, django==6.1.*)",
    ]


def test_a_combination_that_makes_no_sense_is_left_out_and_said_first() -> None:
    plan = planned("bench", DB="pool,persistent", TRIALS="2")
    assert [config.side.label for config in sides(plan).values()] == [
        "WSGI gunicorn",
        "WSGI gunicorn (persistent)",
        "ASGI uvicorn",
    ]
    first, second, *_ = said(plan, FakeRun())
    assert first.startswith("Left out: uvicorn with DB=persistent: DB=persistent leaks connections under ASGI")
    assert second.endswith(": 6 runs, about 24 min.")


def test_one_server_along_an_axis_has_no_other_beside_it() -> None:
    assert labels("bench", SERVER="uvicorn", BRIDGE="shipped,one-hop") == {
        "A": "ASGI uvicorn",
        "B": "ASGI uvicorn (one-hop)",
    }


def test_how_a_campaign_goes_on_is_said_as_its_command_takes_it() -> None:
    (trial, _), *_ = (plan := planned("bench")).plan()
    assert plan.goes_on_with == f"RESUME={trial.campaign}"
    assert plan_of([config for _, config in plan.plan()], {}).goes_on_with == ""  # revisions


def test_a_campaign_with_a_secret_goes_on() -> None:
    plan = planned("bench", ENV="API_KEY=abc", TRIALS="2")
    (trial, config), *others = plan.plan()
    run = Run("run", json.loads(json.dumps(config.to_json())), 1.0, Outcome.COMPLETE, code={}, trial=trial)
    resumed = plan.resumed([run], {})
    assert resumed is not None
    assert resumed.left() == others


def test_a_campaign_goes_on_with_what_is_left_of_it() -> None:
    plan = campaign(2, "A", "B")
    code = {"revision": "abc"}
    runs = [
        Run("run", json.loads(json.dumps(config.to_json())), 1.0, Outcome.COMPLETE, code=code, trial=trial)
        for trial, config in plan.plan()
    ]
    failed = replace(runs[1], outcome=Outcome.FAILED)
    of_another = replace(runs[2], trial=Trial("two", 1, "A"))
    resumed = plan.resumed([runs[0], failed, of_another], code)
    assert resumed is not None
    assert resumed.left() == plan.plan()[1:]
    fake = FakeRun()
    assert said(resumed, fake)[0].startswith("Campaign one: 3 of 4 runs are left, about ")
    assert fake.trials == [trial for trial, _ in plan.plan()[1:]]
    assert plan.resumed(runs[:1], {"revision": "def"}) is None
    assert plan.resumed([replace(runs[0], config={**runs[0].config, "hold_s": 1.0})], code) is None


@pytest.mark.parametrize(
    ("command", "knobs", "sentence"),
    [
        ("bench", {"VIEWS": "sync,asnyc"}, "VIEWS=asnyc is not known: .* Did you mean async?"),
        ("bench", {"THREADS": ","}, "THREADS=, has no value: give one, or several with commas between."),
        ("bench", {"SERVER": "gunicorn", "BRIDGE": "one-hop,reused"}, "BRIDGE is for ASGI, and SERVER names no"),
        ("bench-asgi", {"BRIDGE": "shipped,one-hop"}, "BRIDGE=shipped,one-hop has several values, which only bench"),
        ("aa", {"DB": "pool,persistent"}, "DB=pool,persistent has several values, which only bench takes: give aa one"),
        ("bench", {"DB": "persistent"}, "DB=persistent leaks connections under ASGI"),
        ("bench", {"SERVER": "uvicorn,daphne", "DB": "persistent,"}, "DB=persistent leaks connections under ASGI"),
        (
            "bench",
            {"THREADS": ",".join(map(str, range(1, 704)))},
            "These are 704 sides, and a campaign has 702 at most",
        ),
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
    given = sides(planned("reproduce", SET="db_connections=200", USERS="20"))
    assert given["C"].side.overrides == {"db_connections": 200, "nginx_connections": 8192}
    assert given["A"].users == (20,)


def test_the_ladder_is_a_side_a_rung_and_counts_each_first() -> None:
    plan = planned("why", TRIALS="2")
    given = sides(plan)
    assert [config.rung.name for config in given.values() if config.rung] == [rung.name for rung in LADDER]
    assert {config.users for config in given.values()} == {(30, 60, 350)}
    counted = [(trial, config) for trial, config in plan.plan() if trial.number == 0]
    assert [trial for trial, _ in plan.plan()][: len(LADDER)] == [trial for trial, _ in counted]
    assert all(config.side.counted and config.side.footing.workers == 1 for _, config in counted)
    assert not any(config.side.counted for config in given.values())
    assert len(plan.plan()) == 3 * len(LADDER)


def test_each_rung_differs_from_the_one_before_it_in_one_thing() -> None:
    by_name = {rung.name: rung for rung in LADDER}
    for rung in LADDER[1:]:
        before = by_name[rung.before].knobs
        changed = {name for name in {*rung.knobs, *before} if rung.knobs.get(name) != before.get(name)}
        assert len(changed - {"SERVER"}) == 1


def test_a_rung_that_cannot_be_is_left_out_and_the_next_is_compared_with_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_such_views = {"SERVER": "uvicorn", "VIEWS": "plain"}
    rungs = [replace(rung, knobs=no_such_views) if rung.name == "a2wsgi" else rung for rung in LADDER]
    monkeypatch.setattr("gatebench.campaign.LADDER", rungs)
    plan = planned("why")
    before = {config.rung.name: config.rung.before for config in sides(plan).values() if config.rung}
    assert before["one hop"] == "WSGI"
    assert "a2wsgi" not in before
    (sentence,) = plan.left_out
    assert sentence.startswith("a2wsgi: VIEWS=plain is nothing that WORKLOAD=vote has")


def test_two_campaigns_have_two_ids() -> None:
    assert len({planned("bench").name for _ in range(20)}) > 1


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

    (campaign,) = {trial.campaign for trial in trials}
    shutil.rmtree(bench.folder().path)
    again = bench.start("bench", more=["--resume", campaign], TRIALS="2", USERS="5")
    _, stderr = again.communicate(timeout=120)
    assert again.returncode == 0, stderr
    assert f"Campaign {campaign}: 1 of 4 runs are left, about 1 min." in stderr
    assert len(recorded(bench.results)) == 4
    other = bench.start("bench", more=["--resume", campaign], TRIALS="2", USERS="6")
    assert "was begun with other settings or by another Gatebench" in other.communicate(timeout=60)[1]


def test_a_matrix_has_every_server_as_usual_and_each_side_once() -> None:
    plan = planned("matrix", MATRIX="quick", STACK="compose")
    labels = [config.side.label for config in sides(plan).values()]
    assert len(set(labels)) == len(labels)
    assert {f"{row.interface.upper()} {name}" for name, row in SERVERS.items()} <= set(labels)
    assert {"WSGI gunicorn (pgbouncer)", "ASGI uvicorn (one-hop, persistent)", "ASGI uvicorn (async)"} <= set(labels)
    assert {(config.stop_at_limit, config.axes) for config in sides(plan).values()} == {
        (True, ("BRIDGE", "DB", "VIEWS"))
    }
    assert plan.trials == 3


def test_a_full_matrix_leaves_out_what_cannot_be_and_names_sides_beyond_z() -> None:
    plan = planned("matrix", MATRIX="full", STACK="compose")
    names = list(sides(plan))
    assert names[25:28] == ["Z", "AA", "AB"]
    (sentence,) = plan.left_out
    assert sentence.startswith("daphne with DB=persistent: DB=persistent leaks connections under ASGI")


def test_what_a_machine_has_not_is_left_out_of_a_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_pgbouncer() -> None:
        raise MachineError("No PgBouncer was found: install it.")

    monkeypatch.setattr("gatebench.campaign.find_pgbouncer", find_pgbouncer)
    plan = planned("matrix", MATRIX="quick", STACK="native")
    assert plan.left_out == ["gunicorn with DB=pgbouncer: No PgBouncer was found: install it."]
    assert all(config.side.footing.db != "pgbouncer" for config in sides(plan).values())
    with pytest.raises(MachineError, match="No PgBouncer was found"):
        planned("bench-wsgi", DB="pgbouncer", STACK="native")


def test_a_matrix_that_is_not_known_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"^MATRIX=half is not known: it is one of quick, full\.$"):
        planned("matrix", MATRIX="half")
