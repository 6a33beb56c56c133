"""The fairness sheet: what live processes were given, asked of the kernel. Fact -> value, as "app backlog" -> 2048.

A fact that the system does not tell is left out. `python -m gatebench.sheet PORT PATH` prints `server_facts` as JSON,
from inside of the server's container.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

_LIBRARIES = {"app loop": "uvloop", "app parser": "httptools"}
"""Known by what a worker has loaded; what is written in Python leaves no trace there."""

_TCP_LISTEN = 10
"""The state's number in Linux's include/net/tcp_states.h."""

_KERNEL = {"kernel somaxconn": "net/core/somaxconn", "kernel tcp_max_syn_backlog": "net/ipv4/tcp_max_syn_backlog"}


def server_facts(root: int, port: int, path: str) -> dict[str, Any]:
    """Of the app server below the process `root` that listens on a port of loopback, where `path` answers."""
    family = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
    sharing = [process for process in family if _listens(process, port)]
    named = [process for process in sharing if "gatebench.launch" not in process.cmdline()]
    first = min(named, key=lambda process: process.create_time(), default=None)
    return _known(
        {
            "app command": " ".join(first.cmdline()[1:]).replace(str(port), "PORT") if first else None,
            "app processes": len(sharing) or None,
            **{fact: _loaded(library, sharing) for fact, library in _LIBRARIES.items()},
            "app backlog": backlog(port),
            "app keep-alive": "on" if _keeps_alive(port, path) else "off",
            **{fact: _number(Path("/proc/sys") / name) for fact, name in _KERNEL.items()},
        }
    )


def process_facts(roles: Mapping[str, int]) -> dict[str, Any]:
    """Of each role's processes, by the newest of them: limits of a master are not always its workers'.

    The app's threads are all of its processes', and come as they are needed: ask under load.
    """
    facts: dict[str, Any] = {}
    for role, pid in roles.items():
        with contextlib.suppress(psutil.Error, OSError):
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            # Of those made in the same hundredth of a second the last listed: a child comes after its parent.
            newest = max(reversed(family), key=lambda process: process.create_time()).pid
            facts |= {f"{role} open files": _open_files(newest), f"{role} cores": _cores(newest)}
            if role == "app":
                facts["app threads"] = sum(process.num_threads() for process in family)
    return _known(facts)


def backlog(port: int) -> int | None:
    """The longest listen backlog of the sockets on an IPv4 port, as the kernel has it; None where it does not tell."""
    if sys.platform != "linux":
        return None
    from pyroute2 import DiagSocket  # of Linux only

    with DiagSocket() as kernel:
        kernel.bind()
        sockets = kernel.get_sock_stats(family=socket.AF_INET, states=1 << _TCP_LISTEN)
    return max((one["idiag_wqueue"] for one in sockets if one["idiag_sport"] == port), default=None)


def _listens(process: psutil.Process, port: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(
            one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in process.net_connections("tcp")
        )
    return False


def _loaded(library: str, processes: Sequence[psutil.Process]) -> str | None:
    """The library's name when one of the processes has its binary in memory."""
    for process in processes:
        with contextlib.suppress(OSError):
            if f"/{library}/" in Path(f"/proc/{process.pid}/maps").read_text():
                return library
    return None


def _keeps_alive(port: int, path: str) -> bool:
    """Whether a connection outlives an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return not answer.will_close


def _open_files(pid: int) -> int | None:
    """The soft limit. Not by psutil, which may ask of its own user's processes only."""
    limits = Path(f"/proc/{pid}/limits")
    if not limits.exists():
        return None
    return next(int(line.split()[3]) for line in limits.read_text().splitlines() if line.startswith("Max open files"))


def _cores(pid: int) -> str | None:
    if not hasattr(os, "sched_getaffinity"):
        return None
    return ", ".join(map(str, sorted(os.sched_getaffinity(pid))))


def _number(path: Path) -> int | None:
    return int(path.read_text()) if path.exists() else None


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


if __name__ == "__main__":
    print(json.dumps(server_facts(1, int(sys.argv[1]), sys.argv[2])))
