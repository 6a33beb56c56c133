"""Several runs, in trials: each trial measures all sides one right after the other, in an order shuffled anew.

What drifts while a campaign goes on (a warm machine, a busy neighbour) then touches all sides alike, and the runs of
one trial can be compared as a pair.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from rich.console import Console

from gatebench.errors import UsageError
from gatebench.knobs import resolve, resolve_server, servers_of, trials_of
from gatebench.progress import Display, Reporter
from gatebench.records import Trial
from gatebench.run import run
from gatebench.run_folder import RunFolder
from gatebench.so_far import expected_s
from gatebench.stacks.prepared import Prepared, prepared
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface
from gatebench.values.workload import Workload

AROUND_S = 15.0
"""Seconds a run takes beside its ramp: starting the stack, the check, the drain."""

NGINX_LIFTED = "nginx_connections=8192"
"""The article's setup with this setting changed, and no other, shows what Nginx's limit did."""

COMMANDS = {
    "bench-wsgi": "TRIALS runs of a WSGI server",
    "bench-asgi": "TRIALS runs of an ASGI server",
    "bench": "WSGI against ASGI, or the servers that SERVER names with commas between",
    "aa": "one server against itself: how much two equal sides differ here",
    "reproduce": "the article's setup under both interfaces, and again with Nginx's limit lifted",
}

Measure = Callable[[RunConfig, Display, Trial | None, Prepared | None], RunFolder]


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is measured. `id` goes into every run.json, and is the seed of the order too."""

    id: str
    sides: Mapping[str, RunConfig]
    trials: int
    guide: str | None = None  # that it is a part of

    def plan(self) -> list[tuple[Trial, RunConfig]]:
        """The runs in their order."""
        order = random.Random(self.id)
        return [
            (Trial(self.id, number, side, self.guide), self.sides[side])
            for number in range(1, self.trials + 1)
            for side in order.sample(list(self.sides), len(self.sides))
        ]

    def expected_s(self) -> float:
        return sum(expected_s(config) + AROUND_S for _, config in self.plan())


def plan_campaign(
    command: str, given: Mapping[str, str], engine_answers: Callable[[], bool], own: Workload | None = None
) -> Campaign:
    """The campaign that a command and the given knobs ask for; raises UsageError before anything starts. `own` is the
    workload of a person's own project.
    """
    return campaign_of(_sides(command, _Resolver(given, engine_answers, own)), given)


def campaign_of(configs: Sequence[RunConfig], given: Mapping[str, str]) -> Campaign:
    """A new one that measures these, as A, B, …"""
    sides = dict(zip(ascii_uppercase, configs, strict=False))
    return Campaign(new_id(), sides, trials_of(given))


def new_id() -> str:
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def measure(campaign: Campaign, console: Console, measure_one: Measure = run) -> list[RunFolder]:
    """Makes every run and returns their folders. The first error, or Ctrl-C, ends it; what was recorded is kept."""
    plan = campaign.plan()
    if len(plan) == 1:
        ((_, config),) = plan
        return [measured(config, None, None, console, measure_one)]
    say(console, f"Campaign {campaign.id}: {len(plan)} runs, about {in_minutes(campaign.expected_s())}.")
    folders: list[RunFolder] = []
    try:
        with prepared() as of_all:
            for place, (trial, config) in enumerate(plan, start=1):
                where = f"Trial {trial.number} of {campaign.trials}, run {place} of {len(plan)}"
                say(console, f"\n{where}: {config.side.label}")
                folders.append(measured(config, trial, of_all, console, measure_one))
    except BaseException:
        say(console, f"The campaign ended early: {len(folders)} of its {len(plan)} runs are complete.")
        raise
    return folders


def measured(
    config: RunConfig, trial: Trial | None, of_all: Prepared | None, console: Console, measure_one: Measure
) -> RunFolder:
    """The folder of one run, which is shown on the console while it goes on."""
    with Reporter(config, console) as display:
        return measure_one(config, display, trial, of_all)


@dataclass(frozen=True, slots=True)
class _Resolver:
    """From the name of a server or an interface to a run, by the knobs that were given."""

    given: Mapping[str, str]
    engine_answers: Callable[[], bool]
    own: Workload | None

    def each(self, servers: list[str], **more: str) -> list[RunConfig]:
        return [resolve_server(name, {**self.given, **more}, self.engine_answers, self.own) for name in servers]


def _sides(command: str, resolver: _Resolver) -> list[RunConfig]:
    given = resolver.given
    if command == "aa":
        return 2 * resolver.each([given.get("SERVER") or servers_of(given)[0]])
    if command == "bench":
        return resolver.each(servers_of(given))
    if command == "reproduce":
        return _article(resolver)
    return [resolve(Interface(command.removeprefix("bench-")), given, resolver.engine_answers, resolver.own)]


def _article(resolver: _Resolver) -> list[RunConfig]:
    given = resolver.given
    if given.get("PROFILE", "") not in ("", "article"):
        raise UsageError(f"PROFILE={given['PROFILE']} is not what reproduce measures: leave PROFILE out.")
    servers, lifted = servers_of(given), f"{given.get('SET', '')} {NGINX_LIFTED}".strip()
    return [*resolver.each(servers, PROFILE="article"), *resolver.each(servers, PROFILE="article", SET=lifted)]


def in_minutes(seconds: float) -> str:
    """As in "41 min"; hours from a hundred minutes on."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
