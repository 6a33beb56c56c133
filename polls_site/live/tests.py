import asyncio
import contextlib
import json
import threading
import time
from unittest import mock

from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.db.models import F
from django.test import RequestFactory, SimpleTestCase, TransactionTestCase, override_settings
from django.urls import reverse

from polls.models import Choice
from polls.tests.factories import make_question

from . import news, views
from .news import News, Watcher, newsroom

COMINGS_AND_GOINGS = 200
LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN live_votes'"
LISTENING = f"SELECT count(*) {LISTENERS}"
STOP_LISTENING = f"SELECT pg_terminate_backend(pid) {LISTENERS}"


def parsed(event):
    """Its kind and what it says."""
    fields = dict(line.split(": ", 1) for line in event.strip().split("\n"))
    return fields["event"], json.loads(fields["data"])


def within(seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


class Streams(TransactionTestCase):
    """A notice is sent by a transaction that is committed: no TestCase, which rolls back."""

    def setUp(self):
        self.enterContext(mock.patch.object(news, "LOOK_UP_S", 0.05))
        self.addCleanup(newsroom.close)  # or its connection would keep the test database
        self.question = make_question()
        self.choice, self.other = self.question.choice_set.all()

    def vote(self, choice=None):
        choice = choice or self.choice
        answer = self.client.post(reverse("polls:vote", args=[choice.question_id]), {"choice": choice.id})
        self.assertEqual(answer.status_code, 302)

    @contextlib.contextmanager
    def watched(self, question=None):
        """What a WSGI server does: it asks for one part after the other, and closes the answer."""
        path = reverse("live:sync", args=[(question or self.question).id])
        environ = RequestFactory().get(path).environ
        with contextlib.closing(get_wsgi_application()(environ, lambda *_: None)) as answer:
            yield (part.decode() for part in answer)

    def in_a_thread(self, work):
        """To be awaited. The thread's connection is closed, or it would keep the test database."""

        def work_and_close():
            try:
                work()
            finally:
                connection.close()

        return asyncio.to_thread(work_and_close)

    def assert_vanishing_leaves_nothing(self, visitor):
        """`visitor` makes somebody who watches this poll through an ASGI server."""

        async def story():
            for _ in range(COMINGS_AND_GOINGS // 20):
                visitors = [visitor() for _ in range(20)]
                await asyncio.gather(*(one.comes() for one in visitors))
                self.assertEqual(len(newsroom), 20)
                await self.in_a_thread(self.vote)
                await asyncio.gather(*(one.vanishes() for one in visitors))
                self.assertEqual((len(newsroom), newsroom._watchers), (0, {}))
            return len(asyncio.all_tasks())

        threads = threading.active_count()
        self.assertEqual(asyncio.run(story()), 1)
        self.assertTrue(within(5, lambda: threading.active_count() <= threads + 1))  # the newsroom's own
        self.assertEqual(self.sql(LISTENING), 1)

    def sql(self, query):
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0]


class Synchronous(Streams):
    def test_shows_the_results_and_then_each_vote(self):
        self.vote(self.other)
        before = time.time()
        with self.watched() as events:
            first = next(events)
            self.assertTrue(first.startswith("retry: 2000\n"))
            votes = {str(self.choice.id): 0, str(self.other.id): 1}
            self.assertEqual(parsed(first), ("results", {"poll": self.question.id, "votes": votes}))
            for n in (1, 2):
                self.vote()
                kind, told = parsed(next(events))
                since = told.pop("since")
                self.assertEqual((kind, told), ("vote", {"choice": self.choice.id, "votes": n, "told": 1}))
                self.assertTrue(before < since < time.time())

    def test_tells_nobody_of_another_poll_s_votes(self):
        with self.watched() as events, self.watched(make_question()) as others, override_settings(LIVE_HEARTBEAT_S=0.3):
            next(events), next(others)
            self.vote()
            self.assertEqual(parsed(next(events))[0], "vote")
            self.assertEqual(next(others), views.HEARTBEAT)

    def test_what_is_rolled_back_is_no_news(self):
        with self.watched() as events:
            next(events)
            with contextlib.suppress(ZeroDivisionError), transaction.atomic():
                self.question.choice_set.update(votes=F("votes") + 100)
                raise ZeroDivisionError
            self.vote()
            self.assertEqual(parsed(next(events))[1]["votes"], 1)

    def test_tells_of_votes_whoever_changes_them(self):
        with self.watched() as events:
            next(events)
            Choice.objects.filter(pk=self.other.id).update(choice_text="renamed", votes=7)
            told = parsed(next(events))[1]
            self.assertEqual((told["choice"], told["votes"], told["told"]), (self.other.id, 7, 7))

    @override_settings(LIVE_HEARTBEAT_S=0.05)
    def test_says_that_it_is_there_when_there_is_no_news(self):
        with self.watched() as events:
            next(events)
            self.assertEqual([next(events), next(events)], [": still here\n\n"] * 2)

    def test_needs_its_database_connection_no_more_once_it_is_open(self):
        with self.watched() as events:
            next(events)
            self.assertIsNone(connection.connection)

    def test_one_connection_listens_however_many_watch(self):
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                next(stack.enter_context(self.watched()))
            self.assertEqual((len(newsroom), self.sql(LISTENING)), (20, 1))

    def test_ends_when_the_connection_is_lost_and_whoever_comes_again_sees_what_was_missed(self):
        with mock.patch.object(news, "AGAIN_S", 0.05), self.watched() as events:
            next(events)
            with self.assertLogs("live", "WARNING"):
                self.sql(STOP_LISTENING)
                self.assertEqual(list(events), [])
            self.vote()
            with self.watched() as again:
                self.assertEqual(parsed(next(again))[1]["votes"][str(self.choice.id)], 1)
                self.vote()
                self.assertEqual(parsed(next(again))[1]["votes"], 2)

    def test_says_so_when_news_cannot_be_heard(self):
        lost = mock.patch.object(news, "listening_connection", side_effect=OSError("refused"))
        with lost, mock.patch.object(news, "START_S", 0.1), self.assertLogs("live", "WARNING"):
            self.assertContains(self.client.get(self.url("sync")), "cannot be heard", status_code=503)

    def test_is_not_cached_and_not_collected_by_nginx(self):
        response = self.client.get(self.url("sync"))
        self.addCleanup(response.close)
        self.assertEqual(response.headers["Content-Type"], "text/event-stream")
        self.assertEqual(response.headers["X-Accel-Buffering"], "no")
        self.assertEqual(response.headers["Cache-Control"], "no-store")

    def test_a_poll_that_is_not_published_has_none(self):
        self.assertEqual(self.client.get(reverse("live:sync", args=[make_question(5).id])).status_code, 404)

    def test_must_be_a_get(self):
        self.assertEqual(self.client.post(self.url("sync")).status_code, 405)

    def test_leaves_nothing_behind(self):
        with self.watched() as events:
            next(events)  # what is made once
        threads = threading.active_count()
        for _ in range(COMINGS_AND_GOINGS):
            with self.watched() as events:
                next(events)
        self.assertEqual((len(newsroom), newsroom._watchers), (0, {}))
        self.assertEqual((threading.active_count(), self.sql(LISTENING)), (threads, 1))

    def url(self, view):
        return reverse(f"live:{view}", args=[self.question.id])


class Visitor:
    """Somebody who watches through an ASGI server."""

    def __init__(self, path):
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": path,
                 "query_string": b"", "headers": [(b"host", b"testserver")]}  # fmt: skip
        self.talk = ApplicationCommunicator(get_asgi_application(), scope)

    async def comes(self):
        """What is there when the first event has come."""
        await self.talk.send_input({"type": "http.request"})
        start = await self.talk.receive_output(5)
        assert start["status"] == 200, start
        return await self.hears()

    async def hears(self):
        return (await self.talk.receive_output(5)).get("body", b"").decode()

    async def vanishes(self):
        await self.talk.send_input({"type": "http.disconnect"})
        await self.talk.wait(5)


