"""What each bridge changes, and that it changes nothing else."""

import asyncio
import hashlib
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from django.core.asgi import get_asgi_application as get_shipped_application
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import TransactionTestCase
from django_bridges import both, limit, one_hop, reused, sync_middleware, wsgi

from tests import events, views
from tests.client import get, in_a_loop, until
from tests.sessions import end_other_sessions
from tests.views import thread

BRIDGES = {
    module.__name__.partition(".")[2]: module for module in (both, limit, one_hop, reused, sync_middleware, wsgi)
}

WITH_THREADS = [name for name in BRIDGES if name != "sync_middleware"]


def made(name, threads=2):
    return BRIDGES[name].get_asgi_application(**({"threads": threads} if name in WITH_THREADS else {}))


VARYING = ("expires", "content-length", "set-cookie")
"""Headers that differ from request to request, or with the name of a thread."""


class BridgesTestCase(TransactionTestCase):
    def setUp(self):
        events.HAPPENED.clear()
        views.HELD.clear()
        self.addCleanup(views.HELD.set)

    def middleware(self, *names):
        return self.settings(MIDDLEWARE=[f"tests.middleware.{name}" for name in names])


class EachBridge(BridgesTestCase):
    def test_answers_as_django_does(self):
        body = [bytes([number]) * 2**20 for number in range(4)]
        asked = {
            "/asynchronous_class/": {},
            "/synchronous_class/": {},
            "/nowhere/": {},
            "/stream/": {},
            "/asynchronous_stream/": {},
            "/stream_of_asynchronous_view/": {},
            "/stream_from_database/": {},
            "/file/": {},
            "/user/": {},
            "/site/prefix/": {"root_path": "/site"},
            "/upload/": {"method": "POST", "body": body},
            "/fails/": {},
        }
        shipped = self.answers(get_shipped_application(), asked)
        self.assertEqual(shipped["/upload/"][2][12:76], hashlib.sha256(b"".join(body)).hexdigest())
        for name in BRIDGES:
            with self.subTest(name):
                self.assertEqual(self.answers(made(name), asked), shipped)

    def answers(self, application, asked):
        """Path -> status, headers and text; where a text names a thread, without it."""

        async def all_of_them():
            found = {}
            for path, how in asked.items():
                answer = await get(application, path, **how)
                text = "" if path.endswith("class/") else answer.text.replace("true", "false")  # a2wsgi's is no file
                headers = {name.lower(): value for name, value in answer.headers.items()}
                headers = {name: value for name, value in headers.items() if name not in VARYING}
                found[path] = (answer.status, headers, text)
            return found

        with self.assertLogs("django.request"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Django's, of streams that it has to read to their end
            return asyncio.run(all_of_them())


class Threads(BridgesTestCase):
    def started(self, application):
        """For three requests one after the other, once each thread that stays has begun."""

        async def ask():
            for _ in range(4):
                await get(application, "/plain/")
            with events.calls(threading.Thread, "start") as started:
                for _ in range(3):
                    await get(application, "/plain/")
            return len(started)

        return asyncio.run(ask())

    def test_are_started_for_each_request_as_django_ships_it(self):
        self.assertGreaterEqual(self.started(get_shipped_application()), 3)

    def test_are_started_for_no_request_where_they_stay(self):
        for name in ("reused", "both", "one_hop", "wsgi"):
            with self.subTest(name):
                self.assertEqual(self.started(made(name, threads=1)), 0)


class ChangesOfThreads(BridgesTestCase):
    def changes(self, application):
        """For one request."""

        async def ask():
            await get(application, "/plain/")
            with events.calls(ThreadPoolExecutor, "submit") as submitted:
                await get(application, "/plain/")
            return len(submitted)

        return asyncio.run(ask())

    def test_are_fewer_where_middleware_is_synchronous_and_one_at_last(self):
        shipped, synchronous, one = (
            self.changes(application)
            for application in (get_shipped_application(), made("sync_middleware"), made("one_hop"))
        )
        self.assertEqual(one, 1)
        self.assertLess(synchronous, shipped)
        self.assertEqual(self.changes(made("reused")), shipped)
        self.assertEqual(self.changes(made("both")), synchronous)


class SynchronousMiddleware(BridgesTestCase):
    @in_a_loop
    async def test_is_called_synchronously_whichever_way_it_could_be(self):
        with self.middleware("Telling", "synchronous_only"):
            await get(made("sync_middleware"), "/asynchronous/")
        self.assertEqual(events.names(), ["middleware", "synchronous middleware", "view"])
        first, second = (where for _, where in events.HAPPENED[:2])
        self.assertEqual(first, second)
        self.assertEqual(events.places("view"), ["MainThread"])

    @in_a_loop
    async def test_that_is_asynchronous_only_stays_so(self):
        with self.middleware("asynchronous_only"):
            await get(made("sync_middleware"), "/plain/")
        self.assertEqual(events.places("asynchronous middleware"), ["MainThread"])

    @in_a_loop
    async def test_is_django_s_own_again_for_another_handler(self):
        with self.middleware("Telling"):
            made("sync_middleware")
            await get(get_shipped_application(), "/plain/")
        self.assertEqual(events.names(), ["middleware, asynchronously", "view", "closed"])


class WhatIsLimited(BridgesTestCase):
    def test_is_how_many_requests_are_served_at_once(self):
        for name in WITH_THREADS:
            with self.subTest(name):
                asyncio.run(self.two_at_once(made(name)))

    async def two_at_once(self, application):
        events.HAPPENED.clear()
        views.HELD.clear()
        asked = [asyncio.ensure_future(get(application, "/holding/")) for _ in range(5)]
        await until(lambda: events.names().count("holding") == 2)
        await asyncio.sleep(0.05)
        self.assertEqual(events.names().count("holding"), 2)
        views.HELD.set()
        self.assertEqual([answer.status for answer in await asyncio.gather(*asked)], [200] * 5)

    def test_is_how_many_connections_are_kept(self):
        for name in ("reused", "both", "one_hop", "wsgi"):
            with self.subTest(name), patch.dict(connection.settings_dict, CONN_MAX_AGE=None):
                self.assertLessEqual(len(asyncio.run(self.sessions(made(name)))), 2)
                end_other_sessions()

    async def sessions(self, application):
        """Of PostgreSQL, that 20 requests at once had."""
        answers = await asyncio.gather(*(get(application, "/session_of_database/") for _ in range(20)))
        return {answer.text for answer in answers}


class AnOlderPackage(BridgesTestCase):
    def test_is_told_with_the_version_that_it_takes(self):
        with patch("django.VERSION", (4, 2, 30, "final", 0)):
            self.assertRaisesMessage(ImproperlyConfigured, "needs Django 5.1", made, "one_hop")
        for name in ("reused", "both"):
            with patch("asgiref.__version__", "3.12.1"), self.subTest(name):
                self.assertRaisesMessage(ImproperlyConfigured, "need asgiref 3.13", made, name)


class ABorrowedThread(BridgesTestCase):
    """Of `reused`."""

    def test_is_waited_for_no_longer_by_a_request_that_has_ended(self):
        lender = reused.Lender(1)
        first, second = reused.Borrowed(lender), reused.Borrowed(lender)
        for borrowed in (first, second):
            borrowed.submit(thread)
        second.give_back()
        first.give_back()
        self.assertEqual(len(lender.free), 1)

    @in_a_loop
    async def test_is_none_where_nothing_is_synchronous(self):
        application = made("reused", threads=1)
        held = asyncio.ensure_future(get(application, "/holding/"))
        await until(lambda: "holding" in events.names())
        with self.middleware():
            unhindered = made("reused", threads=1)
        self.assertEqual((await get(unhindered, "/asynchronous/")).text, "MainThread")
        views.HELD.set()
        await held
