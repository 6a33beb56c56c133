"""Django's ASGI application, whose middleware is called as under WSGI.

    # asgi.py, in place of django.core.asgi.get_asgi_application
    from django_bridges.sync_middleware import get_asgi_application

    application = get_asgi_application()

Django's own middleware can be called either way, and under ASGI each of it changes threads for what it does before the
view, and again for what it does after. Here all that can be called synchronously is, so that those that follow each
other share one change of threads. Middleware that is asynchronous only stays so.

An asynchronous view then costs changes of threads that it did not cost before.
"""

from __future__ import annotations

import django
from django.core.handlers import base
from django.core.handlers.asgi import ASGIHandler
from django.utils.module_loading import import_string


def get_asgi_application():
    django.setup(set_prefix=False)
    return SyncMiddlewareHandler()


class SyncMiddlewareHandler(ASGIHandler):
    def load_middleware(self, is_async=False):
        """Django asks each factory by its attributes what it can, as it imports it."""
        base.import_string = synchronous
        try:
            super().load_middleware(is_async)
        finally:
            base.import_string = import_string


def synchronous(path):
    """The middleware's factory, which says that it can be called synchronously only, if it can be."""
    factory = import_string(path)
    if not getattr(factory, "sync_capable", True):
        return factory

    def made(get_response):
        return factory(get_response)

    made.async_capable = False
    return made
