"""One run, top to bottom: check, up, warm, ramp, drain, audit, save, down."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from gatebench import PACKAGE
from gatebench.check import WARM_UP_REQUESTS, check, counts_per_request, keep_busy, live_facts, warm_up
from gatebench.command import DISK_FULL
from gatebench.errors import GatebenchError, LoadError, MachineError, ServiceDiedError, SilentError
from gatebench.lock import locked
from gatebench.machine import check_ports, facts, kept_to
from gatebench.progress import Display, clock
from gatebench.records import LedgerReading, LoadSummary, Mistake, Outcome, Run, Step, Trial
from gatebench.resources import Sampler
from gatebench.revision import code
from gatebench.run_folder import RunFolder
from gatebench.sampling import sample
from gatebench.sheet import process_facts
from gatebench.so_far import expected_s
from gatebench.stacks import Stack, make_stack
from gatebench.stacks.prepared import Prepared
from gatebench.stacks.wait import last_lines
from gatebench.values.run_config import RunConfig
from gatebench.values.side import Side
from gatebench.values.workload import Write
from gatebench.watchdog import ENDING_SIGNALS, Watchdog

LOOK_EVERY_S = 0.1
STOPPING_S = 15.0
LEDGER_S = 5.0
"""How long the sum of votes is waited for at the end of a step."""


def run(config: RunConfig, display: Display, trial: Trial | None = None, prepared: Prepared | None = None) -> RunFolder:
    """Measures one configuration and returns its folder; raises a GatebenchError or KeyboardInterrupt after saving."""
    results, side = Path(config.results), config.side
    workload = side.workload
    with locked(results) as lock:
        check_ports(config)
        machine, revision = facts(), code(PACKAGE.parent)
        folder = RunFolder.create(results, f"{side.server.interface}-{side.server.name}")
        begun = Run(
            id=folder.path.name,
            config=config.to_json(),
            started=time.time(),
            machine=machine,
            code=revision,
            trial=trial,
        )
        record = Record(folder, begun, display.note)
        with record.saved(), watched(lock, folder, display) as watchdog:
            stack = make_stack(config, folder, watchdog, prepared)
            with kept_to(stack.cores.others):
                with display.waiting() as tell:
                    tell(f"Starting {side.label} ({config.stack})")
                    stack.up(tell)
                record.note(environments=stack.environments(), versions=stack.versions())
                record.note(app=live_facts(workload.app, stack.url))
                display.note(f"Checking the app at {stack.url} …")
                check(workload, stack.url, stack.stored, stack.rehearse, folder.log("app"))
                if workload.check is None:
                    stack.rehearse(several=True)  # as a warm-up: what fails in it is no matter
                sheet = {**stack.sheet(), "app physical cores": stack.cores.fact}
                record.note(sheet={**sheet, **_access_log(folder, stack, side)})
                display.note(f"Cores: {stack.cores}.")
                if side.counted:
                    _count(stack, record, side)
                    return folder
                with Sampler(folder, stack.roles, stack.query) as sampler:
                    try:
                        _ramp(stack, record, config, display)
                    finally:
                        record.add_troubles(sampler.troubles)
            record.end(Outcome.COMPLETE)
        return folder


@dataclass
class Record:
    """run.json and votes.json as they grow. Each change is on disk before the run goes on."""

    folder: RunFolder
    run: Run
    tell: Callable[[str], None]  # shows a sentence to the person who waits
    votes: tuple[LedgerReading, ...] = ()

    def note(self, **changes: Any) -> None:
        self.run = replace(self.run, **changes)
        self.folder.write_run(self.run)

    def add_troubles(self, sentences: Sequence[str]) -> None:
        """What went wrong and does not end the run, a sentence each."""
        if sentences:
            self.note(troubles=(*self.run.troubles, *sentences))
        for sentence in sentences:
            self.tell(sentence)

    def read_ledger(self, stack: Stack, write: Write, step: int | None, seeded: int) -> None:
        """Goes on without the reading when PostgreSQL is silent, and notes it."""
        read_started = time.time()
        try:
            stored = stack.stored(write, LEDGER_S) - seeded
        except SilentError as error:
            when = "after the drain" if step is None else f"after step {step}"
            self.add_troubles([f"What “{write.name}” has stored was not read {when}: {error}"])
            return
        self.votes += (LedgerReading(step, read_started, time.time(), stored, write.name),)
        self.folder.write_votes(list(self.votes))

    @contextlib.contextmanager
    def saved(self) -> Iterator[None]:
        """run.json from the first moment on; whatever ends the run before its end is written down."""
        try:
            self.note()
            yield
        except KeyboardInterrupt:
            self.end(Outcome.INTERRUPTED, "It was interrupted (Ctrl-C).")
            raise
        except Exception as error:
            full = isinstance(error, OSError) and error.errno in DISK_FULL
            told = disk_full(self.folder) if full else error
            ours = f"Gatebench itself failed ({type(told).__name__}: {told})."
            self.end(Outcome.FAILED, str(told) if isinstance(told, GatebenchError) else ours)
            if told is error:
                raise
            raise told from error
        except BaseException:  # rich ends the program when nobody reads its output
            self.end(Outcome.INTERRUPTED, "Nobody read its output any more.")
            raise

    def end(self, outcome: Outcome, reason: str | None = None) -> None:
        """What happens after a run has ended, as a clean-up that fails, changes nothing of how it ended."""
        if self.run.outcome is not Outcome.RUNNING:
            return
        with contextlib.suppress(OSError):  # a full disk: what was recorded before is what there is
            self.note(outcome=outcome, reason=reason, ended=time.time())


def disk_full(folder: RunFolder) -> MachineError:
    return MachineError(f"The disk is full: free space for {folder.path}, then run again.")


def _count(stack: Stack, record: Record, side: Side) -> None:
    """In place of a ramp: what is begun for each request, and where the CPU time goes."""
    record.note(counts=counts_per_request(side, stack.url))
    if pid := stack.roles().get("app"):
        try:
            cpu_ms = sample(pid, record.folder.stacks, partial(keep_busy, side, stack.url))
            record.note(counts={**record.run.counts, "CPU ms, sampled": cpu_ms})
        except MachineError as error:
            record.add_troubles([str(error)])
    record.end(Outcome.COMPLETE)


def _ramp(stack: Stack, record: Record, config: RunConfig, display: Display) -> None:
    """Sends the load, and follows what it says until it ends."""
    display.note(f"Ramping {_in_words(config.users)} users, about {clock(expected_s(config))} min.")
    if not config.headless:
        display.note(
            f"Watch it at http://127.0.0.1:{config.ui_port}/gatebench (watch only: a change there spoils the run)."
        )
    audit = _auditor(record, stack, config.side.workload.writes)
    audit(0)
    load = stack.start_load()
    stopped = None
    try:
        for event in _follow(record.folder, load, stack):
            display.load(event)
            if event["event"] == "step" and event["phase"] in ("hold", "done"):
                _note_step(record, event)
                sheet = {**record.run.sheet, **process_facts(stack.roles())}
                record.note(sheet=sheet, environments=stack.environments())
            if event["event"] == "step" and event["phase"] == "done":
                audit(event["number"])
            if event["event"] == "mistake":
                _note_mistake(record, event, display)
            record.add_troubles(stack.news())
            if event["event"] == "summary":
                record.note(load=_summary(event))
            if event["event"] == "stopped":
                stopped = event["reason"]
    except (KeyboardInterrupt, ServiceDiedError):
        _end_early(stack, load, record)
        raise
    if load.returncode == MachineError.exit_code:
        raise disk_full(record.folder)
    if stopped or load.returncode:
        log = record.folder.log("load")
        raise LoadError(
            stopped or f"The load generator ended with code {load.returncode}; {log} ends:\n{last_lines(log)}"
        )
    audit(None)
    record.add_troubles(stack.news())


def _auditor(record: Record, stack: Stack, writes: Sequence[Write]) -> Callable[[int | None], None]:
    """What reads the ledger at the end of a step: a reading of each request that writes."""
    seeded = {write: stack.stored(write) for write in writes}

    def audit(step: int | None) -> None:
        for write, before in seeded.items():
            record.read_ledger(stack, write, step, before)

    return audit


def _access_log(folder: RunFolder, stack: Stack, side: Side) -> dict[str, str]:
    """Warms the app up, and sees by the length of its log whether it writes a line for each request."""
    before = _lines(folder.log("app"))
    warm_up(side, stack.url)
    return {"app access log": "on" if _lines(folder.log("app")) - before >= WARM_UP_REQUESTS / 2 else "off"}


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n")


def _follow(folder: RunFolder, load: subprocess.Popen[bytes], stack: Stack) -> Iterator[dict[str, Any]]:
    """The events of load.jsonl as they come, until the load generator has ended."""
    place = 0
    while True:
        ended = load.poll() is not None
        if folder.load_events.exists():
            with folder.load_events.open() as lines:
                lines.seek(place)
                while (line := lines.readline()).endswith("\n"):
                    place = lines.tell()
                    yield json.loads(line)
        if ended:
            return
        if (sentence := stack.dead()) is not None:
            raise ServiceDiedError(f"The stack broke while it was measured: {sentence}")
        time.sleep(LOOK_EVERY_S)


def _end_early(stack: Stack, load: subprocess.Popen[bytes], record: Record) -> None:
    """Has the load generator write down what it has; its summary is kept."""
    with _deaf():
        stack.stop_load()
        with contextlib.suppress(subprocess.TimeoutExpired):
            load.wait(STOPPING_S)
        if record.folder.load_events.exists():
            for line in record.folder.load_events.read_text().splitlines(keepends=True):
                if line.endswith("\n") and (event := json.loads(line))["event"] == "summary":
                    record.note(load=_summary(event))


def _note_step(record: Record, event: dict[str, Any]) -> None:
    step = Step(**{name: event[name] for name in Step.__dataclass_fields__})
    others = tuple(known for known in record.run.steps if known.number != step.number)
    record.note(steps=(*others, step))


def _note_mistake(record: Record, event: dict[str, Any], display: Display) -> None:
    mistake = Mistake(event["step"], event["what"])
    record.note(mistakes=(*record.run.mistakes, mistake))
    display.note(f"Step {mistake.step} is not valid: {mistake.what}.")


def _summary(event: dict[str, Any]) -> LoadSummary:
    values = {name: event[name] for name in LoadSummary.__dataclass_fields__}
    return LoadSummary(**{**values, "interference": tuple(values["interference"])})


@contextlib.contextmanager
def watched(lock: IO[str], folder: RunFolder, display: Display) -> Iterator[Watchdog]:
    """A watchdog; everything that it was told of is ended on the way out, or a MachineError says that it is not."""
    watchdog = Watchdog(lock, folder.log("watchdog"))
    left = MachineError(f"Not everything could be ended: end by hand what {folder.log('watchdog')} says is left.")
    try:
        yield watchdog
    except BaseException:
        if not _all_down(watchdog, display):
            display.note(str(left))  # beside what ended the run
        raise
    if not _all_down(watchdog, display):
        raise left


def _all_down(watchdog: Watchdog, display: Display) -> bool:
    with _deaf():
        display.note("Stopping everything …")
        return watchdog.end_everything()


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl-C and the like change nothing meanwhile: what ends a run must itself come to its end."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_words(users: tuple[int, ...]) -> str:
    return str(users[0]) if len(users) == 1 else f"{users[0]} to {users[-1]}"
