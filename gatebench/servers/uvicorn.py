from gatebench.servers import gunicorn
from gatebench.values.server import Interface, LogPatterns, Server

CLASS = " --worker-class uvicorn_worker.UvicornWorker"

UVICORN = Server(
    name="uvicorn",
    interface=Interface.ASGI,
    commands={
        "fair": "uvicorn {application} --host {host} --port {port} --workers {workers} --loop uvloop --http httptools"
        " --lifespan off --backlog {backlog} --timeout-keep-alive 75 --timeout-worker-healthcheck 30"
        " --no-access-log --no-proxy-headers",
        "defaults": "uvicorn {application} --host {host} --port {port} --workers {workers}",
        "article": gunicorn.DEFAULTS + CLASS,
    },
    packages=("uvicorn", "uvloop", "httptools", "gunicorn", "uvicorn-worker"),
    # It kills a worker that is silent, and says no more of it than of any other that ended. Under `article` its workers
    # are gunicorn's.
    log=LogPatterns(
        timed_out=gunicorn.LOG.timed_out,
        killed=gunicorn.LOG.killed,
        ended=(*gunicorn.LOG.ended, r"Child process \[(\d+)\] died"),
        limit_reached=("Exceeded concurrency limit",),
    ),
    is_default=True,
    websockets=True,
)

GUNICORN_UVICORN = Server(
    name="gunicorn-uvicorn",
    interface=Interface.ASGI,
    commands={"fair": gunicorn.FAIR + CLASS, "defaults": gunicorn.DEFAULTS + CLASS},
    packages=("gunicorn", "uvicorn", "uvicorn-worker", "uvloop", "httptools"),
    log=gunicorn.LOG,
    websockets=True,
)
