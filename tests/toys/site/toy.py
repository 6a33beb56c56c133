"""An application without Django and without a database: it answers who it is, and greets."""

import json
import os
import platform
import sys


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/ready":
        body, kind = json.dumps(facts()), "application/json"
    elif path == "/hello":
        body, kind = f"{os.environ['TOY_GREETING']}, {environ['QUERY_STRING']}", "text/plain"
    else:
        start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body.encode()]


def facts():
    return {
        "interface": "wsgi",
        "python": platform.python_version(),
        "prefix": sys.prefix,
        "threads": os.environ["TOY_THREADS"],
    }
