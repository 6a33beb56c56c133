"""Guided: how `make guide` measures a workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatebench.records import GUIDE_COLUMNS
from gatebench.values.server import Interface
from gatebench.values.workload import Workload

WSGI, MANY_THREADS, SYNC, ASYNC = GUIDE_COLUMNS


@dataclass(frozen=True, slots=True)
class Guided:
    """`sides` are knobs by the name of a side, which begins with its interface. Those that are no column of the guide
    are shown beside their workload's others. The ramp ends with the first of `users` that misses the objective.
    """

    workload: Workload
    users: tuple[int, ...]  # the first is a low load
    sides: Mapping[str, Mapping[str, str]]

    @property
    def name(self) -> str:
        return self.workload.name


def interface_of(side: str) -> Interface:
    return Interface(side.split(",")[0].lower())
