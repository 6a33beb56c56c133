from gatebench.values.server import Interface, Server

HYPERCORN = Server(
    name="hypercorn",
    interface=Interface.ASGI,
    commands={
        "fair": "hypercorn {application} --bind {host}:{port} --workers {workers} --worker-class uvloop"
        " --backlog {backlog} --keep-alive 75",
        "article": "hypercorn {application} --bind {host}:{port} --workers {workers}",
    },
    packages=("hypercorn", "uvloop"),
    websockets=True,
)
