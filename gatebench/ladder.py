"""The ladder: the way from WSGI to ASGI, each rung one change from the rung before. `make why` measures it.

A new rung is a row here.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatebench.values.rung import Rung

LIMIT, REUSED, ONCE = "requests limited", "threads reused", "middleware changes threads once"


def _uvicorn(**knobs: str) -> Mapping[str, str]:
    return {"SERVER": "uvicorn", **knobs}


LADDER = (
    Rung("WSGI", "gunicorn with threads", knobs={"SERVER": "gunicorn"}),
    Rung("a2wsgi", "uvicorn serves the WSGI application", "WSGI", knobs=_uvicorn(BRIDGE="wsgi")),
    Rung("one hop", "an ASGI handler, which changes threads once", "a2wsgi", knobs=_uvicorn(BRIDGE="one-hop")),
    Rung(
        "both",
        "Django's own ASGI handler, with both remedies",
        "one hop",
        (LIMIT, REUSED, ONCE),
        _uvicorn(BRIDGE="both"),
    ),
    Rung("reused", "each middleware changes threads", "both", (LIMIT, REUSED), _uvicorn(BRIDGE="reused")),
    Rung("limit", "threads are made for each request", "reused", (LIMIT,), _uvicorn(BRIDGE="limit")),
    Rung("as shipped", "any number of requests at once", "limit", (), _uvicorn()),
    Rung("sync middleware", f"but {ONCE}", "as shipped", (ONCE,), _uvicorn(BRIDGE="sync-middleware")),
    Rung(
        "asgiref 3.11.1", "a thread less is started per request", "as shipped", knobs=_uvicorn(WITH="asgiref==3.11.1")
    ),
    Rung("async views", "asynchronous views and queries", "as shipped", knobs=_uvicorn(VIEWS="async")),
)

DEFAULTS: Mapping[str, str] = {"USERS": "30,60,350", "SETTLE": "2", "HOLD": "5", "TRIALS": "3", "HEADLESS": "1"}
"""Of knobs that other commands have other defaults of: two loads that each rung holds, and one that saturates each."""
