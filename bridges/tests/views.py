"""A view of each kind that a handler must serve."""

import asyncio
import hashlib
import io
import threading
import time
from contextvars import ContextVar
from pathlib import Path

from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import get_script_prefix, reverse
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from tests import events

VARIABLE = ContextVar("variable", default="unset")


def thread():
    return threading.current_thread().name


def closing(response):
    """An answer that tells where it is closed."""
    response._resource_closers.append(lambda: events.happened("closed", thread()))
    return response


def plain(request):
    events.happened("view", thread())
    return closing(HttpResponse(thread()))


async def asynchronous(request):
    events.happened("view", thread())
    return HttpResponse(thread())


@never_cache
async def decorated(request):
    return HttpResponse(thread())


class AsynchronousClass(View):
    async def get(self, request):
        return HttpResponse(thread())


@method_decorator(never_cache, name="dispatch")
class SynchronousClass(View):
    def get(self, request):
        return HttpResponse(thread())


def lines(count):
    for number in range(count):
        events.happened("line", thread())
        yield f"{number}\n"


async def asynchronous_lines(count):
    for number in range(count):
        events.happened("line", thread())
        yield f"{number}\n"


def stream(request):
    events.happened("view", thread())
    return closing(StreamingHttpResponse(lines(3)))


def stream_from_database(request):
    def rows():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DECLARE numbers CURSOR FOR SELECT generate_series(1, 3)")
            for _ in range(3):
                cursor.execute("FETCH numbers")
                yield f"{cursor.fetchone()[0]}\n"

    return StreamingHttpResponse(rows())


def asynchronous_stream(request):
    events.happened("view", thread())
    return closing(StreamingHttpResponse(asynchronous_lines(3)))


async def stream_of_asynchronous_view(request):
    return closing(StreamingHttpResponse(asynchronous_lines(3)))


def failing_stream(request):
    def failing():
        yield "0\n"
        raise ValueError("in the middle")

    return closing(StreamingHttpResponse(failing()))


def endless(request):
    def ticks():
        while True:
            yield "x"
            time.sleep(0.001)

    return closing(StreamingHttpResponse(ticks()))


def asynchronous_endless(request):
    async def ticks():
        while True:
            yield "x"
            await asyncio.sleep(0.001)

    return closing(StreamingHttpResponse(ticks()))


def file(request):
    return closing(FileResponse(Path(__file__).open("rb")))


def large_file(request):
    return closing(FileResponse(io.BytesIO(bytes(2**20))))


def asynchronous_stream_after_a_query(request):
    Group.objects.exists()
    return StreamingHttpResponse(asynchronous_lines(3))


def asynchronous_stream_with_a_query(request):
    async def names():
        async for group in Group.objects.all():
            yield group.name

    return StreamingHttpResponse(names())


def asynchronous_stream_that_speaks(request):
    async def words():
        yield f"{translation.get_language()} {reverse('plain')}"

    translation.activate("de")
    return StreamingHttpResponse(words())


BOTH = threading.Barrier(2, timeout=10)


def stream_that_waits_in_a_thread(request):
    """For another of its kind."""

    async def waits():
        await sync_to_async(BOTH.wait)()
        yield "both"

    return StreamingHttpResponse(waits())


HELD = threading.Event()
"""Set, it lets the views that wait for it go on."""


def holding(request):
    events.happened("holding", thread())
    HELD.wait(10)
    events.happened("held", thread())
    return closing(HttpResponse(request.body))


def holding_stream(request):
    events.happened("holding", thread())
    HELD.wait(10)
    return closing(StreamingHttpResponse(asynchronous_lines(3)))


def nested(request):
    """A synchronous view that waits for asynchronous code that waits for synchronous code."""

    async def inner():
        return await sync_to_async(thread)()

    return JsonResponse({"inner": async_to_sync(inner)(), "view": thread()})


async def asks_a_thread(request):
    return HttpResponse(await sync_to_async(thread)())


def fails(request):
    raise ValueError("of the view")


def variable(request):
    seen = VARIABLE.get()
    VARIABLE.set("of the view")
    return HttpResponse(seen)


def speaks(request):
    """What is active when it begins; it leaves another behind."""
    seen = {"language": translation.get_language(), "timezone": timezone.get_current_timezone_name()}
    translation.activate("de")
    timezone.activate("Asia/Tokyo")
    return JsonResponse(seen)


def prefix(request):
    return JsonResponse({"prefix": get_script_prefix(), "plain": reverse("plain"), "path": request.path_info})


def user(request):
    request.session["visits"] = visits = request.session.get("visits", 0) + 1
    return JsonResponse({"user": request.user.get_username(), "same": str(get_user(request)), "visits": visits})


async def asynchronous_user(request):
    return HttpResponse((await request.auser()).get_username())


def stores(request):
    transaction.on_commit(lambda: events.happened("committed", thread()))
    Group.objects.create(name="stored")
    if "fail" in request.GET:
        raise ValueError("after storing")
    return HttpResponse(str(connection.in_atomic_block))


def session_of_database(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return HttpResponse(str(cursor.fetchone()[0]))


@csrf_exempt
def upload(request):
    body = request.body if "whole" in request.GET else b"".join(iter(lambda: request.read(65536), b""))
    on_disk = getattr(request._stream, "_rolled", False)
    return JsonResponse({"digest": hashlib.sha256(body).hexdigest(), "on disk": on_disk})
