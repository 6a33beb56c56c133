"""gunicorn with its own kinds of workers. Those of uvicorn under gunicorn are in uvicorn.py."""

from gatebench.values.server import Interface, LogPatterns, Server

LOG = LogPatterns(
    timed_out=(r"WORKER TIMEOUT \(pid:(\d+)\)",),
    killed=(r"Worker \(pid:(\d+)\) was sent SIG",),
    ended=(r"Worker \(pid:(\d+)\) exited",),
)

DEFAULTS = "gunicorn {application} --bind {host}:{port} --workers {workers} --no-control-socket"
"""Its own defaults: synchronous workers with one thread."""

FAIR = DEFAULTS + " --keep-alive 75 --backlog {backlog}"

GUNICORN = Server(
    name="gunicorn",
    interface=Interface.WSGI,
    commands={
        "fair": FAIR + " --worker-class gthread --threads {threads}",
        "defaults": DEFAULTS,
        "article": DEFAULTS,
    },
    packages=("gunicorn",),
    log=LOG,
    is_default=True,
)

# One request at a time in each process, and a connection for each request. It is what gunicorn is by default.
GUNICORN_SYNC = Server(
    name="gunicorn-sync",
    interface=Interface.WSGI,
    commands={"fair": FAIR + " --worker-class sync --timeout 60"},
    packages=("gunicorn",),
    log=LOG,
)

GUNICORN_GEVENT = Server(
    name="gunicorn-gevent",
    interface=Interface.WSGI,
    commands={
        "fair": FAIR + " --worker-class gevent --worker-connections 1000",
        "defaults": DEFAULTS + " --worker-class gevent",
    },
    packages=("gunicorn", "gevent"),
    log=LOG,
)

# asyncio's backlog of 100 is what it listens with, whatever --backlog says: the configuration passes it on. Its quick
# parser, gunicorn_h1c, is no wheel and wants a compiler: what pip installs parses in Python.
GUNICORN_ASGI = Server(
    name="gunicorn-asgi",
    interface=Interface.ASGI,
    commands={
        "fair": FAIR + " --worker-class asgi --asgi-loop uvloop --config python:gatebench_inside.gunicorn_asgi",
        "defaults": DEFAULTS + " --worker-class asgi",
    },
    packages=("gunicorn", "uvloop"),
    log=LOG,
    websockets=True,
)
