"""The matrix: every server with the bridges, views and databases that it can have. `make matrix` measures it.

What is to be in it is a row here: a knob's values with commas between, of which every combination is a side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatebench.errors import UsageError
from gatebench.knobs import VALUES_OF_BRIDGE, every_server
from gatebench.values.footing import DB_MODES
from gatebench.values.server import Interface

Row = Mapping[str, str]

_ALL = ",".join(server.name for server in every_server())
_ASGI = ",".join(server.name for server in every_server() if server.interface is Interface.ASGI)
_EVERY_DB = ",".join(DB_MODES)

QUICK: Sequence[Row] = (
    {"SERVER": _ALL},
    {"SERVER": "gunicorn", "DB": "persistent,per-request,pgbouncer"},
    {"SERVER": "uvicorn", "DB": "per-request,pgbouncer"},
    {"SERVER": "uvicorn", "BRIDGE": "one-hop", "DB": "pool,persistent"},
    {"SERVER": "granian-asgi", "BRIDGE": "one-hop"},
    {"SERVER": "uvicorn", "VIEWS": "async"},
)

FULL: Sequence[Row] = (
    {"SERVER": _ALL, "DB": _EVERY_DB},
    {"SERVER": _ASGI, "BRIDGE": ",".join(VALUES_OF_BRIDGE)},
    {"SERVER": _ASGI, "BRIDGE": "one-hop", "DB": _EVERY_DB},
    {"SERVER": _ASGI, "VIEWS": "async"},
)

MATRICES: dict[str, Sequence[Row]] = {"quick": QUICK, "full": FULL}

DEFAULTS: Mapping[str, str] = {
    "MATRIX": "quick", "USERS": "30,100,200,340,480", "SETTLE": "2", "HOLD": "4", "TRIALS": "3", "HEADLESS": "1",
}  # fmt: skip
"""Of what other commands have other defaults of: the first users are a load that every side holds."""

STOP_AT_LIMIT = {"STOP_AT_LIMIT": "1"}


def matrix_of(named: str) -> Sequence[Row]:
    """Raises UsageError for a name that is none."""
    if named not in MATRICES:
        raise UsageError(f"MATRIX={named} is not known: it is one of {', '.join(MATRICES)}.")
    return MATRICES[named]
