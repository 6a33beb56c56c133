"""How many people can watch a poll's results by WebSockets while others vote, and how late does a vote reach them?

The same as `live`, by Django Channels, under the servers that speak WebSockets: uvicorn, daphne and hypercorn. WSGI has
none. There is no channel layer: the consumers of a process hear its one connection that listens, as the views of `live`
do.

Held: 95 of 100 answers within a second, and 95 of 100 updates within a second of their vote. An opening is timed up to
its first message. How long somebody stays is their own affair, but that a socket breaks counts as failed.

What would be unfair: to take a difference from `live` for that of the two protocols alone. Channels runs no middleware
for a socket and holds no thread for it; a streaming view does both.
"""

from dataclasses import replace

from gatebench.values.guided import ASYNC, Guided
from gatebench.workloads.live import LIVE

SOCKET = replace(
    LIVE,
    name="socket",
    about="results that stay open, by WebSockets",
    app=replace(LIVE.app, packages=(*LIVE.app.packages, "channels", "websockets")),
    locustfile="locustfiles/by_socket.py",
    environment={**LIVE.environment, "POLLS_SOCKETS": "1"},
    views=(),
    usual_views={},
    websockets=True,
)

GUIDED = Guided(
    SOCKET,
    users=(10, 50, 400, 700, 1000, 1300, 1600),
    sides={ASYNC: {}},
)
