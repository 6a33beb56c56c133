"""From a command and knobs to the sides that are measured: two interfaces, several servers, or sides along any axis."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from string import ascii_uppercase

from gatebench.errors import MachineError, UsageError
from gatebench.knobs import axes_of, fitting, resolve, resolve_server, servers_of, trials_of
from gatebench.ladder import DEFAULTS as LADDER_DEFAULTS
from gatebench.ladder import LADDER
from gatebench.matrix import DEFAULTS as MATRIX_DEFAULTS
from gatebench.matrix import STOP_AT_LIMIT, Row, matrix_of
from gatebench.plan import Campaign, Plan, new_id
from gatebench.records import PGBOUNCER
from gatebench.stacks.programs import find_pgbouncer
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface
from gatebench.values.workload import Workload

NGINX_LIFTED = "nginx_connections=8192"
"""The article's setup with this setting changed, and no other, shows what Nginx's limit did."""

SIDES = [*ascii_uppercase, *map("".join, product(ascii_uppercase, repeat=2))]
"""What sides are called, in their order."""

DEFAULTS = {"why": LADDER_DEFAULTS, "matrix": MATRIX_DEFAULTS}
"""Command -> knobs that have another default there."""

COMMANDS = {
    "bench-wsgi": "TRIALS runs of a WSGI server",
    "bench-asgi": "TRIALS runs of an ASGI server",
    "bench": "WSGI against ASGI, the servers that SERVER names with commas between, or sides along other knobs",
    "aa": "one server against itself: how much two equal sides differ here",
    "why": "the way from WSGI to ASGI, one change at a time: what each costs",
    "matrix": "every server with the bridges, views and databases that it can have, ranked by the users held",
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
    given = {**DEFAULTS.get(command, {}), **{name: text for name, text in given.items() if text}}
    matrix = given.pop("MATRIX", "")
    sides, left_out = _sides(command, _Resolver(given, engine_answers, own), matrix)
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
    """One campaign that measures these, as A, B, … Z, AA, AB, …"""
    if len(configs) > len(SIDES):
        raise UsageError(f"These are {len(configs)} sides, and a campaign has {len(SIDES)} at most: give fewer.")
    sides = dict(zip(SIDES, configs, strict=False))
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


def _sides(command: str, resolver: _Resolver, matrix: str) -> tuple[list[RunConfig], list[str]]:
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
    if command == "matrix":
        sides, left_out = _matrix(resolver, matrix_of(matrix))
        return [replace(side, matrix=matrix) for side in sides], left_out
    if command == "reproduce":
        return _article(resolver), []
    interface = Interface(command.removeprefix("bench-"))
    return [_with_its_programs(resolve(interface, given, resolver.engine_answers, resolver.own))], []


def _along_axes(resolver: _Resolver) -> tuple[list[RunConfig], list[str]]:
    """Each server with each combination of the axes' values."""
    axes = axes_of(resolver.given)
    values = [dict(zip(axes, combined, strict=True)) for combined in product(*axes.values())]
    return _those_that_can_be(resolver, product(servers_of(resolver.given), values), axes)


def _matrix(resolver: _Resolver, rows: Sequence[Row]) -> tuple[list[RunConfig], list[str]]:
    """Each combination of each row."""
    wanted, axes = [], set()
    for row in rows:
        knobs = [dict(zip(row, combined, strict=True)) for combined in product(*map(_values, row.values()))]
        wanted += [(each.pop("SERVER"), {**each, **STOP_AT_LIMIT}) for each in knobs]
        axes |= {*row} - {"SERVER"}
    return _those_that_can_be(resolver, wanted, sorted(axes))


def _values(text: str) -> list[str]:
    return text.split(",")


def _those_that_can_be(
    resolver: _Resolver, wanted: Iterable[tuple[str, Mapping[str, str]]], axes: Collection[str]
) -> tuple[list[RunConfig], list[str]]:
    """A side for each server with those knobs. What cannot be is left out where others are there; a server that an axis
    means nothing to, as a bridge means nothing to WSGI, is a side once.
    """
    sides: list[RunConfig] = []
    left_out: dict[str, str] = {}
    for server, knobs in wanted:
        try:
            side = resolver.side(server, fitting(server, {**resolver.given, **knobs}, axes))
        except (MachineError, UsageError) as error:
            if not axes:
                raise
            chosen = " ".join(f"{name}={text}" for name, text in knobs.items() if name in axes)
            left_out.setdefault(str(error), f"{server} with {chosen}: {error}")
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
