"""What is measured, run by run: campaigns, whose trials alternate, and what of them is done already.

A trial measures all sides of a campaign one right after the other, in an order shuffled anew. What drifts meanwhile (a
warm machine, a busy neighbour) then touches all sides alike, and the runs of one trial can be compared as a pair.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from gatebench.errors import GatebenchError
from gatebench.progress import Display, Reporter
from gatebench.records import Outcome, Run, Trial
from gatebench.run import run
from gatebench.run_folder import RunFolder, counting, recorded
from gatebench.so_far import expected_s
from gatebench.stacks.prepared import Prepared, prepared
from gatebench.values.run_config import RunConfig

AROUND_S = 15.0
"""Seconds a run takes beside its ramp: starting the stack, the check, the drain."""

NEEDED = 0.7
"""Of a ramp that ends at the limit a side needs so much, on the mean of 27 that were measured."""

Measure = Callable[[RunConfig, Display, Trial | None, Prepared | None], RunFolder]
Planned = tuple[Trial, RunConfig]


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is compared. `id` goes into every run.json, and is the seed of the order too."""

    id: str
    sides: Mapping[str, RunConfig]
    trials: int
    guide: str | None = None  # that it is a part of
    counted: Mapping[str, RunConfig] = field(default_factory=dict)  # sides that are counted first, and not timed

    def plan(self) -> list[Planned]:
        """The runs in their order."""
        order = random.Random(self.id)
        counts = [(Trial(self.id, 0, side, self.guide), config) for side, config in self.counted.items()]
        return counts + [
            (Trial(self.id, number, side, self.guide), self.sides[side])
            for number in range(1, self.trials + 1)
            for side in order.sample(list(self.sides), len(self.sides))
        ]


@dataclass(frozen=True, slots=True)
class Plan:
    """Campaigns that are measured together. `done` has the run of each trial that is measured already."""

    name: str  # as in "Campaign 20261130-154419-3f2a"
    campaigns: Sequence[Campaign]
    goes_on_with: str = ""  # what has the rest measured, once it was interrupted; empty where nothing has
    most_failed: int = 1  # so many runs that fail, one after the other, end it
    left_out: Sequence[str] = ()  # a sentence for each kind of side that makes no sense
    done: Mapping[Trial, Run] = field(default_factory=dict)

    def plan(self) -> list[Planned]:
        """All its runs in their order: trial 1 of each campaign, then trial 2."""
        return sorted((one for campaign in self.campaigns for one in campaign.plan()), key=lambda one: one[0].number)

    def left(self) -> list[Planned]:
        return [(trial, config) for trial, config in self.plan() if trial not in self.done]

    @property
    def trials(self) -> int:
        return max(one.trials for one in self.campaigns)

    def changed(self, change: Callable[[RunConfig], RunConfig]) -> Plan:
        """With each side as `change` makes it."""
        return replace(
            self,
            campaigns=[
                replace(
                    one,
                    sides={side: change(config) for side, config in one.sides.items()},
                    counted={side: change(config) for side, config in one.counted.items()},
                )
                for one in self.campaigns
            ],
        )

    def expected_s(self) -> float:
        """Seconds that are left, about: a side takes as long as it took before."""
        took = {(trial.campaign, trial.side): run.ended - run.started for trial, run in self.done.items() if run.ended}
        return sum(took.get((trial.campaign, trial.side), _expected_s(config)) for trial, config in self.left())

    def resumed(self, runs: Sequence[Run], code: Mapping[str, object]) -> Plan | None:
        """With those of the runs that are its own and complete; None where one of its own is of other settings or by
        another Gatebench (`code`, as run.json has it).
        """
        planned = {trial: _as_recorded(config) for trial, config in self.plan()}
        ids = {campaign.id for campaign in self.campaigns}
        own = [(found.trial, found) for found in runs if found.trial and found.trial.campaign in ids]
        if any(found.code != code or planned.get(trial) != _config(found) for trial, found in own):
            return None
        return replace(self, done={trial: found for trial, found in own if found.outcome is Outcome.COMPLETE})


def _expected_s(config: RunConfig) -> float:
    if config.side.counted:
        return AROUND_S
    return expected_s(config) * (NEEDED if config.stop_at_limit else 1) + AROUND_S


def _as_recorded(config: RunConfig) -> RunConfig:
    """As it is read back: of a secret no more than that it is set."""
    return RunConfig.from_json(json.loads(json.dumps(config.to_json())))


def _config(found: Run) -> RunConfig:
    return RunConfig.from_json(found.config)


def new_id() -> str:
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def runs_in(results: Path) -> list[Run]:
    """Those of a folder, oldest first."""
    return [found for found, _ in (*recorded(results), *counting(results))]


def measure(plan: Plan, console: Console, measure_one: Measure = run) -> list[RunFolder]:
    """Makes every run that is left, and returns their folders. A run that fails is told and the plan goes on, up to
    `most_failed` in a row; Ctrl-C ends it. What was recorded is kept. Raises the first error at the end.
    """
    left, planned = plan.left(), len(plan.plan())
    if planned == 1 and plan.campaigns[0].guide is None:
        ((_, config),) = left
        return [_measured(config, None, None, console, measure_one)]
    for sentence in plan.left_out:
        say(console, f"Left out: {sentence}")
    say(console, f"{plan.name}: {_how_many(len(left), planned)}, about {in_minutes(plan.expected_s())}.")
    folders: list[RunFolder] = []
    failed: list[GatebenchError] = []
    in_a_row = 0
    try:
        with prepared() as of_all:
            for place, (trial, config) in enumerate(left, start=1 + planned - len(left)):
                trial_of = f"Trial {trial.number} of {plan.trials}" if trial.number else "Counts"
                where = f"{trial_of}, run {place} of {planned}"
                say(console, f"\n{where}: {config.side.label}")
                try:
                    folders.append(_measured(config, trial, of_all, console, measure_one))
                    in_a_row = 0
                except GatebenchError as error:
                    failed.append(error)
                    in_a_row += 1
                    if in_a_row == plan.most_failed:
                        raise
                    say(console, str(error))
    finally:
        if (complete := planned - len(left) + len(folders)) < planned:
            goes_on = f": {plan.goes_on_with} goes on with it" * bool(complete and plan.goes_on_with)
            say(console, f"{plan.name} has {complete} of its {planned} runs{goes_on}.")
    if failed:
        raise failed[0]
    return folders


def _measured(
    config: RunConfig, trial: Trial | None, of_all: Prepared | None, console: Console, measure_one: Measure
) -> RunFolder:
    """The folder of one run, which is shown on the console while it goes on."""
    with Reporter(config, console) as display:
        return measure_one(config, display, trial, of_all)


def _how_many(left: int, planned: int) -> str:
    return f"{planned} runs" if left == planned else f"{left} of {planned} runs are left"


def in_minutes(seconds: float) -> str:
    """As in "41 min"; hours from a hundred minutes on."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
