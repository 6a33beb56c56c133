"""Django's ASGI application, with each synchronous view and everything around it in one thread.

    # asgi.py, in place of django.core.asgi.get_asgi_application
    from django_bridges.one_hop import get_asgi_application

    application = get_asgi_application(threads=8)

Django's own handler changes threads for each signal, each middleware and the view: some fifteen times per request, in a
thread that is started for the request. This one reads the body in the event loop, takes one of `threads` threads, and
does there what a WSGI server would do: request_started, the middleware, the view, request_finished. So a process has no
more threads for views, and no more connections to a database, than `threads`, and CONN_MAX_AGE works as under WSGI.

- Asynchronous views are left to Django's own handler, and have threads and connections as there.
- The answer is sent as soon as the view has made it, and request_finished goes out in the thread meanwhile.
- A stream of an asynchronous iterator is sent by the event loop and holds no thread of the pool.
- A stream of a synchronous iterator holds its thread until its last byte, as under WSGI, because it may read from that
  thread's connection to a database. A file does not: its parts are read by as many threads of their own.
- Requests wait for a thread in the order in which they came. Where `queue` of them wait or still
  send their bodies, the next is answered with 503.
- A view cannot be stopped. When its client has left, its answer is thrown away. One that waits is not called then.
- An asynchronous view that only a middleware's request.urlconf knows holds a thread.

It needs Django 5.1 or newer. It is for one event loop in each process.
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
from django.core.handlers import asgi
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
        self.in_thread = of_a_pool(threads, "one-hop")
        self.in_file_thread = of_a_pool(threads, "one-hop-files")
        self.in_hand, self.most_in_hand = 0, threads + queue
        self.found_asynchronous_views = None

    @cached_property
    def of_asynchronous_views(self):
        return ASGIHandler()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            raise ValueError(f"Django can only handle ASGI/HTTP connections, not {scope['type']}.")
        if self.has_asynchronous_views() and view_is_asynchronous(scope):
            await self.of_asynchronous_views(scope, receive, send)
        elif self.in_hand >= self.most_in_hand:
            await self.send_response(HttpResponse(status=503, headers={"Retry-After": "1"}), send)
        else:
            await self.serve(scope, receive, send)

    def has_asynchronous_views(self):
        """Not where the URLs do not load: that is told by whoever answers the request."""
        if self.found_asynchronous_views is None:
            try:
                self.found_asynchronous_views = any(map(iscoroutinefunction, views_of(get_resolver())))
            except Exception:
                return False
        return self.found_asynchronous_views

    async def serve(self, scope, receive, send):
        self.in_hand += 1
        try:
            body = await self.read_body(receive)
        except BaseException as error:
            self.in_hand -= 1
            if isinstance(error, RequestAborted):
                return
            raise
        exchange = Exchange(self, scope, body, send)
        listening = asyncio.create_task(self.client_leaves(receive))
        listening.add_done_callback(exchange.leave)
        try:
            await exchange.serve()
        finally:
            listening.cancel()
            body.close()
        if listening.done() and not listening.cancelled():
            listening.result()  # raises what it raised

    async def client_leaves(self, receive):
        with suppress(RequestAborted):
            await self.listen_for_disconnect(receive)


class Exchange:
    """A request and its answer. `work` and what it calls run in a thread of the pool, all else in the event loop.

    `working` is the task that has the thread work and then sends what the loop streams, `sending` the task that sends
    what the thread has made. `ended` says that the thread is free. It is no task: whoever cancels all tasks, as
    asyncio.run does at its end, leaves it alone.
    """

    def __init__(self, handler, scope, body, send):
        self.handler, self.scope, self.body, self.send = handler, scope, body, send
        self.loop = asyncio.get_running_loop()
        self.ended = self.loop.create_future()
        self.lock = Lock()
        self.begun = self.left = self.cancelled = False
        self.streams = self.is_asynchronous = False  # what the loop sends: asynchronous iterators, and files
        self.response = self.error = self.working = self.sending = None

    async def serve(self):
        """Until it is answered and closed. Where the server cancels it, a view that runs goes on, and is waited for."""
        self.working = asyncio.create_task(self.answer())
        await self.wait_for(self.ended)
        if self.begun:
            await self.wait_for(self.working)
        if self.sending:
            await self.wait_for(self.sending)
        if self.response is not None and not self.response.closed:
            await self.wait_for(asyncio.create_task(self.handler.in_file_thread(self.response.close)))
        if self.cancelled:
            raise asyncio.CancelledError
        if self.error:
            raise self.error
        for task in (self.working, self.sending):
            if task and task.done() and not task.cancelled():
                task.result()  # raises what it raised

    async def wait_for(self, future):
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                self.cancelled = True
                self.leave()

    def leave(self, _=None):
        """Its client has left, or will have no answer. A view that has not begun is not called then."""
        with self.lock:
            already, self.left = self.left, True
        if already:
            return
        if not self.begun:
            self.end()
        elif self.sending:
            self.sending.cancel()
        elif self.ended.done():
            self.working.cancel()

    def end(self):
        if not self.ended.done():
            self.ended.set_result(None)

    async def answer(self):
        try:
            await self.handler.in_thread(self.work)
        finally:
            self.handler.in_hand -= 1
        if self.streams and not self.left:
            await self.stream()

    def work(self):
        with self.lock:
            if self.left:
                return
            self.begun = True
        try:
            self.response = self.respond()
            self.send_from_thread()
        except BaseException as error:
            self.error = error
        finally:
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                self.loop.call_soon_threadsafe(self.end)

    def respond(self):
        set_script_prefix(asgi.get_script_prefix(self.scope))
        signals.request_started.send(sender=ASGIHandler, scope=self.scope)
        request, response = self.handler.create_request(self.scope, self.body)
        if request is not None:
            response = self.handler.get_response(request)
        response._handler_class = ASGIHandler
        if isinstance(response, FileResponse):
            response.block_size = self.handler.chunk_size
        return response

    def send_from_thread(self):
        """What the loop streams is left to it: this thread's connections take no part in that."""
        response = self.response
        self.is_asynchronous = response.streaming and response.is_async
        is_file = response.streaming and bool(getattr(response, "file_to_stream", None))
        if self.is_asynchronous or is_file:
            self.streams = True
            if not self.is_asynchronous:
                response.streaming_content = parts(iter(response), self.handler.in_file_thread)
            close_old_connections()
            return
        try:
            if response.streaming:
                response.streaming_content = parts(iter(response), sync_to_async(call))
                async_to_sync(self.send_and_wait)()
            else:
                self.loop.call_soon_threadsafe(self.start_sending)
        finally:
            response.close()

    def start_sending(self):
        if not self.left:
            self.sending = asyncio.create_task(self.handler.send_response(self.response, self.send))

    async def send_and_wait(self):
        self.start_sending()
        if self.sending:
            await asyncio.wait([self.sending])

    async def stream(self):
        """Closed where it was made, so that what a thread of its context has opened is closed there too."""
        async with ThreadSensitiveContext():
            try:
                await self.handler.send_response(self.response, self.send)
            finally:
                if self.is_asynchronous:
                    await sync_to_async(self.response.close)()


def of_a_pool(threads, name):
    """An asynchronous function that calls another in a thread of a pool of its own."""
    executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
    return sync_to_async(call, thread_sensitive=False, executor=executor)


def call(work, *arguments):
    return work(*arguments)


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
    """By the URL alone, as no middleware has run. Either of Django's chains can call a view of either kind."""
    path = scope["path"].removeprefix(asgi.get_script_prefix(scope).rstrip("/"))
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
