"""The machine that a run has: what it is, and whether the ports that it needs are free."""

from __future__ import annotations

import errno
import platform
import socket
from pathlib import Path
from typing import Any

import psutil

from gatebench.config import RunConfig
from gatebench.errors import MachineError


def facts() -> dict[str, Any]:
    """The machine as a reader of the results wants to know it."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
    }


def _cpu_model() -> str | None:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or None


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
