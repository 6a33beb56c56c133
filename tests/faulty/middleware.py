"""Faults in the view, for requests of the load alone: the runner's own checks carry no X-Request-ID and meet none.

| variable         | what every view does                                           |
|------------------|----------------------------------------------------------------|
| FAULT_SLEEP_S    | waits that long before                                         |
| FAULT_DATABASE_S | has PostgreSQL wait that long before, over the view's connection |
| FAULT_LEAK       | leaves its connection to PostgreSQL open, when it is 1         |
| FAULT_RAISE      | raises PlantedError, when it is 1                              |
| FAULT_SLOWER     | takes that share more CPU than it took: 0.1 is 10 %            |

A request that finds the file FAULT_BLOCK_AT removes it and keeps its whole worker for FAULT_BLOCK_S: under ASGI asleep
in the event loop, under WSGI at work in one call that holds the GIL, as a regular expression that backtracks for ever.
"""

import itertools
import os
import time
from pathlib import Path

from asgiref.sync import iscoroutinefunction
from django.db import connection
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin


class PlantedError(Exception):
    pass


class Fault(MiddlewareMixin):
    """Calls the view itself, in the thread that it would run in, under WSGI and ASGI alike."""

    def process_view(self, request, view, args, kwargs):
        if "X-Request-ID" not in request.headers:
            return None
        time.sleep(_number("FAULT_SLEEP_S"))
        if _number("FAULT_LEAK"):
            connection.settings_dict["CONN_MAX_AGE"] = None
        if seconds := _number("FAULT_DATABASE_S"):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(%s)", [seconds])
        if _number("FAULT_RAISE"):
            raise PlantedError("planted by tests/faulty")
        return slower(_number("FAULT_SLOWER"), lambda: _rendered(view(request, *args, **kwargs)))


@sync_and_async_middleware
def block(get_response):
    """Stands first, so that it runs in the event loop itself."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            if _is_the_one():
                time.sleep(_number("FAULT_BLOCK_S"))
            return await get_response(request)
    else:

        def middleware(request):
            if _is_the_one():
                compute(_number("FAULT_BLOCK_S"))
            return get_response(request)

    return middleware


def _is_the_one():
    """Of all workers' requests one can remove the file."""
    try:
        Path(os.environ["FAULT_BLOCK_AT"]).unlink()
    except (KeyError, FileNotFoundError):
        return False
    return True


def compute(seconds):
    """One call that lets no other thread run, for about so long: in CPU time, as others may have the core too."""
    n, began = 1_000_000, time.thread_time()
    sum(itertools.repeat(0, n))
    sum(itertools.repeat(0, int(n * seconds / (time.thread_time() - began))))


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
