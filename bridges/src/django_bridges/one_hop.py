"""Django's ASGI application, with each synchronous view and everything around it in one thread.

    # asgi.py, in place of django.core.asgi.get_asgi_application
    from django_bridges.one_hop import get_asgi_application

    application = get_asgi_application(threads=8)

Django's own handler changes threads for each signal, each middleware and the view: some fifteen times per request, in a
thread that is started for the request. This one reads the body in the event loop, takes one of `threads` threads, and
does there what a WSGI server would do: request_started, the middleware, the view, request_finished. So a process has no
more threads for views, and no more connections to a database, than `threads`, and CONN_MAX_AGE works as under WSGI.

- Asynchronous views are left to Django's own handler.
- The answer is sent as soon as the view has made it, and request_finished goes out in the thread meanwhile.
- A stream of an asynchronous iterator is sent by the event loop and holds no thread.
- A stream of a synchronous iterator holds its thread until its last byte, as under WSGI, because it may read from that
  thread's connection to a database. A file does not: each of its parts is read by a thread that is free.
- Requests wait for a thread in the order in which they came. Where `queue` of them wait, the next is answered with 503.
- A view cannot be stopped. When its client has left, its answer is thrown away.

It needs Django 5.1 or newer.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from threading import Lock

import django
from asgiref.sync import ThreadSensitiveContext, async_to_sync, iscoroutinefunction, sync_to_async
from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.core import signals
from django.core.exceptions import ImproperlyConfigured, RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import FileResponse, HttpResponse
from django.urls import URLResolver, get_resolver, set_script_prefix
from django.utils import translation
from django.utils.functional import cached_property


def get_asgi_application(threads=8, queue=2048):
    """`threads` and `queue` are of each process. Raises ImproperlyConfigured under an older Django."""
    if django.VERSION < (5, 1):
        raise ImproperlyConfigured(f"One hop needs Django 5.1 or newer, and this is {django.get_version()}.")
    django.setup(set_prefix=False)
    return OneHopHandler(threads, queue)


class OneHopHandler(ASGIHandler):
    """Its own middleware is called as under WSGI; that of asynchronous views is loaded for the first of them."""

    def __init__(self, threads, queue):
        self.load_middleware(is_async=False)
        pool = ThreadPoolExecutor(threads, thread_name_prefix="one-hop")
        self.in_thread = sync_to_async(call, thread_sensitive=False, executor=pool)
        self.in_hand, self.most_in_hand = 0, threads + queue

    @cached_property
    def of_asynchronous_views(self):
        return ASGIHandler()

    @cached_property
    def has_asynchronous_views(self):
        return any(map(iscoroutinefunction, views_of(get_resolver())))

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            raise ValueError(f"Django can only handle ASGI/HTTP connections, not {scope['type']}.")
        if self.has_asynchronous_views and view_is_asynchronous(scope):
            await self.of_asynchronous_views(scope, receive, send)
            return
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        try:
            if self.in_hand < self.most_in_hand:
                await self.serve(Exchange(self, scope, body, send), receive)
            else:
                await self.send_response(HttpResponse(status=503, headers={"Retry-After": "1"}), send)
        finally:
            body.close()

    async def serve(self, exchange, receive):
        """Where the server cancels it, a view that runs goes on all the same, and is waited for."""
        loop = asyncio.get_running_loop()
        self.in_hand += 1
        exchange.working = loop.create_task(self.in_thread(exchange.work, loop))
        exchange.working.add_done_callback(self.out_of_hand)
        listening = loop.create_task(self.client_leaves(receive))
        listening.add_done_callback(exchange.leave)
        try:
            await exchange.end()
        except asyncio.CancelledError:
            exchange.leave()
            await exchange.end()
            raise
        finally:
            listening.cancel()
        for task in (exchange.working, exchange.sending, listening):
            if task and task.done() and not task.cancelled():
                task.result()  # raises what it raised

    async def client_leaves(self, receive):
        with suppress(RequestAborted):
            await self.listen_for_disconnect(receive)

    def out_of_hand(self, _):
        self.in_hand -= 1


class Exchange:
    """A request and its answer. `work` runs in a thread of the pool, and all else in the event loop."""

    def __init__(self, handler, scope, body, send):
        self.handler, self.scope, self.body, self.send = handler, scope, body, send
        self.lock = Lock()
        self.begun = self.left = False
        self.response = self.working = self.sending = None

    def work(self, loop):
        with self.lock:
            if self.left:
                return
            self.begun = True
        self.response = self.respond()
        if not self.response.streaming:
            loop.call_soon_threadsafe(self.start_sending)
            self.response.close()
        elif self.response.is_async:
            loop.call_soon_threadsafe(self.start_sending)
            close_old_connections()  # of this thread, which takes no part in it
        elif is_file(self.response):
            self.response.streaming_content = parts(iter(self.response), self.handler.in_thread)
            loop.call_soon_threadsafe(self.start_sending)
            close_old_connections()
        else:
            self.response.streaming_content = parts(iter(self.response), sync_to_async(call))
            async_to_sync(self.stream)()
            self.response.close()

    def respond(self):
        set_script_prefix(script_prefix(self.scope))
        signals.request_started.send(sender=type(self.handler), scope=self.scope)
        request, response = self.handler.create_request(self.scope, self.body)
        if request is not None:
            response = self.handler.get_response(request)
        response._handler_class = type(self.handler)
        if isinstance(response, FileResponse):
            response.block_size = self.handler.chunk_size
        return response

    def start_sending(self):
        if not self.left:
            self.sending = asyncio.create_task(self.send_it())

    async def send_it(self):
        async with ThreadSensitiveContext():  # for what an asynchronous stream calls that is synchronous
            await self.handler.send_response(self.response, self.send)

    async def stream(self):
        self.start_sending()
        if self.sending:
            await asyncio.wait([self.sending])

    def leave(self, _=None):
        """Its client has left, or will have no answer. A view that has not begun is not called then."""
        with self.lock:
            self.left = True
        if self.sending:
            self.sending.cancel()
        elif not self.begun:
            self.working.cancel()

    async def end(self):
        """Once its thread is free, it is sent, and it is closed."""
        await asyncio.wait([self.working])
        if self.sending and not self.sending.done():
            await asyncio.wait([self.sending])
        if self.response is not None and not self.response.closed:
            await self.handler.in_thread(self.response.close)


def call(work, *arguments):
    return work(*arguments)


def script_prefix(scope):
    return settings.FORCE_SCRIPT_NAME or scope.get("root_path", "")


def is_file(response):
    return bool(getattr(response, "file_to_stream", None))


async def parts(iterator, run):
    """What a synchronous iterator has, each part by a change of threads."""
    end = object()
    while (part := await run(next, iterator, end)) is not end:
        yield part


def views_of(resolver):
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from views_of(pattern)
        else:
            yield pattern.callback


def view_is_asynchronous(scope):
    """By the URL alone, as no middleware has run. A wrong guess costs a change of threads: either of Django's chains
    can call a view of either kind.
    """
    path = scope["path"].removeprefix(script_prefix(scope))
    try:
        with language_of(path):
            return iscoroutinefunction(get_resolver().resolve(path).func)
    except Exception:  # a 404, or a converter that asks the database: that is answered in a thread
        return False


def language_of(path):
    """The language in which i18n_patterns know the path."""
    if settings.USE_I18N and is_language_prefix_patterns_used(settings.ROOT_URLCONF)[0]:
        return translation.override(translation.get_language_from_path(path) or settings.LANGUAGE_CODE)
    return nullcontext()
