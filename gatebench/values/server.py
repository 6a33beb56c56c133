"""A Server: one way to serve an App, whole: how it is started and how its log is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Interface(StrEnum):
    """The two gateway interfaces that are compared."""

    WSGI = "wsgi"
    ASGI = "asgi"


@dataclass(frozen=True, slots=True)
class LogPatterns:
    """Regular expressions that are searched for in lines of the server's log. The group of a worker's is its pid.

    Raises ValueError for one that does not compile, or has another number of groups.
    """

    timed_out: tuple[str, ...] = ()  # the server ends a worker that was silent for too long
    killed: tuple[str, ...] = ()  # a worker was ended by a signal
    ended: tuple[str, ...] = ()  # a worker is gone, and the server does not say why
    limit_reached: tuple[str, ...] = ()  # the server turns requests away; no group

    def __post_init__(self) -> None:
        for patterns, groups in ((self.timed_out + self.killed + self.ended, 1), (self.limit_reached, 0)):
            for pattern in patterns:
                try:
                    found = re.compile(pattern).groups
                except re.error as error:
                    raise ValueError(f"{pattern!r} is no regular expression: {error}.") from error
                if found != groups:
                    raise ValueError(f"{pattern!r} has {found} groups: give it {groups}.")


@dataclass(frozen=True, slots=True)
class Server:
    """A row: name, interface, and everything that Gatebench knows of a server.

    `commands` has a command line for each Footing's name: the words after `python -m`, split at spaces, with places for
    {application}, {workers}, {threads}, {host}, {port} and {backlog}. One with {fd} is for a server that is one process
    only: it is started once a worker, on a shared socket that listens already, whose number {fd} is.
    """

    name: str
    interface: Interface
    commands: Mapping[str, str]
    packages: tuple[str, ...]  # whose versions are reported
    log: LogPatterns = LogPatterns()
    is_default: bool = False  # taken for its interface when none is named
    websockets: bool = False  # whether it speaks them

    @property
    def has_threads(self) -> bool:
        """Whether it is told how many there are."""
        return any("{threads}" in command for command in self.commands.values())

    def shares_socket(self, footing: str) -> bool:
        return "{fd}" in self.commands[footing]

    def takes_workers(self, footing: str) -> bool:
        return "{workers}" in self.commands[footing] or self.shares_socket(footing)

    def command(self, footing: str, **values: object) -> list[str]:
        return [word.format(**values) for word in self.commands[footing].split()]
