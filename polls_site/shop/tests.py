import asyncio
import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

from django.test import SimpleTestCase, override_settings
from django.urls import reverse

from . import services

VIEWS = ("shop:sync", "shop:async", "shop:together")
CLIENTS = ("httpx", "httpx2", "aiohttp")
OFFERED = {"promotions": ["Teapots", "Umbrellas"], "recommendations": ["a kettle"]}


class Services(BaseHTTPRequestHandler):
    """Both services: what each answers to, and after which time, is decided by the test."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = self.path.split("/")[1]
        self.server.asked.append((self.path, self.headers["X-Request-ID"]))
        with self.server.lock:
            self.server.now += 1
            self.server.at_once = max(self.server.at_once, self.server.now)
        time.sleep(self.server.delay_s)
        with self.server.lock:
            self.server.now -= 1
        status, body = self.server.answers.get(name) or (200, json.dumps({"items": OFFERED[name]}))
        if status == 0:
            self.close_connection = True
            return
        with contextlib.suppress(OSError):  # whoever asked may be gone
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

    def log_message(self, *_):
        """No access log."""


class FrontPage(SimpleTestCase):
    """SimpleTestCase allows no query."""

    def setUp(self):
        self.services = ThreadingHTTPServer(("127.0.0.1", 0), Services)
        self.services.daemon_threads = True
        self.services.asked, self.services.answers, self.services.delay_s = [], {}, 0
        self.services.lock, self.services.now, self.services.at_once = threading.Lock(), 0, 0
        threading.Thread(target=self.services.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.addCleanup(self.services.server_close)
        self.addCleanup(self.services.shutdown)
        self.settings_of(SHOP_SERVICES=f"http://127.0.0.1:{self.services.server_port}")

    def settings_of(self, **values):
        settings = override_settings(**values)
        settings.enable()
        self.addCleanup(settings.disable)

    def ways(self):
        """The address of every view, once with each client that it may use."""
        for view in VIEWS:
            for client in CLIENTS if view != "shop:sync" else CLIENTS[:1]:
                with self.subTest(view, client=client), override_settings(SHOP_CLIENT=client):
                    yield reverse(view, args=[7])

    def test_shows_what_both_services_offer(self):
        for url in self.ways():
            response = self.client.get(url, headers={"X-Request-ID": "4f1c"})
            self.assertContains(response, 'data-page="shop" data-visitor="7" data-missing=""')
            self.assertContains(response, '<li class="promotion">', count=2)
            self.assertContains(response, '<li class="recommendation">a kettle</li>')
            self.assertEqual(sorted(self.services.asked), [("/promotions/7", "4f1c"), ("/recommendations/7", "4f1c")])
            self.services.asked.clear()

    def test_says_what_is_missing_and_shows_the_rest(self):
        for answer, why in (
            ((503, "{}"), "answered 503"),
            ((200, "<html>It works!</html>"), "answered nonsense"),
            ((200, '{"items": "all of them"}'), "answered nonsense"),
            ((200, "[]"), "answered nonsense"),
            ((0, ""), "broke off"),
        ):
            self.services.answers["recommendations"] = answer
            for url in self.ways():
                with self.assertLogs("shop", "WARNING") as logs:
                    response = self.client.get(url)
                self.assertEqual([record.getMessage() for record in logs.records], [f"Service recommendations {why}."])
                self.assertContains(response, 'data-missing="recommendations"')
                self.assertContains(response, "We cannot recommend anything right now.")
                self.assertContains(response, '<li class="promotion">', count=2)

    def test_does_not_wait_for_ever(self):
        self.settings_of(SHOP_TIMEOUT_S=0.1)
        self.services.delay_s = 1
        for url in self.ways():
            with self.assertLogs("shop", "WARNING") as logs:
                response = self.client.get(url)
            self.assertContains(response, 'data-missing="promotions recommendations"')
            self.assertIn("Service promotions did not answer in time.", [line.getMessage() for line in logs.records])

    def test_is_there_when_no_service_is(self):
        self.settings_of(SHOP_SERVICES="http://127.0.0.1:9")
        for url in self.ways():
            with self.assertLogs("shop", "WARNING") as logs:
                self.assertContains(self.client.get(url), 'data-missing="promotions recommendations"')
            self.assertIn("Service promotions refused the connection.", [line.getMessage() for line in logs.records])

    def test_asks_at_once_where_it_is_written_so_and_nowhere_else(self):
        self.services.delay_s = 0.2
        for view, at_once in (("shop:sync", 1), ("shop:async", 1), ("shop:together", 2)):
            with self.subTest(view):
                self.services.at_once = 0
                self.client.get(reverse(view, args=[7]))
                self.assertEqual(self.services.at_once, at_once)

    def test_keeps_one_client_for_an_event_loop_under_asgi(self):
        for client in CLIENTS:
            with self.subTest(client), override_settings(SHOP_CLIENT=client):
                asyncio.run(self.two_pages())

    async def two_pages(self):
        url = reverse("shop:together", args=[7])
        self.assertContains(await self.async_client.get(url), 'data-missing=""')
        (kept,) = services._clients.values()
        self.assertContains(await self.async_client.get(url), 'data-missing=""')
        self.assertEqual(list(services._clients.values()), [kept])
        await kept.close()

    def test_ends_its_client_with_the_view_under_wsgi(self):
        for client in CLIENTS:
            with self.subTest(client), override_settings(SHOP_CLIENT=client):
                kind = services.ASYNCHRONOUS[client]
                with mock.patch.object(kind, "close", autospec=True, side_effect=kind.close) as closed:
                    self.client.get(reverse("shop:together", args=[7]))
                self.assertEqual(closed.call_count, 1)
