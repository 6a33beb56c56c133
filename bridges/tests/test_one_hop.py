"""What a handler that runs a synchronous view in one change of threads must hold."""

import asyncio
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest.mock import patch

from django.contrib.auth.models import Group, User
from django.core import signals
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import Client, TransactionTestCase
from django_bridges.one_hop import get_asgi_application

from tests import events, views
from tests.client import Asked, get, in_a_loop, until
from tests.sessions import end_other_sessions


class OneHopTestCase(TransactionTestCase):
    """`application` has so many threads. At a test's end all of them must be free: nothing holds one for ever."""

    threads = 2

    def setUp(self):
        self.count_of = {}
        events.HAPPENED.clear()
        views.HELD.clear()
        self.application = self.made()

    def made(self, **how):
        how = {"threads": self.threads, **how}
        application = get_asgi_application(**how)
        self.count_of[application] = how["threads"]
        self.addCleanup(lambda: asyncio.run(self.all_are_free(application)))
        return application

    async def all_are_free(self, application):
        """As many jobs as there are threads can meet."""
        views.HELD.set()
        meeting = threading.Barrier(self.count_of[application], timeout=10)
        await asyncio.gather(*(application.in_thread(meeting.wait) for _ in range(meeting.parties)))
        self.assertEqual(application.in_hand, 0)

    async def get(self, path, **how):
        return await get(self.application, path, **how)

    def asked(self, path, **how):
        return Asked(self.application, path, **how)

    async def hold(self, count):
        """So many requests that a view holds, each in a thread of its own."""
        held = [asyncio.ensure_future(self.get("/holding/")) for _ in range(count)]
        await until(lambda: events.names().count("holding") == count)
        return held


@contextmanager
def finished(call=lambda: events.happened("finished", views.thread())):
    """`call` is called with each request_finished."""

    def receiver(**_):
        call()

    signals.request_finished.connect(receiver)
    try:
        yield
    finally:
        signals.request_finished.disconnect(receiver)


@contextmanager
def started(receiver):
    signals.request_started.connect(receiver)
    try:
        yield
    finally:
        signals.request_started.disconnect(receiver)


def is_of_the_pool(name):
    return name.startswith("one-hop")


class ASynchronousView(OneHopTestCase):
    @in_a_loop
    async def test_has_its_middleware_signals_and_database_in_its_thread(self):
        def begun(**_):
            events.happened("started", views.thread())

        with started(begun), finished(), self.settings(MIDDLEWARE=["tests.middleware.Telling"]):
            self.application = self.made()
            answer = await self.get("/plain/")
        self.assertEqual(events.names(), ["started", "middleware", "view", "closed", "finished"])
        self.assertEqual({where for _, where in events.HAPPENED}, {answer.text})
        self.assertTrue(is_of_the_pool(answer.text))

    @in_a_loop
    async def test_changes_threads_once_and_starts_none(self):
        for _ in range(self.threads):
            await asyncio.gather(*await self.all_held())
        with (
            events.calls(ThreadPoolExecutor, "submit") as submitted,
            events.calls(threading.Thread, "start") as begun,
        ):
            await self.get("/plain/")
        self.assertEqual((len(submitted), len(begun)), (1, 0))

    async def all_held(self):
        """Every thread has begun then."""
        events.HAPPENED.clear()
        views.HELD.clear()
        held = await self.hold(self.threads)
        views.HELD.set()
        return held

    @in_a_loop
    async def test_of_a_class_is_one_too(self):
        self.assertTrue(is_of_the_pool((await self.get("/synchronous_class/")).text))

    @in_a_loop
    async def test_that_is_not_there_is_answered_in_a_thread(self):
        with finished():
            answer = await self.get("/nowhere/")
        self.assertEqual(answer.status, 404)
        self.assertTrue(is_of_the_pool(events.places("finished")[0]))

    @in_a_loop
    async def test_whose_address_asks_the_database_is_found(self):
        self.assertTrue(is_of_the_pool((await self.get("/asking/word/")).text))

    @in_a_loop
    async def test_is_found_by_the_urls_that_a_middleware_sets(self):
        with self.settings(MIDDLEWARE=["tests.middleware.other_urls"]):
            self.application = self.made()
            self.assertEqual((await self.get("/elsewhere/")).status, 200)
            self.assertEqual((await self.get("/plain/")).status, 200)  # an asynchronous view, there

    @in_a_loop
    async def test_behind_middleware_that_is_asynchronous_only(self):
        with self.settings(MIDDLEWARE=["tests.middleware.asynchronous_only"]):
            self.application = self.made()
            answer = await self.get("/plain/")
        self.assertTrue(is_of_the_pool(answer.text))
        self.assertEqual(events.places("asynchronous middleware"), ["MainThread"])

    @in_a_loop
    async def test_may_wait_for_asynchronous_code_that_waits_for_its_thread(self):
        self.application = self.made(threads=1)
        answer = await self.get("/nested/")
        self.assertIn('"inner": "one-hop', answer.text)
        self.assertIn(f'"view": {answer.text.split(":")[1].split(",")[0].strip()}', answer.text)

    @in_a_loop
    async def test_is_sent_the_signals_of_asynchronous_receivers(self):
        async def begun(**_):
            events.happened("started", views.thread())

        with started(begun):
            await self.get("/plain/")
        self.assertEqual(events.places("started"), ["MainThread"])

    @in_a_loop
    async def test_answers_before_request_finished_has_ended(self):
        with finished(lambda: views.HELD.wait(10)):
            asked = self.asked("/plain/")
            start = await asked.next()
            await asked.next()
            self.assertEqual(start["status"], 200)
            self.assertEqual(self.application.in_hand, 1)
            views.HELD.set()
            await asked.end()

    @in_a_loop
    async def test_reads_a_large_body_from_the_disk(self):
        body = [bytes([number]) * 2**20 for number in range(4)]
        wanted = hashlib.sha256(b"".join(body)).hexdigest()
        answer = await self.get("/upload/", method="POST", body=body)
        self.assertEqual(answer.text, f'{{"digest": "{wanted}", "on disk": true}}')

    @in_a_loop
    async def test_is_not_called_for_a_body_that_is_too_large_to_be_read_at_once(self):
        with self.settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10), self.assertLogs("django", "ERROR"):
            answer = await self.get("/upload/?whole", method="POST", body=[b"x" * 11])
        self.assertEqual(answer.status, 400)

    @in_a_loop
    async def test_is_not_called_where_the_client_leaves_within_its_body(self):
        asked = self.asked("/plain/", method="POST", body=())
        asked.sends_more(b"x")
        await asked.leaves()
        self.assertEqual(events.HAPPENED, [])


