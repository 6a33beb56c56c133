"""Faults in the view, for requests of the load alone: the runner's own checks carry no X-Request-ID and meet none.

| variable         | what every view does                                           |
|------------------|----------------------------------------------------------------|
| FAULT_SLEEP_S    | waits that long before                                         |
| FAULT_DATABASE_S | has PostgreSQL wait that long before, over the view's connection |
| FAULT_RAISE      | raises PlantedError, when it is 1                              |
| FAULT_SLOWER     | takes that share more CPU than it took: 0.1 is 10 %            |
"""

import os
import time

from django.db import connection
from django.utils.deprecation import MiddlewareMixin


class PlantedError(Exception):
    pass


class Fault(MiddlewareMixin):
    """Calls the view itself, in the thread that it would run in, under WSGI and ASGI alike."""

    def process_view(self, request, view, args, kwargs):
        if "X-Request-ID" not in request.headers:
            return None
        time.sleep(_number("FAULT_SLEEP_S"))
        if seconds := _number("FAULT_DATABASE_S"):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(%s)", [seconds])
        if _number("FAULT_RAISE"):
            raise PlantedError("planted by tests/faulty")
        return slower(_number("FAULT_SLOWER"), lambda: _rendered(view(request, *args, **kwargs)))


def slower(share, work):
    """Does the work and returns its result, after this thread has used that share of the work's CPU time once more."""
    before = time.thread_time()
    result = work()
    after = time.thread_time()
    while time.thread_time() - after < share * (after - before):
        pass
    return result


def _rendered(response):
    """Django renders a template's response later: here, so that rendering counts as the view's work."""
    return response.render() if hasattr(response, "render") else response


def _number(name):
    return float(os.environ.get(name) or 0)
