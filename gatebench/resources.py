"""Samples once a second, while the load runs: what each role, each worker and the machine use, whether PostgreSQL
answers, and what its sessions wait for.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import psutil

from gatebench.errors import GatebenchError, SilentError
from gatebench.records import RUNNER, DatabaseSample, MachineSample, ProcessSample, RoleSample, SessionSample
from gatebench.run_folder import RunFolder

EVERY_S = 1.0

WATCHED = ("app", "nginx")
"""The roles whose processes are sampled one by one. Those of PostgreSQL are its sessions, and it tells of them."""

LONG_S = 0.5
"""Sessions that are at a query for longer are sampled one by one: a healthy one is done by then."""

QUERY_CHARACTERS = 80

SESSIONS = f"""
    SELECT jsonb_build_object(
        'connections', count(*),
        'waiting', count(*) FILTER (WHERE session.wait_event_type = 'Lock'),
        'idle', count(*) FILTER (WHERE session.state = 'idle'),
        'opened', (SELECT sessions FROM pg_stat_database WHERE datname = current_database()),
        'sessions', coalesce(jsonb_agg(to_jsonb(long)) FILTER (WHERE long.pid IS NOT NULL), '[]'))::text
    FROM pg_stat_activity AS session
    LEFT JOIN (SELECT pid, min(waitstart) AS since FROM pg_locks WHERE NOT granted GROUP BY pid) AS locks
        ON locks.pid = session.pid AND session.wait_event_type = 'Lock'
    LEFT JOIN LATERAL (
        SELECT
            session.pid,
            session.application_name AS application,
            left(session.query, {QUERY_CHARACTERS}) AS query,
            round(extract(epoch FROM clock_timestamp() - session.query_start), 3) AS query_s,
            session.wait_event_type AS wait_type,
            session.wait_event,
            round(extract(epoch FROM clock_timestamp() - locks.since), 3) AS lock_s,
            other.*
        FROM (SELECT) AS one
        LEFT JOIN LATERAL (
            SELECT pid AS blocker, application_name AS blocker_application, state AS blocker_state,
                left(query, {QUERY_CHARACTERS}) AS blocker_query
            FROM pg_stat_activity
            WHERE session.wait_event_type = 'Lock' AND pid = ANY (pg_blocking_pids(session.pid))
            ORDER BY wait_event_type IS NOT DISTINCT FROM 'Lock', backend_start, pid
            LIMIT 1
        ) AS other ON true
        WHERE session.state = 'active' AND clock_timestamp() - session.query_start > interval '{LONG_S} s'
    ) AS long ON true
    WHERE session.backend_type = 'client backend' AND session.pid <> pg_backend_pid()
