"""A RunConfig: a side, and how it is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gatebench.values.bridge import Bridge
from gatebench.values.codec import from_json, without_secrets
from gatebench.values.footing import Footing
from gatebench.values.rung import Rung
from gatebench.values.server import Server
from gatebench.values.side import Side
from gatebench.values.virtual_environment import VirtualEnvironment
from gatebench.values.workload import Workload

SPAWN_RATE = 50
"""Users started a second, at most. Locust warns over 100; bursts are no part of what is measured."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """A run, resolved: every knob has its value. The `config` of run.json holds it, and is enough to read it back."""

    side: Side
    stack: str  # native or compose
    users: tuple[int, ...]  # of each step
    settle_s: float
    hold_s: float
    pin: bool  # the app server gets cores of its own
    stop_at_limit: bool  # the ramp ends with the first step that misses the objective
    headless: bool  # no web UI
    port: int  # where Nginx listens
    ui_port: int  # where Locust's web UI does
    results: str  # the folder that run folders are made in
    rung: Rung | None = None  # of the ladder
    axes: tuple[str, ...] = ()  # knobs in which its campaign's sides differ, beside SERVER
    matrix: str = ""  # that it is a part of

    def to_json(self) -> dict[str, Any]:
        """Names first, as readers of any run.json know them; then the whole values, the analysis' only source."""
        side = self.side
        writes = side.workload.writes
        measured = {name: value for name, value in asdict(self).items() if name != "side"}
        return {
            "interface": side.server.interface,
            "server": side.server.name,
            "profile": side.footing.name,
            "app": side.workload.app.name,
            "db": side.footing.db,
            "workers": side.footing.workers,
            "timeout_s": side.footing.timeout_s,
            "views": side.views,
            "bridge": side.bridge.name if side.bridge else "",
            "with": " ".join(side.environment.packages) if side.environment else "",
            "python": side.environment.python if side.environment else "",
            "counted": side.counted,
            "revision": side.revision,
            "server_args": side.server_args,
            "overrides": dict(side.overrides),
            "env": without_secrets(side.env),
            **measured,
            "label": side.label,
            "settings": asdict(side.footing),
            "workload": {**asdict(side.workload), "vote_name": writes[0].name if writes else None},
            "server_row": asdict(side.server),
            "bridge_row": asdict(side.bridge) if side.bridge else None,
            "environment_row": asdict(side.environment) if side.environment else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunConfig:
        """Raises KeyError when a Gatebench wrote it that did not write whole values yet."""
        side = Side(
            label=data["label"],
            server=from_json(Server, data["server_row"]),
            workload=from_json(Workload, data["workload"]),
            footing=from_json(Footing, data["settings"]),
            views=data.get("views", ""),
            bridge=from_json(Bridge, row) if (row := data.get("bridge_row")) else None,
            environment=from_json(VirtualEnvironment, row) if (row := data.get("environment_row")) else None,
            counted=data.get("counted", False),
            revision=data.get("revision", ""),
            server_args=data["server_args"],
            overrides=data["overrides"],
            env=data.get("env", {}),
        )
        return from_json(cls, {"stop_at_limit": False, **data, "side": asdict(side)})
