"""Local processes of a run: each has a log in the run folder, and the watchdog knows of it."""

from __future__ import annotations

import signal
import subprocess
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
        self.environments[name] = as_recorded(given)
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

    def serve(self, name: str, command: list[str], env: Mapping[str, str], **options: Any) -> None:
        """Starts a program that must live as long as the run: `dead` tells when it does not."""
        self._services[name] = self.start(name, command, env, **options)

    def stop(self, name: str, number: signal.Signals) -> None:
        """Ends a program that was served, by that signal, and waits until it has ended."""
        process = self._services.pop(name)
        process.send_signal(number)
        process.wait()

    def roles(self) -> dict[str, int]:
        """Service -> process id."""
        return {name: process.pid for name, process in self._services.items()}

    def dead(self) -> str | None:
        """One sentence on the first service that has ended, with the end of its log; None while all live."""
        for name, process in self._services.items():
            if (code := process.poll()) is not None:
                log = self.folder.log(name)
                how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
                return f"{name} {how}; its log {log} ends:\n{last_lines(log)}"
        return None
