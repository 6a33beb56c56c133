from django.test import SimpleTestCase

from .process import run_python

PRINT_SETTINGS = """
from django.conf import settings
print(settings.DEBUG, settings.ALLOWED_HOSTS, settings.DB, settings.VOTE)
print(settings.DATABASES["default"].get("OPTIONS"), settings.DATABASES["default"]["CONN_MAX_AGE"])
"""
UNSET = dict.fromkeys(
    [
        "DJANGO_DEBUG",
        "DJANGO_ALLOWED_HOSTS",
        "POLLS_DB",
        "POLLS_DB_POOL_SIZE",
        "POLLS_DB_POOL_TIMEOUT",
        "POLLS_VOTE",
    ]
)


def settings_with(**environ):
    return run_python(PRINT_SETTINGS, **UNSET | environ)


class Settings(SimpleTestCase):
    def test_are_safe_and_pooled_by_default(self):
        self.assertEqual(
            settings_with().stdout.splitlines(),
            [
                "False ['127.0.0.1', 'localhost', 'nginx'] pool atomic",
                "{'pool': {'min_size': 8, 'max_size': 8, 'timeout': 10.0}} 0",
            ],
        )

    def test_come_from_the_environment(self):
        process = settings_with(
            DJANGO_DEBUG="1",
            DJANGO_ALLOWED_HOSTS="polls.example, 10.0.0.1",
            POLLS_DB_POOL_SIZE="3",
            POLLS_DB_POOL_TIMEOUT="0.5",
            POLLS_VOTE="read-then-save",
        )
        self.assertEqual(
            process.stdout.splitlines(),
            [
                "True ['polls.example', '10.0.0.1'] pool read-then-save",
                "{'pool': {'min_size': 3, 'max_size': 3, 'timeout': 0.5}} 0",
            ],
        )

    def test_without_a_pool_are_a_connection_kept_or_one_for_each_request(self):
        self.assertEqual(settings_with(POLLS_DB="persistent").stdout.splitlines()[1], "None None")
        self.assertEqual(settings_with(POLLS_DB="per-request").stdout.splitlines()[1], "None 0")

    def test_take_an_empty_variable_for_an_unset_one(self):
        self.assertIn(" pool atomic", settings_with(POLLS_DB="", POLLS_VOTE="", DJANGO_DEBUG="").stdout)

    def test_that_are_wrong_say_in_one_sentence_what_is_allowed(self):
        for name, value, sentence in (
            (
                "DJANGO_SECRET_KEY",
                None,
                "DJANGO_SECRET_KEY is not set: give it a long random string, for example with ",
            ),
            ("DJANGO_DEBUG", "yes", "DJANGO_DEBUG is 'yes': set it to 0 or 1."),
            ("POLLS_DB", "pgpool", "POLLS_DB is 'pgpool': set it to pool or persistent or per-request."),
            ("POLLS_VOTE", "racy", "POLLS_VOTE is 'racy': set it to atomic or read-then-save."),
            ("POLLS_DB_POOL_SIZE", "0", "POLLS_DB_POOL_SIZE is '0': set it to a whole number from 1 up."),
            ("POLLS_DB_POOL_SIZE", "4.5", "POLLS_DB_POOL_SIZE is '4.5': set it to a whole number from 1 up."),
            ("POLLS_DB_POOL_TIMEOUT", "nan", "POLLS_DB_POOL_TIMEOUT is 'nan': set it to a number of seconds above 0."),
            ("POLLS_DB_POOL_TIMEOUT", "-1", "POLLS_DB_POOL_TIMEOUT is '-1': set it to a number of seconds above 0."),
        ):
            with self.subTest(name, value=value):
                process = settings_with(**{name: value})
                self.assertEqual(process.returncode, 1)
                last_line = process.stderr.splitlines()[-1]
                self.assertIn(f"ImproperlyConfigured: {sentence}", last_line)


class Driver(SimpleTestCase):
    def driver(self, way):
        code = """
import django
django.setup()
from django.db import connection
from django.db.backends.postgresql import psycopg_any
import sys
print(psycopg_any.is_psycopg3, connection.Database.__name__, "psycopg2" in sys.modules)
"""
        return run_python(code, POLLS_DB=way).stdout.strip()

    def test_is_psycopg_3_with_a_pool(self):
        self.assertEqual(self.driver("pool"), "True psycopg False")

    def test_is_psycopg2_without_one(self):
        self.assertEqual(self.driver("persistent"), "False psycopg2 True")
        self.assertEqual(self.driver("per-request"), "False psycopg2 True")