"""
"""One row, so that both stacks can ask. Of several that block a session, the one that waits for no lock itself."""

Row = Callable[[Any], None]


class Sampler:
    """Writes resources.csv, processes.csv, machine.csv, database.csv and sessions.csv from entering to leaving, in
    threads of its own.

    `roles` gives role -> process id, and is asked each second: the load generator comes last. `query` asks PostgreSQL;
    where PostgreSQL does not answer it waits, and one thread with it. What goes wrong ends one of the three, not the
    run: `troubles` has a sentence for each that ended early.
    """

    def __init__(self, folder: RunFolder, roles: Callable[[], dict[str, int]], query: Callable[[str], str]) -> None:
        self._folder = folder
        self._roles = roles
        self._query = query
        self._over = threading.Event()
        self.troubles: list[str] = []
        sampled = {
            folder.resources_csv: self._sample_roles,
            folder.machine_csv: self._sample_machine,
            folder.database_csv: self._sample_database,
        }
        self._threads = [threading.Thread(target=self._watched, args=each) for each in sampled.items()]

    def __enter__(self) -> Sampler:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(EVERY_S)

    def _watched(self, path: Path, sample: Callable[[], None]) -> None:
        try:
            sample()
        except Exception as error:
            at = time.strftime("%H:%M:%S")
            self.troubles.append(f"Sampling into {path.name} ended at {at} ({type(error).__name__}: {error}).")

    def _seconds(self) -> Iterator[None]:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            yield
            due = max(due + EVERY_S, time.monotonic())

    def _seconds_and_the_end(self) -> Iterator[None]:
        """Once more on leaving: else up to a second of what the last hold used is missing."""
        yield from self._seconds()
        yield

    def _sample_roles(self) -> None:
        trees: dict[str, Tree] = {}
        family = Family()
        resources, processes = self._folder.resources_csv, self._folder.processes_csv
        with table(resources, RoleSample) as row, table(processes, ProcessSample) as process_row:
            for _ in self._seconds_and_the_end():
                now = time.time()
                family.look()
                for role, pid in {**self._roles(), RUNNER: os.getpid()}.items():
                    tree = trees.setdefault(role, Tree(role, with_ended=role != RUNNER))
                    if (sample := tree.sample(now, [pid] if role == RUNNER else family.below(pid))) is not None:
                        row(sample)
                    if role in WATCHED:
                        for process in tree.processes(now):
                            process_row(process)

    def _sample_machine(self) -> None:
        with table(self._folder.machine_csv, MachineSample) as row:
            for _ in self._seconds():
                row(machine_sample(self._roles().values()))

    def _sample_database(self) -> None:
        with (
            table(self._folder.database_csv, DatabaseSample) as row,
            table(self._folder.sessions_csv, SessionSample) as session_row,
        ):
            for _ in self._seconds():
                asked, began = time.time(), time.monotonic()
                try:
                    found = json.loads(self._query(SESSIONS))
                except SilentError:  # it gave the question up, and answers others
                    continue
                except GatebenchError:  # PostgreSQL has ended, which the run itself meets and says
                    row(DatabaseSample(asked, None, None, None))
                    return
                sessions = found.pop("sessions")
                row(DatabaseSample(asked, _ms_since(began), **found))
                for session in sessions:
                    session_row(SessionSample(time=asked, **_in_one_line(session)))


class Family:
    """Who started whom, of all processes that can be seen."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def look(self) -> None:
        """Asks only those whose parent is not known yet: every process of the machine, each second, costs too much."""
        self._parents = {pid: self._parents.get(pid) or _parent(pid) for pid in psutil.pids()}

    def below(self, root: int) -> list[int]:
        """A process and all below it."""
        found = [root]
        for parent in found:
            found += [pid for pid, its_parent in self._parents.items() if its_parent == parent]
        return found


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a process tells."""

    pid: int
    parent: int
    state: str
    own_cpu_s: float
    cpu_s: float  # with that of its children that have ended, where those count
    rss_bytes: int
    threads: int
    sockets: int | None


class Tree:
    """A role's processes from sample to sample. `with_ended` counts CPU time of children that have ended too."""

    def __init__(self, role: str, with_ended: bool = True) -> None:
        self._role = role
        self._with_ended = with_ended
        self._there: dict[int, psutil.Process] = {}
        self._looks: list[Look] = []
        self._cpu_s = 0.0
        self._sockets: dict[int, dict[str, bool]] = {}
        self._own_pids: dict[int, int] = {}

    def sample(self, now: float, family: Iterable[int]) -> RoleSample | None:
        """None when none of them lives."""
        processes = [process for pid in family if (process := self._there.get(pid) or _process(pid)) is not None]
        looks = {process: look for process in processes if (look := self._look_at(process)) is not None}
        ended = self._there.keys() - {process.pid for process in looks}
        self._there = {process.pid: process for process in looks}
        self._looks = list(looks.values())
        if not looks:
            return None
        self._cpu_s = max(self._cpu_s, sum(look.cpu_s for look in self._looks))
        sockets = [look.sockets for look in self._looks if look.sockets is not None]
        return RoleSample(
            time=now,
            role=self._role,
            cpu_s=round(self._cpu_s, 2),
            rss_bytes=sum(look.rss_bytes for look in self._looks),
            processes=len(looks),
            threads=sum(look.threads for look in self._looks),
            sockets=sum(sockets) if len(sockets) == len(looks) else None,
            ended=" ".join(map(str, sorted(ended))),
        )

    def processes(self, now: float) -> list[ProcessSample]:
        """Those of the sample that was taken last, one by one."""
        return [
            ProcessSample(
                time=now,
                role=self._role,
                pid=look.pid,
                own_pid=self._own_pid(look.pid),
                parent=look.parent,
                state=look.state,
                cpu_s=round(look.own_cpu_s, 2),
                threads=look.threads,
            )
            for look in self._looks
        ]

    def _own_pid(self, pid: int) -> int:
        if pid not in self._own_pids:
            self._own_pids[pid] = own_pid(pid)
        return self._own_pids[pid]

    def _look_at(self, process: psutil.Process) -> Look | None:
        try:
            with process.oneshot():
                state = process.status()
                if state == psutil.STATUS_ZOMBIE:
                    return None
                times = process.cpu_times()
                own_cpu_s = cpu_s = times.user + times.system
                if self._with_ended:  # a new PostgreSQL process for each request lives for milliseconds
                    cpu_s += times.children_user + times.children_system
                return Look(
                    pid=process.pid,
                    parent=process.ppid(),
                    state=str(state),
                    own_cpu_s=own_cpu_s,
                    cpu_s=cpu_s,
                    rss_bytes=process.memory_info().rss,
                    threads=process.num_threads(),
                    sockets=self._open_sockets(process.pid),
                )
        except psutil.Error:
            return None

    def _open_sockets(self, pid: int) -> int | None:
        """Looks only at descriptors that were not there a second ago: a generator has a thousand."""
        folder, known = f"/proc/{pid}/fd", self._sockets.get(pid, {})
        try:
            numbers = os.listdir(folder)  # noqa: PTH208 - names, a thousand of them a second
        except OSError:
            return None
        self._sockets[pid] = {
            number: known[number] if number in known else _is_socket(f"{folder}/{number}") for number in numbers
        }
        return sum(self._sockets[pid].values())


