"""Django's ASGI application, which serves at most so many requests at once.

    # asgi.py, in place of django.core.asgi.get_asgi_application
    from django_bridges.limit import get_asgi_application

    application = get_asgi_application(threads=8)

A WSGI server has as many requests in hand as it has threads, and the others wait in its queue. An ASGI server hands
over every request that it has. With hundreds in hand each has a thread of its own in Django, and they wait for one
another. Here requests wait in the order in which they came.

It counts asynchronous views and streams as well: a site with streams that stay open needs another remedy.
"""

from __future__ import annotations

import asyncio

from django.core.asgi import get_asgi_application as django_application


def get_asgi_application(threads=8):
    """`threads` is of each process."""
    return limited(django_application(), threads)


def limited(application, at_once):
    semaphore = asyncio.Semaphore(at_once)

    async def limiting(scope, receive, send):
        async with semaphore:
            await application(scope, receive, send)

    return limiting