class AnAsynchronousView(OneHopTestCase):
    @in_a_loop
    async def test_of_each_kind_runs_in_the_event_loop(self):
        held = await self.hold(self.threads)
        with self.settings(MIDDLEWARE=["django.middleware.locale.LocaleMiddleware"]):
            for path in ("asynchronous", "decorated", "asynchronous_class", "below/asynchronous", "de/spoken"):
                with self.subTest(path):
                    self.assertEqual((await self.get(f"/{path}/")).text, "MainThread")
        views.HELD.set()
        await asyncio.gather(*held)

    @in_a_loop
    async def test_waits_for_no_thread_of_the_pool(self):
        held = await self.hold(self.threads)
        self.assertFalse(is_of_the_pool((await self.get("/asks_a_thread/")).text))
        views.HELD.set()
        await asyncio.gather(*held)

    @in_a_loop
    async def test_below_a_script_prefix_is_found(self):
        held = await self.hold(self.threads)
        self.assertEqual((await self.get("/site/asynchronous/", root_path="/site")).text, "MainThread")
        views.HELD.set()
        await asyncio.gather(*held)

    @in_a_loop
    async def test_streams_unhindered_at_a_full_pool(self):
        held = await self.hold(self.threads)
        self.assertEqual((await self.get("/stream_of_asynchronous_view/")).text, "0\n1\n2\n")
        views.HELD.set()
        await asyncio.gather(*held)


