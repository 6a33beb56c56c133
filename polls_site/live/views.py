"""Results of a poll that stay open: server-sent events, first the results as they are, then each vote as it comes in.

Whoever comes again after a break is told the results first, so that nothing of what was missed is needed: there are no
event ids. A line that says nothing is sent when there is no news for a while, by which both ends see whether the other
is there still.
"""

import asyncio
import contextlib
import json
import threading

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from polls.models import Choice, Question

from .news import NoNewsError, newsroom

HEARTBEAT = ": still here\n\n"
COME_AGAIN_MS = 2000
NO_NEWS = "News of votes cannot be heard right now.\n"
OTHER_INTERFACE = "Django would read this stream to its end before it sends any of it: open the {} one.\n"


@require_GET
def page(request, question_id):
    """For people: the results, and a script that keeps them as they are."""
    question = get_object_or_404(Question.objects.published(), pk=question_id)
    view = "live:async" if isinstance(request, ASGIRequest) else "live:sync"
    return render(request, "live/results.html", {"question": question, "stream": reverse(view, args=[question.id])})


@require_GET
def results(request, question_id):
    """Synchronous: it holds its thread for as long as somebody watches. For WSGI."""
    if isinstance(request, ASGIRequest):
        return plain(OTHER_INTERFACE.format("async"), 501)
    must_be_published(question_id)
    try:
        newsroom.listen()
    except NoNewsError:
        return plain(NO_NEWS, 503)
    return stream(events(question_id))


@require_GET
async def results_async(request, question_id):
    """Asynchronous: somebody who watches is a task that waits. For ASGI."""
    if not isinstance(request, ASGIRequest):
        return plain(OTHER_INTERFACE.format("sync"), 501)
    await in_a_thread(must_be_published)(question_id)
    try:
        if not newsroom.listens:
            await in_a_thread(newsroom.listen)()
    except NoNewsError:
        return plain(NO_NEWS, 503)
    return stream(events_async(question_id))


def events(question_id):
    woken = threading.Event()
    with newsroom.watching(question_id, woken.set) as watcher:
        yield as_they_are(question_id)
        while not watcher.over:
            if not woken.wait(settings.LIVE_HEARTBEAT_S):
                yield HEARTBEAT
                continue
            woken.clear()
            if text := as_events(watcher.take()):
                yield text


async def events_async(question_id):
    with watching_async(question_id) as (watcher, woken):
        yield await in_a_thread(as_they_are)(question_id)
        while not watcher.over:
            if not await is_woken(woken):
                yield HEARTBEAT
            elif text := as_events(watcher.take()):
                yield text


@contextlib.contextmanager
def watching_async(question_id):
    """A watcher, and an event of this loop that is set when there is news for it."""
    woken, loop = asyncio.Event(), asyncio.get_running_loop()

    def wake():
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever watched
            loop.call_soon_threadsafe(woken.set)

    with newsroom.watching(question_id, wake) as watcher:
        yield watcher, woken


async def is_woken(woken):
    """False when there was no news for a heartbeat."""
    try:
        async with asyncio.timeout(settings.LIVE_HEARTBEAT_S):
            await woken.wait()
    except TimeoutError:
        return False
    woken.clear()
    return True


def in_a_thread(query):
    """One of the event loop's. What is thread-sensitive gets one of the request's own, for as long as that is open."""
    return sync_to_async(query, thread_sensitive=False)


def must_be_published(question_id):
    with connection_given_back():
        if not Question.objects.published().filter(pk=question_id).exists():
            raise Http404


def as_they_are(question_id):
    return f"retry: {COME_AGAIN_MS}\n" + event("results", votes_of(question_id))


def votes_of(question_id):
    with connection_given_back():
        votes = dict(Choice.objects.filter(question=question_id).values_list("id", "votes"))
    return {"poll": question_id, "votes": votes}


@contextlib.contextmanager
def connection_given_back():
    """Django takes a connection back when the answer has ended. This one goes on, and needs it no more."""
    try:
        yield
    finally:
        close_old_connections()


def as_events(news):
    return "".join(event("vote", told(one)) for one in news)


def told(news):
    return {"choice": news.choice, "votes": news.votes, "told": news.told, "since": news.since}


def event(kind, data):
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"


def stream(content):
    """Nginx is told to send each event on as it comes, and not to collect them."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(content, content_type="text/event-stream", headers=headers)


def plain(sentence, status):
    return HttpResponse(sentence, content_type="text/plain", status=status)
