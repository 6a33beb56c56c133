"""What fails in the app is written with its request's id, by a handler of the run's own: to a file, or to stderr.

A project's own logging stays as it is. Mixed with it, the traceback of one request was taken for another's.
"""

import logging
from contextvars import ContextVar

request_id = ContextVar("request_id", default="-")

FORMAT = "{asctime} {levelname} {name} pid={process} request_id={request_id} {message}"

HEARD = ("django", "django.request", "django.security", "gunicorn.error", "uvicorn.error", "psycopg.pool")
"""Loggers that a project's or a server's LOGGING may have switched off, or kept from the root."""


def listen(path=None):
    """From now on; call it once the project's own LOGGING has been set up."""
    handler = logging.FileHandler(path, delay=True) if path else logging.StreamHandler()
    handler.setFormatter(logging.Formatter(FORMAT, style="{"))
    handler.setLevel(logging.WARNING)
    handler.addFilter(_worth_telling)
    root = logging.getLogger()
    root.addHandler(handler)
    for name in HEARD:
        logger = logging.getLogger(name)
        logger.disabled = False
        if not _reaches_root(logger):
            logger.addHandler(handler)


def _reaches_root(logger):
    while logger.parent:
        if not logger.propagate:
            return False
        logger = logger.parent
    return True


def _worth_telling(record):
    """Of requests only those that failed on the server's side: every 404 would be a line otherwise. A worker that its
    server ends raises SystemExit in the view, which is no exception of the project's.
    """
    if record.exc_info and isinstance(record.exc_info[1], SystemExit):
        return False
    if record.name == "django.request" and record.levelno < logging.ERROR:
        return False
    record.request_id = request_id.get()
    return True
