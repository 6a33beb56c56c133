from gatebench.values.server import Interface, Server

DEFAULTS = "hypercorn {application} --bind {host}:{port} --workers {workers}"

HYPERCORN = Server(
    name="hypercorn",
    interface=Interface.ASGI,
    commands={
        "fair": DEFAULTS + " --worker-class uvloop --backlog {backlog} --keep-alive 75",
        "defaults": DEFAULTS,
        "article": DEFAULTS,
    },
    packages=("hypercorn", "uvloop"),
    websockets=True,
)
