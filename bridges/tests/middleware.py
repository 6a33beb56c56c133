"""Middleware that a test adds to Django's."""

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.utils.decorators import async_only_middleware, sync_only_middleware

from tests import events
from tests.views import thread


@async_only_middleware
def asynchronous_only(get_response):
    async def middleware(request):
        events.happened("asynchronous middleware", thread())
        return await get_response(request)

    return middleware


@sync_only_middleware
def synchronous_only(get_response):
    def middleware(request):
        events.happened("synchronous middleware", thread())
        return get_response(request)

    return middleware


class Telling:
    """Of either kind; tells in which thread it is called, by which of its two ways."""

    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        if iscoroutinefunction(self):
            return self.asynchronously(request)
        events.happened("middleware", thread())
        return self.get_response(request)

    async def asynchronously(self, request):
        events.happened("middleware, asynchronously", thread())
        return await self.get_response(request)


@sync_only_middleware
def other_urls(get_response):
    def middleware(request):
        request.urlconf = "tests.other_urls"
        return get_response(request)

    return middleware
