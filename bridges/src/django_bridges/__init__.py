"""How synchronous Django code runs under ASGI, other than as Django ships it: a module for each way.

Each has a `get_asgi_application` to be called in asgi.py in place of Django's. Each stands alone and needs nothing but
Django (wsgi also a2wsgi), so that a team can copy the one that it wants.
"""
