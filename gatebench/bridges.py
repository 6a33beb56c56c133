"""The bridges, a row each. A new row, with its module in bridges/src/django_bridges, is a new value of BRIDGE."""

from __future__ import annotations

from gatebench.values.bridge import Bridge

SHIPPED = "shipped"
"""As Django ships it: no bridge."""

BRIDGES = {
    bridge.name: bridge
    for bridge in (
        Bridge("one-hop", "a synchronous view and all around it in one thread of a pool", keeps_threads=True),
        Bridge("reused", "threads that stay", keeps_threads=True),
        Bridge("sync-middleware", "middleware called as under WSGI", threads=False),
        Bridge("both", "the two before this", keeps_threads=True),
        Bridge("limit", "at most THREADS requests at once"),
        Bridge("wsgi", "Django's WSGI application, through a2wsgi", keeps_threads=True, packages=("a2wsgi",)),
    )
}
