"""The machine that a run has: what it is, how its cores are shared out, and whether its ports are free."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from gatebench.errors import MachineError
from gatebench.values.run_config import RunConfig


def facts() -> dict[str, Any]:
    """The machine as a reader of the results wants to know it."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "id": _machine_id(),
        "boot": _first_line(Path("/proc/sys/kernel/random/boot_id")),
    }


def _machine_id() -> str | None:
    """The same for all runs of this machine, and telling nothing else of it; None where the system has no such id.

    With the processor, since virtual machines made from one image share the rest.
    """
    known = _first_line(Path("/etc/machine-id")) or _first_line(Path("/var/lib/dbus/machine-id"))
    named = f"gatebench {known} {platform.node()} {_cpu_model()}"
    return hashlib.sha256(named.encode()).hexdigest()[:12] if known else None


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError:
        return None


def _cpu_model() -> str | None:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or None


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where, by the numbers of CPUs. Both are empty where all share all, and `shared` says why."""

    app: tuple[int, ...] = ()
    others: tuple[int, ...] = ()  # Nginx, PostgreSQL, the load generator and Gatebench itself
    physical: tuple[int, int] | None = None  # cores that those are; None where the system does not tell
    shared: str | None = None

    def __str__(self) -> str:
        if self.shared:
            return f"everything shares all of them ({self.shared})"
        if self.physical == (len(self.app), len(self.others)):
            app, others = _numbered("core", self.app), _numbered("core", self.others)
            return f"the app server has {app} of its own, everything else has {others}"
        app, others = _numbered("CPU", self.app), _numbered("CPU", self.others)
        if self.physical is None:
            return (
                f"the app server has {app} of its own, everything else has {others}; "
                "whether a CPU of each is one physical core is not known"
            )
        mine, theirs = self.physical
        of_its_own = f"{mine} physical core{'s' * (mine > 1)} of its own ({app})"
        return f"the app server has {of_its_own}, everything else has {theirs} ({others})"

    @property
    def fact(self) -> str:
        """For the fairness sheet: whether the app server shares a physical core with what measures it."""
        if self.shared:
            return f"shared ({self.shared})"
        return f"{self.physical[0]} of its own" if self.physical else "not known"


PIN_OFF = Cores(shared="PIN=0")


def share_out(available: Sequence[int], workers: int, siblings: Mapping[int, frozenset[int]]) -> Cores:
    """A physical core for each worker of the app server, up to half of them, with all CPUs of it."""
    if not available:
        return Cores(shared="this system keeps no program to a core")
    cores = _physical(available, siblings)
    mine = min(workers, len(cores) // 2)
    if not mine:
        one = _numbered("CPU", available)
        return Cores(shared=f"{one} are one physical core" if len(available) > 1 else "there is one")
    app, others = (tuple(sorted(cpu for core in part for cpu in core)) for part in (cores[-mine:], cores[:-mine]))
    return Cores(app, others, (mine, len(cores) - mine) if siblings else None)


def siblings() -> dict[int, frozenset[int]]:
    """CPU -> those that are one physical core with it, itself among them, as the kernel has it; empty where it does
    not tell. In a virtual machine it knows what the hypervisor tells it.
    """
    found = {}
    for path in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology/thread_siblings_list"):
        found[int(path.parents[1].name.removeprefix("cpu"))] = _listed(path.read_text())
    return found


def _listed(text: str) -> frozenset[int]:
    """The kernel's lists, as in "0-1,8"."""
    bounds = [part.split("-") for part in text.strip().split(",")]
    return frozenset(cpu for one in bounds for cpu in range(int(one[0]), int(one[-1]) + 1))


def _physical(available: Sequence[int], siblings: Mapping[int, frozenset[int]]) -> list[list[int]]:
    """The physical cores of which we have a CPU, by their lowest, each as its CPUs that we have."""
    cores: dict[frozenset[int], list[int]] = {}
    for cpu in sorted(available):
        cores.setdefault(siblings.get(cpu, frozenset({cpu})), []).append(cpu)
    return list(cores.values())


def our_cores() -> list[int]:
    """The cores that this process may use, by number; empty where the system has no affinity (macOS)."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextlib.contextmanager
def kept_to(cores: Sequence[int]) -> Iterator[None]:
    """This process, and what it starts meanwhile, uses these cores only; all that it has where none are given."""
    before = our_cores()
    if not cores or not set(cores) <= set(before):  # as where the engine has a machine of its own
        yield
        return
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _numbered(what: str, numbers: Sequence[int]) -> str:
    return f"{what}{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


def check_ports(config: RunConfig) -> None:
    """Raises MachineError for the first port that something else holds."""
    ports = {"PORT": config.port} if config.headless else {"PORT": config.port, "UI_PORT": config.ui_port}
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                why = "in use" if error.errno == errno.EADDRINUSE else f"not ours to use ({error.strerror})"
                raise MachineError(
                    f"Port {port} is {why}: free it, or give another as in {name}={port + 1000}."
                ) from error
