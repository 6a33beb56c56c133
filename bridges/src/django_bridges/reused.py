"""Django's ASGI application, whose synchronous code runs in threads that stay.

    # asgi.py, in place of django.core.asgi.get_asgi_application
    from django_bridges.reused import get_asgi_application

    application = get_asgi_application(threads=8)

Django starts a thread for each request that runs synchronous code, and asgiref a second one that ends it. Here a
request borrows one of `threads` threads at its first synchronous call and gives it back at its end. So a process has no
more connections to a database than `threads`, and CONN_MAX_AGE works. It needs asgiref 3.13 or newer.

A stream that runs synchronous code keeps its thread to its end.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial

import asgiref
from asgiref.sync import ThreadSensitiveContext
from django.core.asgi import get_asgi_application as django_application
from django.core.exceptions import ImproperlyConfigured


def get_asgi_application(threads=8):
    """`threads` is of each process. Raises ImproperlyConfigured under an older asgiref."""
    return reusing(django_application(), threads)


def reusing(application, threads):
    if tuple(map(int, asgiref.__version__.split(".")[:2])) < (3, 13):
        raise ImproperlyConfigured(f"Reused threads need asgiref 3.13 or newer, and this is {asgiref.__version__}.")
    lender = Lender(threads)

    async def with_a_thread(scope, receive, send):
        borrowed = Borrowed(lender)
        try:
            async with ThreadSensitiveContext(executor=borrowed):
                await application(scope, receive, send)
        finally:
            borrowed.give_back()

    return with_a_thread


class Lender:
    """Threads, each of which does one thing after another. Only the event loop's thread calls it."""

    def __init__(self, threads):
        self.free = [ThreadPoolExecutor(1, thread_name_prefix=f"reused-{n}") for n in range(threads)]
        self.waiting = deque()

    def lend(self, borrower):
        """Now, or when one is given back."""
        if self.free:
            borrower.start(self.free.pop())
        else:
            self.waiting.append(borrower)

    def take_back(self, thread):
        if self.waiting:
            self.waiting.popleft().start(thread)
        else:
            self.free.append(thread)


class Borrowed(Executor):
    """A request's. Takes a thread when there is something to do, and keeps it until the request's end."""

    def __init__(self, lender):
        self.lender = lender
        self.thread = None
        self.asked = []

    def submit(self, work, /, *arguments, **named):
        if self.thread:
            return self.thread.submit(work, *arguments, **named)
        future = Future()
        self.asked.append((future, partial(work, *arguments, **named)))
        if len(self.asked) == 1:
            self.lender.lend(self)
        return future

    def start(self, thread):
        self.thread = thread
        for future, work in self.asked:
            thread.submit(do, work, future)

    def give_back(self):
        if self.thread:
            self.lender.take_back(self.thread)
        elif self.asked:
            self.lender.waiting.remove(self)


def do(work, future):
    """As an executor does it."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
