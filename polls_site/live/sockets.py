"""The same results as those of views.py, by a WebSocket: one JSON message each, of the kind `results`, `vote` or
`still here`. No channel layer: the newsroom of the process is all that is heard.
"""

import asyncio
import contextlib
import json
import logging

from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import Http404
from django.urls import path

from . import views
from .news import NoNewsError, newsroom

NOT_FOUND = 4404
NO_NEWS = 4503
BROKEN = 1011
"""In the words of the protocol: a server that met what it did not expect."""

COME_AGAIN = 1012
"""A service that restarts, in the words of the protocol: the results are told first to whoever comes again."""

logger = logging.getLogger("live")


class Results(AsyncWebsocketConsumer):
    _telling = None

    async def __call__(self, scope, receive, send):
        """Whoever watches is told by a task of their own, which ends with the connection, however that ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._telling:
                self._telling.cancel()
                await asyncio.wait([self._telling])

    async def connect(self):
        poll = self.scope["url_route"]["kwargs"]["question_id"]
        try:
            await views.in_a_thread(views.must_be_published)(poll)
            if not newsroom.listens:
                await views.in_a_thread(newsroom.listen)()
        except Http404:
            await self.close(NOT_FOUND)
        except NoNewsError:
            await self.close(NO_NEWS)
        else:
            await self.accept()
            self._telling = asyncio.create_task(self._tell(poll))

    async def _tell(self, poll):
        with contextlib.suppress(OSError):  # they have left, and the server says so to whoever writes
            await self.close(await self._told(poll))

    async def _told(self, poll):
        """Tells until there is nothing more to tell; the code to close with."""
        try:
            with views.watching_async(poll) as (watcher, woken):
                await self._say("results", await views.in_a_thread(views.votes_of)(poll))
                while not watcher.over:
                    if not await views.is_woken(woken):
                        await self._say("still here", {})
                    for news in watcher.take():
                        await self._say("vote", views.told(news))
            return COME_AGAIN
        except OSError:
            raise
        except Exception:  # whoever watches would wait for ever
            logger.exception("Poll %s cannot be told", poll)
            return BROKEN

    async def _say(self, kind, data):
        await self.send(json.dumps({"kind": kind, **data}))


urlpatterns = [path("live/socket/<int:question_id>/", Results.as_asgi())]
