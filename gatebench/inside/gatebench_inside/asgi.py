"""What a server is told to serve under ASGI: gatebench_inside.asgi:application."""

from .applications import asgi

application = asgi()
