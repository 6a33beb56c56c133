"""Django's WSGI application, for an ASGI server: a2wsgi runs it in a pool of threads.

    # asgi.py, in place of django.core.asgi.get_asgi_application
    from django_bridges.wsgi import get_asgi_application

    application = get_asgi_application(threads=8)

An asynchronous view gets an event loop of its own for each request, and an asynchronous stream is read to its end
before the first byte is sent. It needs the package a2wsgi.
"""

from __future__ import annotations

from a2wsgi import WSGIMiddleware
from django.core.wsgi import get_wsgi_application


def get_asgi_application(threads=8):
    """`threads` is of each process."""
    return WSGIMiddleware(get_wsgi_application(), workers=threads)
