from django.test import SimpleTestCase

from .process import run_python

PRINT_SETTINGS = """
from django.conf import settings
print(settings.DEBUG, settings.ALLOWED_HOSTS, settings.VOTE)
"""
UNSET = dict.fromkeys(["DJANGO_DEBUG", "DJANGO_ALLOWED_HOSTS", "POLLS_VOTE", "POLLS_BESIDE"])


def settings_with(**environ):
    return run_python(PRINT_SETTINGS, **UNSET | environ)


class Settings(SimpleTestCase):
    def test_are_safe_by_default(self):
        self.assertEqual(settings_with().stdout, "False ['127.0.0.1', 'localhost'] atomic\n")

    def test_come_from_the_environment(self):
        process = settings_with(
            DJANGO_DEBUG="1", DJANGO_ALLOWED_HOSTS="polls.example, 10.0.0.1", POLLS_VOTE="read-then-save"
        )
        self.assertEqual(process.stdout, "True ['polls.example', '10.0.0.1'] read-then-save\n")

    def test_take_an_empty_variable_for_an_unset_one(self):
        self.assertIn(" atomic", settings_with(POLLS_VOTE="", DJANGO_DEBUG="").stdout)

    def test_add_no_app_to_those_of_the_tutorial_unless_asked(self):
        code = "from django.conf import settings; print(settings.INSTALLED_APPS[:2])"
        self.assertEqual(
            run_python(code, POLLS_BESIDE=None).stdout, "['polls.apps.PollsConfig', 'django.contrib.admin']\n"
        )
        self.assertEqual(run_python(code, POLLS_BESIDE="hello").stdout, "['polls.apps.PollsConfig', 'hello']\n")

    def test_that_are_wrong_say_in_one_sentence_what_is_allowed(self):
        for name, value, sentence in (
            (
                "DJANGO_SECRET_KEY",
                None,
                "DJANGO_SECRET_KEY is not set: give it a long random string, for example with ",
            ),
            ("DJANGO_DEBUG", "yes", "DJANGO_DEBUG is 'yes': set it to 0 or 1."),
            ("SHOP_TIMEOUT_S", "soon", "SHOP_TIMEOUT_S is 'soon': set it to a number, such as 1."),
            ("POLLS_VOTE", "racy", "POLLS_VOTE is 'racy': set it to atomic or read-then-save."),
            ("POLLS_BESIDE", "hello, shp", "POLLS_BESIDE names 'shp': there are documents, hello, live, members, "),
        ):
            with self.subTest(name, value=value):
                process = settings_with(**{"POLLS_BESIDE": "shop", name: value})
                self.assertEqual(process.returncode, 1)
                last_line = process.stderr.splitlines()[-1]
                self.assertIn(f"ImproperlyConfigured: {sentence}", last_line)
