"""The guide: which interface for which kind of site. Every workload under the sides that suit it, in trials.

A workload's sides are a campaign, and the campaigns alternate: trial 1 of each, then trial 2, so that a workload's
trials lie an hour apart and what is there after the first third is a complete guide already. A guide that was
interrupted goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from gatebench.knobs import guided_of, resolve, trials_of
from gatebench.plan import Campaign, Plan, new_id
from gatebench.records import Run
from gatebench.values.guided import Guided, interface_of
from gatebench.values.run_config import RunConfig

DEFAULTS = {"TRIALS": "3", "SETTLE": "2", "HOLD": "4", "HEADLESS": "1"}
"""Of knobs that other commands have other defaults of: a guide is many short runs, and nobody watches all of them."""

HELP = "every workload under WSGI and ASGI, with few and many threads, with sync and async views"

STOP_AT_LIMIT = {"STOP_AT_LIMIT": "1"}

MOST_FAILED = 3
"""By then it is the machine, and no workload of it."""


def plan_guide(given: Mapping[str, str], engine_answers: Callable[[], bool]) -> Plan:
    """A new guide of the workloads that WORKLOAD names with commas between, else of all."""
    knobs = {**DEFAULTS, **{name: text for name, text in given.items() if text}, **STOP_AT_LIMIT}
    guide_id, trials = new_id(), trials_of(knobs)
    campaigns = [
        Campaign(f"{guide_id}-{guided.name}", _sides(guided, knobs, engine_answers), trials, guide_id)
        for guided in guided_of(given)
    ]
    return Plan(f"Guide {guide_id}", campaigns, "the same command", MOST_FAILED)


def _sides(guided: Guided, knobs: Mapping[str, str], engine_answers: Callable[[], bool]) -> dict[str, RunConfig]:
    users = ",".join(map(str, guided.users))
    asked = {"USERS": users, **knobs, "WORKLOAD": guided.name}
    return {side: resolve(interface_of(side), {**asked, **own}, engine_answers) for side, own in guided.sides.items()}


def resumed(new: Plan, code: Mapping[str, object], runs: list[Run]) -> tuple[Plan, str]:
    """The newest guide of the runs as far as it has come, where it is of the same sides and by the same Gatebench
    (`code`, as run.json has it); else the new one, and a sentence that says so where there is another.
    """
    newest = next((run.trial.guide for run in reversed(runs) if run.trial and run.trial.guide), None)
    if newest is None:
        return new, ""
    campaigns = [replace(one, id=_renamed(one, newest), guide=newest) for one in new.campaigns]
    old = replace(new, name=f"Guide {newest}", campaigns=campaigns)
    of_newest = [run for run in runs if run.trial and run.trial.guide == newest]
    known = {campaign.id for campaign in campaigns}
    resumed = old.resumed(of_newest, code)
    if resumed is None or any(run.trial.campaign not in known for run in of_newest if run.trial):
        return new, f"Guide {newest} is of other settings or of another Gatebench: this is a new one."
    return resumed, ""


def _renamed(campaign: Campaign, guide_id: str) -> str:
    return campaign.id.replace(campaign.guide or "", guide_id)


def day(guide: Plan) -> str:
    """When its newest run was made, as in "27 November"."""
    return time.strftime("%-d %B", time.localtime(max(found.started for found in guide.done.values())))