def machine_sample(pids: Iterable[int]) -> MachineSample:
    """The machine's counters now; those of TCP are summed over the network namespaces of the given processes."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    steal: float | None = getattr(times, "steal", None)
    counted_twice = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    tcp = [counters for counters in map(_tcp, _one_a_namespace(pids)) if counters]
    return MachineSample(
        time=time.time(),
        busy_s=round(sum(times) - idle - counted_twice - (steal or 0.0), 2),
        steal_s=steal,
        pressure_s=_pressure_s(),
        listen_overflows=_sum("ListenOverflows", tcp),
        retransmits=_sum("RetransSegs", tcp),
    )


def own_pid(pid: int) -> int:
    """A process's id as it knows itself, in a container; the given one where there is no other."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return pid
    return next((int(line.split()[-1]) for line in lines if line.startswith("NSpid:")), pid)


@contextlib.contextmanager
def table(path: Path, kind: type[Any]) -> Iterator[Row]:
    """Appends records to a CSV file with a header, each whole and at once; an empty cell is what is not known."""
    with path.open("w", buffering=1, newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(field.name for field in fields(kind))

        def row(record: Any) -> None:
            rows.writerow(astuple(record))

        yield row


def _in_one_line(session: dict[str, Any]) -> dict[str, Any]:
    """Queries may go over several."""
    return {name: " ".join(value.split()) if isinstance(value, str) else value for name, value in session.items()}


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _parent(pid: int) -> int:
    """0, which is nobody, when it has just ended."""
    try:
        return psutil.Process(pid).ppid()
    except psutil.Error:
        return 0


def _one_a_namespace(pids: Iterable[int]) -> Iterable[int]:
    """A process of each network namespace; each process where the namespace is not told."""
    found: dict[object, int] = {}
    for pid in pids:
        try:
            found.setdefault(Path(f"/proc/{pid}/ns/net").stat().st_ino, pid)
        except OSError:
            found[f"unknown of {pid}"] = pid
    return found.values()


def _tcp(pid: int) -> dict[str, int] | None:
    """The TCP counters that a process's namespace has; None where there are none to be read."""
    counters: dict[str, int] = {}
    try:
        for name in ("netstat", "snmp"):
            lines = Path(f"/proc/{pid}/net/{name}").read_text().splitlines()
            for heads, values in zip(lines[::2], lines[1::2], strict=True):
                if heads.startswith(("TcpExt:", "Tcp:")):
                    counters.update(zip(heads.split()[1:], map(int, values.split()[1:]), strict=True))
    except OSError:
        return None
    return counters


def _sum(counter: str, namespaces: Sequence[Mapping[str, int]]) -> int | None:
    """Over all of them; None where there is none, or one does not have that counter."""
    if not namespaces or any(counter not in one for one in namespaces):
        return None
    return sum(one[counter] for one in namespaces)


def _pressure_s() -> float | None:
    """Linux's pressure stall information: time in which at least one task waited for a core."""
    try:
        some = Path("/proc/pressure/cpu").read_text().splitlines()[0]
    except OSError:
        return None
    return int(some.rpartition("total=")[2]) / 1e6


def _is_socket(link: str) -> bool:
    try:
        return os.readlink(link).startswith("socket:")  # noqa: PTH115 - as quick as can be
    except OSError:
        return False


def _ms_since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 3)