class Asynchronous(Streams):
    def path(self):
        return reverse("live:async", args=[self.question.id])

    def test_shows_the_results_and_then_each_vote(self):
        async def story():
            visitor = Visitor(self.path())
            first = parsed(await visitor.comes())
            await self.in_a_thread(self.vote)
            second = parsed(await visitor.hears())
            await visitor.vanishes()
            return first, second

        (kind, results), (news_kind, told) = asyncio.run(story())
        self.assertEqual((kind, results["votes"][str(self.choice.id)]), ("results", 0))
        self.assertEqual((news_kind, told["votes"], told["told"]), ("vote", 1, 1))

    @override_settings(LIVE_HEARTBEAT_S=0.05)
    def test_says_that_it_is_there_when_there_is_no_news(self):
        async def story():
            visitor = Visitor(self.path())
            await visitor.comes()
            heard = [await visitor.hears(), await visitor.hears()]
            await visitor.vanishes()
            return heard

        self.assertEqual(asyncio.run(story()), [": still here\n\n"] * 2)

    def test_ends_when_the_connection_is_lost(self):
        async def story():
            visitor = Visitor(self.path())
            await visitor.comes()
            await self.in_a_thread(lambda: self.sql(STOP_LISTENING))
            await visitor.talk.wait(5)
            return await visitor.hears()

        with self.assertLogs("live", "WARNING"):
            self.assertEqual(asyncio.run(story()), "")

    def test_those_who_vanish_leave_nothing_behind(self):
        self.assert_vanishing_leaves_nothing(lambda: Visitor(self.path()))


