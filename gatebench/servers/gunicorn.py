from gatebench.values.server import Interface, LogPatterns, Server

LOG = LogPatterns(
    timed_out=(r"WORKER TIMEOUT \(pid:(\d+)\)",),
    killed=(r"Worker \(pid:(\d+)\) was sent SIG",),
    ended=(r"Worker \(pid:(\d+)\) exited",),
)

GUNICORN = Server(
    name="gunicorn",
    interface=Interface.WSGI,
    commands={
        "fair": "gunicorn {application} --bind {host}:{port} --workers {workers} --worker-class gthread"
        " --threads {threads} --keep-alive 75 --backlog {backlog} --no-control-socket",
        "article": "gunicorn {application} --bind {host}:{port} --workers {workers} --no-control-socket",
    },
    packages=("gunicorn",),
    log=LOG,
    is_default=True,
)
