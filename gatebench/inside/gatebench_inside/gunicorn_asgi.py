"""gunicorn's configuration for its own ASGI worker, which listens with asyncio's backlog of 100 otherwise."""

from functools import partial


def post_worker_init(worker):
    worker.loop.create_server = partial(worker.loop.create_server, backlog=worker.cfg.backlog)
