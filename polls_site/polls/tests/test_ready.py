import json
import platform
import socket
from unittest import mock

import django
from django.conf import settings
from django.db import OperationalError, connection
from django.test import SimpleTestCase, TestCase

from .process import run_python


class Ready(TestCase):
    def test_says_what_the_process_is_made_of(self):
        major, minor = connection.get_database_version()
        self.assertEqual(
            self.client.get("/ready/").json(),
            {
                "ready": True,
                "interface": "wsgi",
                "python": platform.python_version(),
                "django": django.get_version(),
                "driver": mock.ANY,
                "database": f"PostgreSQL {major}.{minor}",
                "db": settings.DB,
                "vote": settings.VOTE,
                "debug": False,
            },
        )

    async def test_tells_asgi_from_wsgi(self):
        self.assertEqual((await self.async_client.get("/ready/")).json()["interface"], "asgi")

    def test_is_never_cached(self):
        self.assertIn("no-store", self.client.get("/ready/")["Cache-Control"])

    def test_touches_the_database_once(self):
        with self.assertNumQueries(1):
            self.client.get("/ready/")

    def test_is_503_with_the_reason_when_the_database_does_not_answer(self):
        error = OperationalError("connection refused.\nIs the server running?")
        with mock.patch.object(connection, "cursor", side_effect=error), self.assertLogs("django.request", "ERROR"):
            response = self.client.get("/ready/")
        self.assertEqual(response.status_code, 503)
        self.assertEqual(
            response.json(), {"ready": False, "reason": "The database does not answer: connection refused."}
        )


GET_READY = """
import django
django.setup()
from django.test import Client
response = Client(headers={"host": "127.0.0.1"}).get("/ready/")
print(response.status_code, response.text)
"""


class ReadyInAProcessOfItsOwn(SimpleTestCase):
    """The same for each way to connect, without mocks."""

    def ready(self, **environ):
        printed = run_python(GET_READY, POLLS_DB_POOL_TIMEOUT="1", **environ).stdout
        status, _, body = printed.partition(" ")
        return int(status), json.loads(body)

    def test_names_the_driver_that_is_loaded(self):
        # Only the database "postgres" is sure to be there: the test's own may be a copy, and the site's not made yet.
        for way, driver in (("pool", "psycopg 3."), ("persistent", "psycopg2 2."), ("per-request", "psycopg2 2.")):
            with self.subTest(way):
                status, answer = self.ready(POLLS_DB=way, PGDATABASE="postgres")
                self.assertEqual((status, answer["db"]), (200, way))
                self.assertTrue(answer["driver"].startswith(driver), answer["driver"])

    def test_is_503_when_nothing_listens_on_the_database_port(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))  # Bound and not listening: connecting is refused, and nobody takes the port.
            port = str(closed.getsockname()[1])
            for way in ("pool", "persistent", "per-request"):
                with self.subTest(way):
                    status, answer = self.ready(POLLS_DB=way, PGHOST="127.0.0.1", PGPORT=port)
                    self.assertEqual((status, answer["ready"]), (503, False))
                    self.assertTrue(answer["reason"].startswith("The database does not answer: "), answer["reason"])
