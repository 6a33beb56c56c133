"""How synchronous Django code runs under ASGI, other than as Django ships it: a module for each way.

Each has a `get_asgi_application` to be called in asgi.py in place of Django's. Each but `both`, which is made of two,
stands alone, so that a team can copy the one that it wants. They need nothing but Django; `wsgi` needs a2wsgi, and
`reused` and `both` need asgiref 3.13.
"""
