"""The system under test: Nginx, the app server and PostgreSQL, behind one small interface."""

from __future__ import annotations

import subprocess
from typing import Any, Protocol

from gatebench.machine import Cores
from gatebench.run_folder import RunFolder
from gatebench.stacks.prepared import Prepared
from gatebench.values.run_config import RunConfig
from gatebench.values.workload import Write
from gatebench.waiting import Tell
from gatebench.watchdog import Watchdog


class Stack(Protocol):
    """What a run needs of a stack. Whatever it starts it tells the watchdog, which is what ends it."""

    url: str  # where this machine reaches Nginx
    cores: Cores  # who runs where

    def up(self, tell: Tell) -> None:
        """Starts everything on a fresh, seeded database and returns once each part answers.

        `tell` hears what is begun, where that takes long.
        """

    def versions(self) -> dict[str, str]:
        """Program or package -> version, asked of what really runs."""

    def query(self, sql: str, limit_s: float | None = None) -> str:
        """The one value that a query answers with, as text, by a connection that is kept.

        Raises ServiceDiedError; SilentError when PostgreSQL lives and does not answer within the limit.
        """

    def stored(self, write: Write, limit_s: float | None = None) -> int:
        """The number that a request that writes raises; raises what `query` does where it is a query's."""

    def news(self) -> list[str]:
        """A sentence on whatever went wrong with that connection and was mended, since this was asked for last."""

    def roles(self) -> dict[str, int]:
        """app, nginx, postgres, generator -> its first process, by the id it has on this machine.

        Left out are those that have not started, and those that this machine cannot see.
        """

    def sheet(self) -> dict[str, Any]:
        """What the live servers were given (gatebench.sheet)."""

    def environments(self) -> dict[str, dict[str, str]]:
        """app, nginx, postgres, generator -> the environment that it was given; of what may be secret only "set".

        Left out are those that have not started.
        """

    def rehearse(self, several: bool = False) -> str:
        """What gatebench.load.rehearsal says: each task of the locustfile has been done once, or by several at once."""

    def start_load(self) -> subprocess.Popen[bytes]:
        """The load generator, started and writing into the run folder."""

    def stop_load(self) -> None:
        """Asks the load generator to end early and to record what it has."""

    def dead(self) -> str | None:
        """One sentence on the first part that has ended by itself; None while all of them live."""


def make_stack(config: RunConfig, folder: RunFolder, watchdog: Watchdog, prepared: Prepared | None = None) -> Stack:
    """`prepared` is what set-up has made for other runs of the same campaign; containers are set up for each."""
    if config.stack == "compose":
        from gatebench.stacks.compose import ComposeStack

        return ComposeStack(config, folder, watchdog)
    from gatebench.stacks.native import NativeStack

    return NativeStack(config, folder, watchdog, prepared)
