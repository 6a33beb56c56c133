"""The ladder: the way from WSGI to ASGI, each rung one change from the rung before. `make why` measures it.

A new rung is a row here.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatebench.values.rung import Rung

UVICORN = {"SERVER": "uvicorn"}

LADDER = (
    Rung("WSGI", "gunicorn with threads", knobs={"SERVER": "gunicorn"}),
    Rung("a2wsgi", "uvicorn serves the WSGI application", "WSGI", {**UVICORN, "BRIDGE": "wsgi"}),
    Rung("one hop", "an ASGI handler, one change of threads", "a2wsgi", {**UVICORN, "BRIDGE": "one-hop"}),
    Rung("both", "Django's ASGI handler, threads reused", "one hop", {**UVICORN, "BRIDGE": "both"}),
    Rung("reused", "each middleware changes threads", "both", {**UVICORN, "BRIDGE": "reused"}),
    Rung("limit", "threads made for each request", "reused", {**UVICORN, "BRIDGE": "limit"}),
    Rung("as shipped", "no limit of requests at once", "limit", UVICORN),
    Rung("sync middleware", "middleware changes threads once", "as shipped", {**UVICORN, "BRIDGE": "sync-middleware"}),
    Rung("asgiref 3.11.1", "one thread started per request", "as shipped", {**UVICORN, "WITH": "asgiref==3.11.1"}),
    Rung("async views", "views and queries by a-methods", "as shipped", {**UVICORN, "VIEWS": "async"}),
)

DEFAULTS: Mapping[str, str] = {"USERS": "30,60,350", "SETTLE": "2", "HOLD": "5", "TRIALS": "3", "HEADLESS": "1"}
"""Of knobs that other commands have other defaults of: two loads that each rung holds, and one that saturates each."""
