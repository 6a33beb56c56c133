import asyncio
import contextlib
import json
from unittest import mock

from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.db import OperationalError
from django.test import override_settings

from polls.tests.factories import make_question

from . import news
from .news import newsroom
from .sockets import BROKEN, COME_AGAIN, NO_NEWS, NOT_FOUND, urlpatterns
from .tests import STOP_LISTENING, Streams


class Visitor(WebsocketCommunicator):
    """Somebody who watches by a WebSocket."""

    def __init__(self, question):
        super().__init__(URLRouter(urlpatterns), f"/live/socket/{question.id}/")

    async def comes(self):
        """What is there when the first message has come."""
        assert (await self.connect(5))[0]
        return await self.hears()

    async def hears(self):
        return json.loads(await self.receive_from(5))

    async def vanishes(self):
        """As a server says it of a connection that broke."""
        await self.send_input({"type": "websocket.disconnect", "code": 1006})
        await self.wait(5)


class Sockets(Streams):
    def test_shows_the_results_and_then_each_vote(self):
        async def story():
            visitor = Visitor(self.question)
            first = await visitor.comes()
            await self.in_a_thread(self.vote)
            second = await visitor.hears()
            await visitor.vanishes()
            return first, second

        results, told = asyncio.run(story())
        votes = {str(self.choice.id): 0, str(self.other.id): 0}
        self.assertEqual(results, {"kind": "results", "poll": self.question.id, "votes": votes})
        self.assertGreater(told.pop("since"), 0)
        self.assertEqual(told, {"kind": "vote", "choice": self.choice.id, "votes": 1, "told": 1})

    @override_settings(LIVE_HEARTBEAT_S=0.05)
    def test_says_that_it_is_there_when_there_is_no_news(self):
        async def story():
            visitor = Visitor(self.question)
            await visitor.comes()
            heard = [await visitor.hears(), await visitor.hears()]
            await visitor.vanishes()
            return heard

        self.assertEqual(asyncio.run(story()), [{"kind": "still here"}] * 2)

    def test_is_closed_when_the_connection_is_lost(self):
        async def story():
            visitor = Visitor(self.question)
            await visitor.comes()
            await self.in_a_thread(lambda: self.sql(STOP_LISTENING))
            closed = await visitor.receive_output(5)
            await visitor.vanishes()
            return closed["type"], closed["code"]

        with self.assertLogs("live", "WARNING"):
            self.assertEqual(asyncio.run(story()), ("websocket.close", COME_AGAIN))
        self.assertEqual(len(newsroom), 0)

    def test_is_closed_when_the_database_fails_it(self):
        async def story():
            visitor = Visitor(self.question)
            await visitor.connect(5)
            closed = await visitor.receive_output(5)
            await visitor.vanishes()
            return closed["type"], closed["code"]

        fails = mock.patch("live.views.votes_of", side_effect=OperationalError("the pool is empty"))
        with fails, self.assertLogs("live", "ERROR"):
            self.assertEqual(asyncio.run(story()), ("websocket.close", BROKEN))
        self.assertEqual(len(newsroom), 0)

    def test_a_poll_that_is_not_published_is_refused(self):
        self.assertEqual(asyncio.run(Visitor(make_question(5)).connect(5)), (False, NOT_FOUND))

    def test_is_refused_when_news_cannot_be_heard(self):
        lost = mock.patch.object(news, "listening_connection", side_effect=OSError("refused"))
        with lost, mock.patch.object(news, "START_S", 0.1), self.assertLogs("live", "WARNING"):
            self.assertEqual(asyncio.run(Visitor(self.question).connect(5)), (False, NO_NEWS))

    def test_whoever_cannot_be_written_to_any_more_is_no_error(self):
        async def story():
            visitor = Visitor(self.question)
            await visitor.comes()
            with mock.patch("live.sockets.Results.send", side_effect=OSError):
                await self.in_a_thread(self.vote)
                while len(newsroom):
                    await asyncio.sleep(0.01)
            await visitor.vanishes()

        asyncio.run(asyncio.wait_for(story(), 5))

    def test_those_who_vanish_leave_nothing_behind(self):
        self.assert_vanishing_leaves_nothing(lambda: Visitor(self.question))

    def test_an_application_that_is_ended_ends_who_tells(self):
        async def story():
            visitor = Visitor(self.question)
            await visitor.comes()
            visitor.future.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await visitor.future
            return len(asyncio.all_tasks())

        self.assertEqual(asyncio.run(story()), 1)
        self.assertEqual(len(newsroom), 0)
