"""From a command and knobs to the sides that are measured: two interfaces, several servers, or sides along any axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from string import ascii_uppercase

from gatebench.errors import MachineError, UsageError
from gatebench.knobs import axes_of, fitting, resolve, resolve_server, servers_of, trials_of
from gatebench.ladder import DEFAULTS, LADDER
from gatebench.plan import Campaign, Plan, new_id
from gatebench.records import PGBOUNCER
from gatebench.stacks.programs import find_pgbouncer
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface
from gatebench.values.workload import Workload

NGINX_LIFTED = "nginx_connections=8192"
"""The article's setup with this setting changed, and no other, shows what Nginx's limit did."""

COMMANDS = {
    "bench-wsgi": "TRIALS runs of a WSGI server",
    "bench-asgi": "TRIALS runs of an ASGI server",
    "bench": "WSGI against ASGI, the servers that SERVER names with commas between, or sides along other knobs",
    "aa": "one server against itself: how much two equal sides differ here",
    "why": "the way from WSGI to ASGI, one change at a time: what each costs",
    "reproduce": "the article's setup under both interfaces, and again with Nginx's limit lifted",
}


def plan_campaign(
    command: str,
    given: Mapping[str, str],
    engine_answers: Callable[[], bool],
    own: Workload | None = None,
    campaign_id: str = "",
) -> Plan:
    """What a command and the given knobs ask for; raises UsageError before anything starts. `own` is the workload of a
    person's own project, `campaign_id` that of an earlier campaign that goes on.
    """
    if command == "why":
        given = {**DEFAULTS, **{name: text for name, text in given.items() if text}}
    sides, left_out = _sides(command, _Resolver(given, engine_answers, own))
    plan = plan_of(sides, given, left_out, campaign_id)
    (campaign,) = plan.campaigns
    if command == "why":
        campaign = replace(campaign, counted={name: _counted(config) for name, config in campaign.sides.items()})
    return replace(plan, campaigns=[campaign], goes_on_with=f"{'--resume ' if own else 'RESUME='}{campaign.id}")


def _counted(config: RunConfig) -> RunConfig:
    """The same side in one process. Of loops asyncio's own alone tells how often it is woken."""
    server_args = f"{config.side.server_args} {'--loop asyncio' * (config.side.server.name == 'uvicorn')}".strip()
    footing = replace(config.side.footing, workers=1)
    return replace(config, side=replace(config.side, counted=True, footing=footing, server_args=server_args))


def plan_of(
    configs: Sequence[RunConfig], given: Mapping[str, str], left_out: Sequence[str] = (), campaign_id: str = ""
) -> Plan:
    """One campaign that measures these, as A, B, …"""
    if len(configs) > (most := len(ascii_uppercase)):
        raise UsageError(f"These are {len(configs)} sides, and a campaign has {most} at most: give fewer.")
    sides = dict(zip(ascii_uppercase, configs, strict=False))
    campaign = Campaign(campaign_id or new_id(), sides, trials_of(given))
    return Plan(f"Campaign {campaign.id}", [campaign], left_out=left_out)


@dataclass(frozen=True, slots=True)
class _Resolver:
    """From the name of a server or an interface to a run, by the knobs that were given."""

    given: Mapping[str, str]
    engine_answers: Callable[[], bool]
    own: Workload | None

    def side(self, server: str, given: Mapping[str, str]) -> RunConfig:
        """Raises UsageError, and MachineError for a program that is not there."""
        return _with_its_programs(resolve_server(server, given, self.engine_answers, self.own))

    def each(self, servers: Sequence[str], **more: str) -> list[RunConfig]:
        return [self.side(name, {**self.given, **more}) for name in servers]


def _with_its_programs(config: RunConfig) -> RunConfig:
    if config.stack == "native" and config.side.footing.db == PGBOUNCER:
        find_pgbouncer()
    return config


def _sides(command: str, resolver: _Resolver) -> tuple[list[RunConfig], list[str]]:
    """The sides, and a sentence for each kind that is left out."""
    given = resolver.given
    if command == "bench":
        return _along_axes(resolver)
    for name in axes_of(given):
        raise UsageError(f"{name}={given[name]} has several values, which only bench takes: give {command} one.")
    if command == "aa":
        return 2 * resolver.each([given.get("SERVER") or servers_of(given)[0]]), []
    if command == "why":
        return _ladder(resolver)
    if command == "reproduce":
        return _article(resolver), []
    interface = Interface(command.removeprefix("bench-"))
    return [_with_its_programs(resolve(interface, given, resolver.engine_answers, resolver.own))], []


def _along_axes(resolver: _Resolver) -> tuple[list[RunConfig], list[str]]:
    """Each server with each combination of the axes' values. Those that cannot be are left out where others are there;
    a server that an axis means nothing to, as a bridge means nothing to WSGI, is a side once.
    """
    axes = axes_of(resolver.given)
    sides: list[RunConfig] = []
    left_out: dict[str, str] = {}
    for server in servers_of(resolver.given):
        for values in product(*axes.values()):
            chosen = dict(zip(axes, values, strict=True))
            try:
                side = resolver.side(server, fitting(server, {**resolver.given, **chosen}, axes))
            except (MachineError, UsageError) as error:
                if not axes:
                    raise
                left_out.setdefault(str(error), f"{server} with {' '.join(map('='.join, chosen.items()))}: {error}")
            else:
                side = replace(side, axes=tuple(axes))
                sides += [side] * (side not in sides)
    if len(sides) < 2 and left_out:
        raise UsageError(next(iter(left_out)))
    return sides, list(left_out.values())


def _ladder(resolver: _Resolver) -> tuple[list[RunConfig], list[str]]:
    """A side for each rung that can be. What comes after one that cannot is compared with the rung before that."""
    sides: list[RunConfig] = []
    left_out: dict[str, str] = {}
    before: dict[str, str] = {}
    for rung in LADDER:
        try:
            side = resolver.side(rung.knobs["SERVER"], {**resolver.given, **rung.knobs})
        except UsageError as error:
            left_out[str(error)] = f"{rung.name}: {error}"
            before[rung.name] = before.get(rung.before, rung.before)
        else:
            sides.append(replace(side, rung=replace(rung, before=before.get(rung.before, rung.before))))
    if len(sides) < 2:
        raise UsageError(next(iter(left_out)))
    return sides, list(left_out.values())


def _article(resolver: _Resolver) -> list[RunConfig]:
    given = resolver.given
    if given.get("PROFILE", "") not in ("", "article"):
        raise UsageError(f"PROFILE={given['PROFILE']} is not what reproduce measures: leave PROFILE out.")
    servers, lifted = servers_of(given), f"{given.get('SET', '')} {NGINX_LIFTED}".strip()
    return [*resolver.each(servers, PROFILE="article"), *resolver.each(servers, PROFILE="article", SET=lifted)]
