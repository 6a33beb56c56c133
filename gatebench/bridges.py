"""The bridges, a row each. A new row, with its module in bridges/src/django_bridges, is a new value of BRIDGE."""

from __future__ import annotations

from gatebench.values.bridge import Bridge

SHIPPED = "shipped"
"""As Django ships it: no bridge."""

BRIDGES = {
    bridge.name: bridge
    for bridge in (
        Bridge("one-hop", keeps_threads=True),
        Bridge("reused", keeps_threads=True),
        Bridge("sync-middleware", threads=False),
        Bridge("both", keeps_threads=True),
        Bridge("limit"),
        Bridge("wsgi", keeps_threads=True, packages=("a2wsgi",)),
    )
}
