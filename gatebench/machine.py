"""The machine that a run has: what it is, how its cores are shared out, and whether its ports are free."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import socket
from collections.abc import Iterator, Sequence
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
    """Who runs where. Neither has none."""

    app: tuple[int, ...]
    others: tuple[int, ...]  # Nginx, PostgreSQL, the load generator and Gatebench itself

    def __str__(self) -> str:
        return f"the app server has {_named(self.app)} of its own, everything else has {_named(self.others)}"


def share_out(available: Sequence[int], workers: int) -> Cores | None:
    """A core for each worker of the app server, up to half of them; None when there is only one."""
    mine = min(workers, len(available) // 2)
    return Cores(app=tuple(available[-mine:]), others=tuple(available[:-mine])) if mine else None


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


def _named(cores: Sequence[int]) -> str:
    return f"core{'s' * (len(cores) > 1)} {', '.join(map(str, cores))}"


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
