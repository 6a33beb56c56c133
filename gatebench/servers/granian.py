"""granian. Its backlog is of each process's own socket, and its backpressure counts connections, not requests: it is
more than Nginx keeps open.
"""

from gatebench.values.server import Interface, Server

DEFAULTS = "granian {application} --host {host} --port {port} --workers {workers} --interface "

FAIR = " --backlog {backlog} --backpressure 1024 --http 1 --no-ws"

GRANIAN = Server(
    name="granian",
    interface=Interface.WSGI,
    commands={"fair": DEFAULTS + "wsgi" + FAIR + " --blocking-threads {threads}", "defaults": DEFAULTS + "wsgi"},
    packages=("granian",),
)

GRANIAN_ASGI = Server(
    name="granian-asgi",
    interface=Interface.ASGI,
    commands={"fair": DEFAULTS + "asgi" + FAIR + " --loop uvloop", "defaults": DEFAULTS + "asgi"},
    packages=("granian", "uvloop"),
)
