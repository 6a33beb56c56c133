"""Local processes of a run: each has a log in the run folder, and the watchdog knows of it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatebench import ROOT
from gatebench.run_folder import RunFolder
from gatebench.stacks.environment import as_recorded, inherited
from gatebench.stacks.wait import last_lines
from gatebench.watchdog import Watchdog, undisturbed


class Processes:
    """Starts programs in sessions of their own, so that Ctrl-C reaches the runner alone."""

    def __init__(self, folder: RunFolder, watchdog: Watchdog) -> None:
        self.folder = folder
        self.watchdog = watchdog
        self.environments: dict[str, dict[str, str]] = {}  # what each was given, as it is recorded
        self._services: dict[str, subprocess.Popen[bytes]] = {}
        self._may_end: set[str] = set()

    def start(
        self,
        name: str,
        command: list[str],
        env: Mapping[str, str],
        cwd: Path = ROOT,
        stop: signal.Signals = signal.SIGTERM,
        **options: Any,
    ) -> subprocess.Popen[bytes]:
        """A program whose output goes to logs/<name>.log; `stop` is the signal that ends it in good order."""
        given = {**inherited(), **env}
        self.environments[name] = as_recorded(name, given)
        with self.folder.log(name).open("ab") as log, undisturbed():
            process = subprocess.Popen(
                command,
                env=given,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **options,
            )
            try:
                self.watchdog.end_process(process, stop)
            except BaseException:  # nobody else would end it
                process.kill()
                process.wait()
                raise
        return process

    def run(self, name: str, command: list[str], env: Mapping[str, str], **options: Any) -> int:
        """Runs a program to its end and returns its exit code."""
        return self.start(name, command, env, **options).wait()

    def serve(
        self, name: str, command: list[str], env: Mapping[str, str], may_end: bool = False, **options: Any
    ) -> None:
        """Starts a program that lives as long as the run. If not, `dead` tells, or `news` where it `may_end`."""
        self._services[name] = self.start(name, command, env, **options)
        if may_end:
            self._may_end.add(name)

    def stop(self, name: str, number: signal.Signals) -> None:
        """Ends a program that was served, by that signal, and waits until it has ended."""
        process = self._services.pop(name)
        process.send_signal(number)
        process.wait()

    def roles(self) -> dict[str, int]:
        """Service -> process id."""
        return {name: process.pid for name, process in list(self._services.items())}  # samplers ask in their threads

    def dead(self) -> str | None:
        """One sentence on the first service that has ended, with the end of its log; None while all live."""
        for name in list(self._services):
            if name not in self._may_end and (how := self.end_of(name)) is not None:
                log = self.folder.log(name)
                return f"{name} {how}; its log {log} ends:\n{last_lines(log)}"
        return None

    def news(self) -> list[str]:
        """A sentence on each that might end and has, once."""
        ended = {name: how for name in self._may_end if (how := self.end_of(name)) is not None}
        self._may_end -= ended.keys()
        for name in ended:
            del self._services[name]
        at = time.strftime("%H:%M:%S", time.gmtime())
        return [f"The {name} {how} at {at} UTC, and the run went on without it." for name, how in ended.items()]

    def end_of(self, name: str) -> str | None:
        """As in "ended with code 3"; None while it lives."""
        if (code := self._services[name].poll()) is None:
            return None
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
