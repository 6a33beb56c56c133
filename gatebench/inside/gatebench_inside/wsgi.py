"""What a server is told to serve under WSGI: gatebench_inside.wsgi:application."""

from .applications import wsgi

application = wsgi()
