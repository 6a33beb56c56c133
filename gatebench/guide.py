"""The guide: which interface for which kind of site. Every workload under the sides that suit it, in trials.

A workload's sides are a campaign, and the campaigns alternate: trial 1 of each, then trial 2, so that a workload's
trials lie an hour apart and what is there after the first third is a whole guide already. A guide that was interrupted
goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from gatebench.campaign import AROUND_S, Campaign, Measure, in_minutes, measured, new_id, say
from gatebench.errors import GatebenchError
from gatebench.knobs import guided_of, resolve, trials_of
from gatebench.records import Outcome, Run, Trial
from gatebench.run import run
from gatebench.run_folder import recorded
from gatebench.so_far import expected_s
from gatebench.stacks.prepared import prepared
from gatebench.values.guided import Guided, interface_of
from gatebench.values.run_config import RunConfig

DEFAULTS = {"TRIALS": "3", "SETTLE": "2", "HOLD": "4", "HEADLESS": "1"}
"""Of knobs that other commands have other defaults of: a guide is many short runs, and nobody watches all of them."""

HELP = "every workload under WSGI and ASGI, with few and many threads, with sync and async views"

STOP_AT_LIMIT = {"STOP_AT_LIMIT": "1"}

NEEDED = 0.7
"""Of its ramp a side needs so much, on the mean of 27 that were measured: it ends where the site does."""

MOST_FAILED = 3
"""Runs one after the other that fail, until the guide ends: by then it is the machine, and no workload of it."""

Planned = tuple[Trial, RunConfig]


@dataclass(frozen=True, slots=True)
class Guide:
    """`done` has the run of each trial that is measured already."""

    id: str
    campaigns: Sequence[Campaign]
    done: Mapping[Trial, Run]

    def plan(self) -> list[Planned]:
        """All its runs in their order."""
        return sorted((one for campaign in self.campaigns for one in campaign.plan()), key=lambda one: one[0].number)

    def left(self) -> list[Planned]:
        return [(trial, config) for trial, config in self.plan() if trial not in self.done]

    def expected_s(self) -> float:
        """Seconds that are left, about: a side takes as long as it took before."""
        took = {(trial.campaign, trial.side): run.ended - run.started for trial, run in self.done.items() if run.ended}
        return sum(
            took.get((trial.campaign, trial.side), NEEDED * expected_s(config) + AROUND_S)
            for trial, config in self.left()
        )


def plan_guide(given: Mapping[str, str], engine_answers: Callable[[], bool]) -> Guide:
    """A new guide of the workloads that WORKLOAD names with commas between, else of all."""
    knobs = {**DEFAULTS, **{name: text for name, text in given.items() if text}, **STOP_AT_LIMIT}
    sides = {guided.name: _sides(guided, knobs, engine_answers) for guided in guided_of(given)}
    return _guide(new_id(), sides, trials_of(knobs))


def _guide(guide_id: str, sides: Mapping[str, Mapping[str, RunConfig]], trials: int) -> Guide:
    return Guide(guide_id, [Campaign(f"{guide_id}-{name}", of, trials, guide_id) for name, of in sides.items()], {})


def _sides(guided: Guided, knobs: Mapping[str, str], engine_answers: Callable[[], bool]) -> dict[str, RunConfig]:
    users = ",".join(map(str, guided.users))
    asked = {"USERS": users, **knobs, "WORKLOAD": guided.name}
    return {side: resolve(interface_of(side), {**asked, **own}, engine_answers) for side, own in guided.sides.items()}


def resumed(new: Guide, code: Mapping[str, object], results: Path) -> tuple[Guide, str]:
    """The newest guide there as far as it has come, where it is of the same sides and by the same Gatebench (`code`, as
    run.json has it); else the new one, and a sentence that says so where there is another.
    """
    runs = [(found.trial, found) for found, _ in recorded(results) if found.trial and found.trial.guide]
    if not runs:
        return new, ""
    newest = str(runs[-1][0].guide)
    campaigns = [replace(one, id=one.id.replace(new.id, newest), guide=newest) for one in new.campaigns]
    planned = {trial: config for one in campaigns for trial, config in one.plan()}
    of_newest = [(trial, found) for trial, found in runs if trial.guide == newest]
    if any(found.code != code or planned.get(trial) != _config(found) for trial, found in of_newest):
        return new, f"Guide {newest} is of other settings or of another Gatebench: this is a new one."
    done = {trial: found for trial, found in of_newest if found.outcome is Outcome.COMPLETE}
    return Guide(newest, campaigns, done), ""


def _config(found: Run) -> RunConfig:
    return RunConfig.from_json(found.config)


def measure_guide(guide: Guide, console: Console, measure_one: Measure = run) -> None:
    """Makes every run that is left. A run that fails is told, and the guide goes on; raises its error at the end."""
    left, planned = guide.left(), len(guide.plan())
    trials = max(one.trials for one in guide.campaigns)
    say(console, f"Guide {guide.id}: {_how_many(len(left), planned)}, about {in_minutes(guide.expected_s())}.")
    failed: list[GatebenchError] = []
    in_a_row = 0
    done = dict(guide.done)
    try:
        with prepared() as of_all:
            for trial, config in left:
                place = f"Trial {trial.number} of {trials}, run {len(done) + len(failed) + 1} of {planned}"
                say(console, f"\n{place}: {config.side.workload.name}, {trial.side}")
                try:
                    done[trial] = measured(config, trial, of_all, console, measure_one).read_run()
                    in_a_row = 0
                except GatebenchError as error:
                    say(console, str(error))
                    failed.append(error)
                    in_a_row += 1
                    if in_a_row == MOST_FAILED:
                        raise
    finally:
        if len(done) < planned:
            say(console, f"The guide has {len(done)} of its {planned} runs: the same command goes on with it.")
    if failed:
        raise failed[0]


def _how_many(left: int, planned: int) -> str:
    return f"{planned} runs" if left == planned else f"{left} of {planned} runs are left"


def day(guide: Guide) -> str:
    """When its newest run was made, as in "27 November"."""
    return time.strftime("%-d %B", time.localtime(max(found.started for found in guide.done.values())))
