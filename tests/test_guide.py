"""The guide: what it measures, in which order, and how it goes on after an interruption."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from rich.console import Console

from gatebench.errors import LoadError, MachineError, UsageError
from gatebench.guide import plan_guide
from gatebench.guide import resumed as resumed_of
from gatebench.plan import Plan, measure, runs_in
from gatebench.progress import Display
from gatebench.records import GUIDE_COLUMNS, Outcome, Run, Step, Trial
from gatebench.run_folder import RunFolder, recorded
from gatebench.values.guided import interface_of
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface
from gatebench.workloads import GUIDED, WORKLOADS
from tests.conftest import Bench

CODE: dict[str, object] = {"version": "1", "revision": "abc", "changed": False}


def planned(**knobs: str) -> Plan:
    return plan_guide({"STACK": "native", **knobs}, lambda: False)


def resumed(new: Plan, code: dict[str, object], results: Path) -> tuple[Plan, str]:
    return resumed_of(new, code, runs_in(results))


class FakeRun:
    """In the place of a run: leaves a folder as a run does, and fails where it is told to."""

    def __init__(self, results: Path, *errors: BaseException | None) -> None:
        self.results = results
        self.errors: Iterator[BaseException | None] = iter(errors)
        self.trials: list[Trial] = []
        self._names = count(1)

    def __call__(self, config: RunConfig, _display: Display, trial: Trial | None, _prepared: object) -> RunFolder:
        assert trial
        self.trials.append(trial)
        folder = RunFolder(self.results / f"run-{len(list(self.results.glob('*'))):03}")
        (folder.path / "logs").mkdir(parents=True)
        error = next(self.errors, None)
        n = float(next(self._names))
        outcome = Outcome.FAILED if error else Outcome.COMPLETE
        run = Run(folder.path.name, json.loads(json.dumps(config.to_json())), n, outcome, ended=n + 60, code=CODE)
        folder.write_run(replace(run, trial=trial, steps=(Step(1, config.users[0], n),)))
        if error:
            raise error
        return folder


def said(guide: Plan, fake: FakeRun, error: type[BaseException] | None = None) -> list[str]:
    text = io.StringIO()
    if error:
        with pytest.raises(error):
            measure(guide, Console(file=text), fake)
    else:
        measure(guide, Console(file=text), fake)
    return [line for line in text.getvalue().splitlines() if line]


def test_every_workload_has_a_place_in_it_but_the_article_s() -> None:
    assert set(GUIDED) == set(WORKLOADS) - {"article"}
    assert all(one.workload.about for one in GUIDED.values())


@pytest.mark.parametrize("guided", GUIDED.values(), ids=lambda one: one.name)
def test_its_sides_begin_with_their_interface_and_are_compared_in_columns(guided: object) -> None:
    one = GUIDED[guided.name]  # type: ignore[attr-defined]
    assert [interface_of(side) for side in one.sides]
    assert len(set(one.sides) & set(GUIDE_COLUMNS)) > 1 or one.name == "socket"


def test_a_trial_of_every_workload_comes_before_the_next_trial() -> None:
    plan = planned(WORKLOAD="hello,cpu").plan()
    assert [(trial.number, config.side.workload.name) for trial, config in plan] == [
        (number, name) for number in (1, 2, 3) for name in ("hello",) * 3 + ("cpu",) * 3
    ]
    assert {trial.guide for trial, _ in plan} == {plan[0][0].campaign.removesuffix("-hello")}


def test_its_ramps_end_where_a_site_does_and_its_knobs_are_its_own() -> None:
    (_, config), *_ = planned(WORKLOAD="fanout", HOLD="9").plan()
    assert (config.stop_at_limit, config.headless, config.settle_s, config.hold_s) == (True, True, 2.0, 9.0)
    many = next(config for trial, config in planned(WORKLOAD="fanout").plan() if trial.side == "WSGI, many threads")
    assert many.side.server.interface is Interface.WSGI
    assert many.side.footing.threads == 128


def test_a_workload_that_it_has_not_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"WORKLOAD=fan is none of the guide's: it has bare, "):
        planned(WORKLOAD="hello,fan")


def test_it_says_first_how_long_it_takes_about(tmp_path: Path) -> None:
    guide = planned(WORKLOAD="signup", TRIALS="1")
    lines = said(guide, FakeRun(tmp_path))
    assert re.fullmatch(rf"{guide.name}: 2 runs, about \d+ min\.", lines[0])
    assert lines[1].startswith("Trial 1 of 1, run 1 of 2: ")


def test_an_interrupted_guide_goes_on_where_it_was(tmp_path: Path) -> None:
    first = planned(WORKLOAD="signup")
    lines = said(first, FakeRun(tmp_path, None, None, None, KeyboardInterrupt()), KeyboardInterrupt)
    assert lines[-1] == f"{first.name} has 3 of its 6 runs: the same command goes on with it."

    second, told = resumed(planned(WORKLOAD="signup"), CODE, tmp_path)
    assert told == ""
    assert second.name == first.name
    assert [trial for trial, _ in second.left()] == [trial for trial, _ in first.plan()[3:]]
    assert second.expected_s() == 3 * 60  # as long as each side took
    fake = FakeRun(tmp_path)
    assert "3 of 6 runs are left" in said(second, fake)[0]
    assert len(fake.trials) == 3
    assert not resumed(planned(WORKLOAD="signup"), CODE, tmp_path)[0].left()


def test_other_settings_and_another_gatebench_begin_a_new_one(tmp_path: Path) -> None:
    said(planned(WORKLOAD="signup"), FakeRun(tmp_path, None, KeyboardInterrupt()), KeyboardInterrupt)
    for new, code in ((planned(WORKLOAD="signup", HOLD="9"), CODE), (planned(WORKLOAD="signup"), {"version": "2"})):
        same, told = resumed(new, code, tmp_path)
        assert same is new
        assert told.endswith("is of other settings or of another Gatebench: this is a new one.")


def test_a_run_that_fails_is_told_and_the_guide_goes_on(tmp_path: Path) -> None:
    guide = planned(WORKLOAD="signup", TRIALS="1")
    fake = FakeRun(tmp_path, LoadError("The load generator ended."))
    lines = said(guide, fake, LoadError)
    assert len(fake.trials) == 2
    assert "The load generator ended." in lines
    assert lines[-1] == f"{guide.name} has 1 of its 2 runs: the same command goes on with it."
    assert [trial for trial, _ in resumed(guide, CODE, tmp_path)[0].left()] == [fake.trials[0]]


def test_three_failures_in_a_row_end_it(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, *[MachineError("Port 8080 is in use.")] * 6)
    said(planned(WORKLOAD="signup"), fake, MachineError)
    assert len(fake.trials) == 3


def guide(bench: Bench) -> subprocess.Popen[str]:
    knobs = {"workload": "bare", "trials": 1, "settle": 0, "hold": 1, "stack": "native"}
    options = [f"--{name}={value}" for name, value in {**knobs, "port": bench.port, "results": bench.results}.items()]
    return bench.spawn("-m", "gatebench", "guide", *options)


@pytest.mark.whole
def test_a_guide_that_ctrl_c_ended_goes_on_and_ends_with_its_page(bench: Bench) -> None:
    first = guide(bench)
    assert first.stderr
    for line in first.stderr:
        if line.startswith("Trial 1 of 1, run 2 of 2"):
            break
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 130
    assert " has 1 of its 2 runs: the same command goes on with it." in first.stderr.read()

    second = guide(bench)
    stdout, stderr = second.communicate(timeout=120)
    assert second.returncode == 0, stderr
    assert "1 of 2 runs are left" in stderr
    runs = [run for run, _ in recorded(bench.results) if run.outcome is Outcome.COMPLETE]
    assert {run.trial.side for run in runs if run.trial} == {"WSGI", "ASGI, async views"}
    assert len({run.trial.guide for run in runs if run.trial}) == 1
    assert "Users that a site holds within its objective" in stdout
    out = bench.results / "guide"
    assert {"guide.html", "guide.md", "bare"} <= {path.name for path in out.iterdir()}
    assert 'href="guide/bare/report.html"' in (bench.results / "index.html").read_text()

    third = guide(bench)
    _, stderr = third.communicate(timeout=60)
    assert "is complete: nothing is measured. AGAIN=1 measures a new one." in stderr
