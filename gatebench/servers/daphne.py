from gatebench.values.server import Interface, Server

DAPHNE = Server(
    name="daphne",
    interface=Interface.ASGI,
    # One process by design: several share a socket, so that WORKERS means the same as elsewhere.
    commands={
        "fair": "daphne --fd {fd} --verbosity 0 {application}",
        "defaults": "daphne --bind {host} --port {port} {application}",
        "article": "daphne --fd {fd} {application}",
    },
    packages=("daphne", "twisted"),
    websockets=True,
)