class AStream(OneHopTestCase):
    @in_a_loop
    async def test_of_a_synchronous_iterator_keeps_to_its_thread_and_is_closed_there(self):
        with finished():
            answer = await self.get("/stream/")
        self.assertEqual(answer.text, "0\n1\n2\n")
        self.assertEqual(events.names(), ["view", "line", "line", "line", "closed", "finished"])
        self.assertEqual(len({where for _, where in events.HAPPENED}), 1)

    @in_a_loop
    async def test_of_a_synchronous_iterator_may_read_from_a_transaction(self):
        self.assertEqual((await self.get("/stream_from_database/")).text, "1\n2\n3\n")

    @in_a_loop
    async def test_of_a_synchronous_iterator_has_its_thread_for_itself(self):
        self.application = self.made(threads=1)
        stream = self.asked("/stream/", buffer=1)
        await stream.next()
        other = self.asked("/plain/")
        await until(lambda: self.application.in_hand == 2)
        await stream.next()
        self.assertEqual(self.application.in_hand, 2)
        while (await stream.next()).get("more_body"):
            pass
        self.assertEqual((await other.answer()).status, 200)

    @in_a_loop
    async def test_of_an_asynchronous_iterator_runs_in_the_event_loop_and_holds_no_thread(self):
        self.application = self.made(threads=1)
        with finished():
            asked = self.asked("/asynchronous_stream/")
            await asked.next()
            await until(lambda: self.application.in_hand == 0)
            answer = [(await asked.next())["body"] for _ in range(3)]
            await asked.end()
        self.assertEqual(b"".join(answer), b"0\n1\n2\n")
        self.assertEqual(events.names(), ["view", "line", "line", "line", "closed", "finished"])
        self.assertEqual(events.places("line"), ["MainThread"] * 3)

    @in_a_loop
    async def test_of_an_asynchronous_iterator_has_a_thread_of_its_own_for_what_is_not(self):
        answers = await asyncio.gather(*(self.get("/stream_that_waits_in_a_thread/") for _ in range(2)))
        self.assertEqual([answer.text for answer in answers], ["both", "both"])

    def test_of_an_asynchronous_iterator_leaves_no_connection_open(self):
        """Neither that of its view nor that of what it asks itself."""
        for path in ("/asynchronous_stream_after_a_query/", "/asynchronous_stream_with_a_query/"):
            with self.subTest(path), events.calls(DatabaseWrapper, "_close") as closed:
                with events.calls(DatabaseWrapper, "get_new_connection") as opened:
                    asyncio.run(self.get(path))
                self.assertEqual(set(map(id, closed)), set(map(id, opened)))
                self.assertEqual(len(opened), 1)

    @in_a_loop
    async def test_of_an_asynchronous_iterator_speaks_the_language_of_its_view(self):
        answer = await self.get("/site/asynchronous_stream_that_speaks/", root_path="/site")
        self.assertEqual(answer.text, "de /site/plain/")

    @in_a_loop
    async def test_of_a_file_holds_no_thread_between_its_parts(self):
        self.application = self.made(threads=1)
        stream = self.asked("/large_file/", buffer=1)
        await stream.next()
        self.assertEqual((await self.get("/plain/")).status, 200)
        parts = []
        while (part := await stream.next()).get("more_body"):
            parts.append(len(part["body"]))
        self.assertEqual(parts, [2**16] * 16)

    @in_a_loop
    async def test_of_a_file_does_not_wait_for_those_who_wait_for_a_thread(self):
        stream = self.asked("/large_file/", buffer=1)
        await stream.next()
        held = await self.hold(self.threads)
        while (await stream.next()).get("more_body"):
            pass
        await stream.end()
        views.HELD.set()
        await asyncio.gather(*held)

    @in_a_loop
    async def test_of_a_file_is_read_and_closed_by_a_thread(self):
        with finished():
            answer = await self.get("/file/")
        self.assertIn("A view of each kind", answer.text)
        self.assertEqual(events.names(), ["closed", "finished"])
        self.assertTrue(all(where.startswith("one-hop-files") for _, where in events.HAPPENED))

    @in_a_loop
    async def test_that_fails_in_the_middle_is_closed(self):
        asked = self.asked("/failing_stream/")
        await asked.next()
        await asked.next()
        with self.assertRaisesMessage(ValueError, "in the middle"):
            await asked.end()
        self.assertEqual(events.names(), ["closed"])

    @in_a_loop
    async def test_whose_client_leaves_is_closed(self):
        for path in ("/endless/", "/asynchronous_endless/", "/large_file/"):
            with self.subTest(path), finished():
                events.HAPPENED.clear()
                asked = self.asked(path, buffer=2)
                await asked.next()
                await asked.next()
                await asked.leaves()
                self.assertEqual(events.names(), ["closed", "finished"])


class AClientThatLeaves(OneHopTestCase):
    @in_a_loop
    async def test_while_it_waits_is_not_served(self):
        held = await self.hold(self.threads)
        await self.asked("/plain/").leaves()
        views.HELD.set()
        await asyncio.gather(*held)
        self.assertNotIn("view", events.names())

    @in_a_loop
    async def test_while_its_view_runs_does_not_stop_it(self):
        asked = self.asked("/holding/")
        await until(lambda: "holding" in events.names())
        asked.hangs_up()
        await asyncio.sleep(0.01)
        self.assertFalse(asked.serving.done())
        views.HELD.set()
        await asked.end()
        self.assertEqual(events.names(), ["holding", "held", "closed"])


