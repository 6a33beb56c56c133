from django.test import SimpleTestCase

from .process import run_python

GET_WITH_A_BROKEN_VIEW = """
import django
django.setup()
from unittest import mock
from django.test import Client
from polls import views

client = Client(raise_request_exception=False, headers={"host": "127.0.0.1"} | HEADERS)
with mock.patch.object(views.IndexView, "get_queryset", side_effect=RuntimeError("broken view")):
    print(client.get("/polls/").status_code, client.get("/nowhere/").status_code)
"""

VOTE_WITHOUT_A_TOKEN = """
import django
django.setup()
from django.test import Client

client = Client(enforce_csrf_checks=True, headers={"host": "127.0.0.1", "x-request-id": "4f1c"})
print(client.post("/polls/1/vote/").status_code)
"""


class Log(SimpleTestCase):
    def log(self, headers):
        process = run_python(GET_WITH_A_BROKEN_VIEW.replace("HEADERS", repr(headers)), DJANGO_DEBUG="0")
        self.assertEqual(process.stdout, "500 404\n")
        return process.stderr

    def test_holds_the_traceback_of_an_error_with_the_request_id(self):
        log = self.log({"x-request-id": "4f1c"})
        self.assertRegex(
            log, r"(?m)^\S+ \S+ ERROR django\.request pid=\d+ request_id=4f1c Internal Server Error: /polls/$"
        )
        self.assertIn("\nRuntimeError: broken view\n", log)

    def test_holds_a_dash_for_a_request_without_an_id(self):
        self.assertIn(" request_id=- Internal Server Error: /polls/\n", self.log({}))

    def test_holds_nothing_about_a_page_that_is_not_found(self):
        self.assertNotIn("nowhere", self.log({}))

    def test_holds_a_failed_csrf_check_with_the_request_id(self):
        process = run_python(VOTE_WITHOUT_A_TOKEN, DJANGO_DEBUG="0")
        self.assertEqual(process.stdout, "403\n")
        self.assertRegex(
            process.stderr,
            r"(?m)^\S+ \S+ WARNING django\.security\.csrf pid=\d+ request_id=4f1c Forbidden \(CSRF cookie not set\.\)",
        )