class Page(Streams):
    """Its script opens the stream that the interface can serve."""

    def test_shows_the_results_and_where_to_hear_more(self):
        self.vote()
        response = self.client.get(reverse("live:page", args=[self.question.id]))
        self.assertContains(response, f'data-stream="/live/sync/{self.question.id}/"')
        self.assertContains(response, f'<span id="votes-{self.choice.id}">1</span>', html=True)

    async def test_opens_the_asynchronous_stream_under_asgi(self):
        response = await self.async_client.get(reverse("live:page", args=[self.question.id]))
        self.assertContains(response, f'data-stream="/live/async/{self.question.id}/"')


class OtherInterface(SimpleTestCase):
    """Django reads such a stream to its end before it sends any of it, and this one has none."""

    def test_is_refused_and_told(self):
        self.assertContains(self.client.get("/live/async/1/"), "open the sync one", status_code=501)

    async def test_is_refused_and_told_under_asgi(self):
        response = await self.async_client.get("/live/sync/1/")
        self.assertContains(response, "open the async one", status_code=501)


class WhatOneHasYetToHear(SimpleTestCase):
    def test_is_the_newest_of_each_choice_with_the_age_of_the_oldest(self):
        watcher = Watcher(lambda: None)
        for one in (News(1, 5, 1, 100.0), News(2, 9, 1, 100.5), News(1, 6, 1, 101.0), News(1, 8, 2, 102.0)):
            watcher.tell(one)
        self.assertEqual(list(watcher.take()), [News(1, 8, 4, 100.0), News(2, 9, 1, 100.5)])
        self.assertEqual(list(watcher.take()), [])

    def test_does_not_grow_while_nobody_reads(self):
        watcher = Watcher(lambda: None)
        for n in range(10_000):
            watcher.tell(News(n % 4, n, 1, float(n)))
        self.assertEqual(len(watcher.take()), 4)

    def test_wakes_once_until_it_is_taken(self):
        wake = mock.Mock()
        watcher = Watcher(wake)
        for _ in range(2):
            for n in range(10):
                watcher.tell(News(n, n, 1, float(n)))
            watcher.take()
        self.assertEqual(wake.call_count, 2)

    def test_those_who_come_while_nothing_can_be_heard_are_sent_away(self):
        self.assertFalse(newsroom.listens)
        with newsroom.watching(1, lambda: None) as watcher:
            self.assertTrue(watcher.over)
        self.assertEqual(len(newsroom), 0)