class ACancelledRequest(OneHopTestCase):
    """As hypercorn does where its client leaves, and every server that is stopped."""

    @in_a_loop
    async def test_that_waits_leaves_the_queue(self):
        held = await self.hold(self.threads)
        asked = self.asked("/plain/")
        await until(lambda: self.application.in_hand == self.threads + 1)
        await self.cancelled(asked)
        views.HELD.set()
        await asyncio.gather(*held)
        await until(lambda: self.application.in_hand == 0)
        self.assertNotIn("view", events.names())

    @in_a_loop
    async def test_whose_view_runs_gives_its_thread_back_when_that_ends(self):
        asked = self.asked("/holding/")
        await until(lambda: "holding" in events.names())
        for _ in range(2):
            asked.serving.cancel()
            await asyncio.sleep(0.01)
        self.assertEqual(self.application.in_hand, 1)
        views.HELD.set()
        await until(lambda: self.application.in_hand == 0)
        self.assertEqual(events.names(), ["holding", "held", "closed"])

    @in_a_loop
    async def test_twice_whose_view_then_returns_a_stream_is_closed_once(self):
        asked = self.asked("/holding_stream/")
        await until(lambda: "holding" in events.names())
        for _ in range(2):
            asked.serving.cancel()
            await asyncio.sleep(0.01)
        views.HELD.set()
        await self.cancelled(asked)
        self.assertEqual(events.names(), ["holding", "closed"])

    def test_by_the_end_of_the_event_loop_is_waited_for_and_keeps_its_body(self):
        async def ends_with_a_view_at_work():
            self.asked("/holding/", method="POST", body=[b"x" * 10])
            await until(lambda: "holding" in events.names())
            threading.Timer(0.1, views.HELD.set).start()

        with self.settings(MIDDLEWARE=[]):
            self.application = self.made()
        asyncio.run(ends_with_a_view_at_work())
        self.assertEqual(events.names(), ["holding", "held", "closed"])

    @in_a_loop
    async def test_that_streams_is_closed(self):
        for path in ("/endless/", "/asynchronous_endless/"):
            with self.subTest(path), finished():
                events.HAPPENED.clear()
                asked = self.asked(path)
                await asked.next()
                await asked.next()
                await self.cancelled(asked)
                self.assertEqual(events.names(), ["closed", "finished"])

    async def cancelled(self, asked):
        asked.serving.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await asked.serving


class AFullPool(OneHopTestCase):
    @in_a_loop
    async def test_serves_in_the_order_in_which_they_came(self):
        self.application = self.made(threads=1)
        held = await self.hold(1)
        order, waiting = [], []
        for number in range(5):
            waiting.append(asyncio.ensure_future(self.get("/plain/")))
            waiting[-1].add_done_callback(lambda _, number=number: order.append(number))
            await until(lambda number=number: self.application.in_hand == number + 2)
        views.HELD.set()
        await asyncio.gather(*held, *waiting)
        self.assertEqual(order, [0, 1, 2, 3, 4])

    @in_a_loop
    async def test_whose_queue_is_full_answers_503(self):
        self.application = self.made(threads=1, queue=1)
        held = await self.hold(1)
        waiting = asyncio.ensure_future(self.get("/plain/"))
        await until(lambda: self.application.in_hand == 2)
        answer = await self.get("/plain/")
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "1"))
        views.HELD.set()
        await asyncio.gather(*held, waiting)
        self.assertEqual((await self.get("/plain/")).status, 200)


class Connections(OneHopTestCase):
    def sessions(self):
        """Of PostgreSQL, that 40 requests at once had."""

        async def ask():
            return await asyncio.gather(*(self.get("/session_of_database/") for _ in range(40)))

        return {answer.text for answer in asyncio.run(ask())}

    def test_that_are_kept_are_as_many_as_there_are_threads(self):
        with patch.dict(connection.settings_dict, CONN_MAX_AGE=None):
            self.assertLessEqual(len(self.sessions()), self.threads)
            end_other_sessions()

    def test_that_are_not_kept_are_closed_with_their_request(self):
        self.assertEqual(len(self.sessions()), 40)

    def test_have_a_transaction_for_each_request_where_django_is_asked_to(self):
        with patch.dict(connection.settings_dict, ATOMIC_REQUESTS=True):
            self.application = self.made()
            self.assertEqual(asyncio.run(self.get("/stores/")).text, "True")
            with self.assertLogs("django.request", "ERROR"):
                self.assertEqual(asyncio.run(self.get("/stores/?fail")).status, 500)
        self.assertEqual(len(events.places("committed")), 1)
        self.assertTrue(is_of_the_pool(events.places("committed")[0]))
        self.assertEqual(Group.objects.count(), 1)


