"""Django's ASGI application with two remedies at once: threads that stay, and middleware that is called as under WSGI.

    # asgi.py, in place of django.core.asgi.get_asgi_application
    from django_bridges.both import get_asgi_application

    application = get_asgi_application(threads=8)

What each of them says of itself holds: see reused.py and sync_middleware.py, which this one imports.
"""

from __future__ import annotations

from django_bridges import reused, sync_middleware


def get_asgi_application(threads=8):
    """`threads` is of each process. Raises ImproperlyConfigured under an older asgiref."""
    return reused.reusing(sync_middleware.get_asgi_application(), threads)