class WhatARequestLeavesBehind(OneHopTestCase):
    threads = 1

    @in_a_loop
    async def test_of_context_variables_is_seen_by_no_other(self):
        views.VARIABLE.set("of the server")
        self.assertEqual([(await self.get("/variable/")).text for _ in range(2)], ["of the server"] * 2)

    @in_a_loop
    async def test_of_language_and_time_zone_is_seen_by_no_other(self):
        first, second = [(await self.get("/speaks/")).text for _ in range(2)]
        self.assertEqual(first, second)
        self.assertIn("en-us", first)

    @in_a_loop
    async def test_of_the_script_prefix_is_seen_by_no_other(self):
        below = await self.get("/site/prefix/", root_path="/site")
        self.assertEqual(below.text, '{"prefix": "/site/", "plain": "/site/plain/", "path": "/prefix/"}')
        self.assertIn('"prefix": "/", "plain": "/plain/"', (await self.get("/prefix/")).text)
        self.assertIn('"prefix": "/", "plain": "/plain/"', (await self.get("/prefix/", root_path=None)).text)


class AUser(OneHopTestCase):
    def setUp(self):
        super().setUp()
        client = Client()
        client.force_login(User.objects.create_user("ada"))
        self.cookie = [(b"cookie", client.cookies.output(header="").strip().encode())]

    @in_a_loop
    async def test_has_a_session_in_views_of_either_kind(self):
        for visits in (1, 2):
            answer = await self.get("/user/", headers=self.cookie)
            self.assertEqual(answer.text, f'{{"user": "ada", "same": "ada", "visits": {visits}}}')
        self.assertEqual((await self.get("/asynchronous_user/", headers=self.cookie)).text, "ada")


class AnException(OneHopTestCase):
    @in_a_loop
    async def test_of_a_view_is_logged_and_answered(self):
        with self.assertLogs("django.request", "ERROR") as logged:
            self.assertEqual((await self.get("/fails/")).status, 500)
        self.assertIn("of the view", logged.output[0])

    @in_a_loop
    async def test_of_a_view_is_a_page_where_one_develops(self):
        with self.settings(DEBUG=True), self.assertLogs("django.request", "ERROR"):
            answer = await self.get("/fails/")
        self.assertIn("ValueError at /fails/", answer.text)

    @in_a_loop
    async def test_of_urls_that_do_not_load_is_as_under_django_s_own_handler_and_keeps_nothing(self):
        with self.settings(ROOT_URLCONF="tests.broken_urls"), self.assertRaisesMessage(ImportError, "of the URLs"):
            await self.get("/plain/")
        self.assertEqual((await self.get("/asynchronous/")).text, "MainThread")

    @in_a_loop
    async def test_of_a_receiver_is_the_server_s_to_log_and_gives_the_thread_back(self):
        def fails(**_):
            raise ValueError("of the receiver")

        with started(fails), self.assertRaisesMessage(ValueError, "of the receiver"):
            await self.get("/plain/")
        self.assertEqual((await self.get("/plain/")).status, 200)

    @in_a_loop
    async def test_of_a_receiver_at_the_end_comes_after_the_answer(self):
        def fails():
            raise ValueError("of the receiver")

        with finished(fails):
            asked = self.asked("/plain/", buffer=1)
            await asyncio.sleep(0.05)
            self.assertFalse(asked.serving.done())
            self.assertEqual((await asked.next())["status"], 200)
            await asked.next()
            with self.assertRaisesMessage(ValueError, "of the receiver"):
                await asked.end()


class WhatIsNotHTTP(OneHopTestCase):
    @in_a_loop
    async def test_is_refused_as_django_does(self):
        for kind in ("websocket", "lifespan"):
            with self.subTest(kind), self.assertRaisesMessage(ValueError, f"not {kind}"):
                await self.application({"type": kind}, None, None)


class ManyRequests(OneHopTestCase):
    threads = 4

    @in_a_loop
    async def test_of_which_some_are_left_leave_nothing_behind(self):
        async def one(number):
            if number % 10:
                self.assertEqual((await self.get("/plain/")).status, 200)
            else:
                await self.asked("/asynchronous_endless/" if number % 20 else "/plain/").leaves()

        for start in range(0, 1000, 100):
            await asyncio.gather(*(one(number) for number in range(start, start + 100)))
        self.assertEqual(self.application.in_hand, 0)
