from io import StringIO

from django.contrib.auth.hashers import get_hasher
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client, TestCase, TransactionTestCase, override_settings
from django.urls import reverse

from polls.tests.factories import make_question

from .management.commands.seed_members import FOLLOWS, PASSWORD
from .models import Follow

HOME = "/home/"
HOMES = ("members:home", "members:home-async")
quick_hash = override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])


class Visitors(TestCase):
    def test_see_the_landing_page_which_asks_nothing_of_the_database(self):
        for home in HOMES:
            with self.subTest(home), self.assertNumQueries(0):
                response = self.client.get(reverse(home))
                self.assertContains(response, 'data-page="landing"')
                self.assertFalse(response.cookies)


class Members(TransactionTestCase):
    """An asynchronous view has its queries made in another thread, which a TestCase's transaction would keep out."""

    def setUp(self):
        self.member = User.objects.create_user("ada")
        self.client.force_login(self.member)
        for text in ("Tea or coffee?", "Sea or mountains?"):
            Follow.objects.create(member=self.member, question=make_question(text=text))
        make_question(text="Cats or dogs?")

    def test_see_their_own_page_with_the_polls_that_they_follow(self):
        for home in HOMES:
            with self.subTest(home):
                response = self.client.get(reverse(home))
                self.assertContains(response, 'data-page="own" data-member="ada"')
                self.assertContains(response, "Tea or coffee?")
                self.assertContains(response, "Sea or mountains?")
                self.assertNotContains(response, "Cats or dogs?")

    def test_see_it_by_three_queries(self):
        with self.assertNumQueries(3):  # session, user, polls
            self.client.get(HOME)

    def test_are_told_where_there_is_nothing_that_they_follow(self):
        self.client.force_login(User.objects.create_user("grace"))
        self.assertContains(self.client.get(HOME), "You follow no polls yet.")

    def test_are_visitors_again_after_they_logged_out(self):
        self.assertRedirects(self.client.post(reverse("members:logout")), HOME)
        self.assertContains(self.client.get(HOME), 'data-page="landing"')


@quick_hash
class LoggingIn(TestCase):
    def setUp(self):
        User.objects.create_user("ada", password="a good one")

    def log_in(self, client, **fields):
        page = client.get(reverse("members:login"))
        token = {"csrfmiddlewaretoken": page.context["csrf_token"]}
        return client.post(reverse("members:login"), {**token, "username": "ada", **fields})

    def test_leads_to_the_own_page(self):
        client = Client(enforce_csrf_checks=True)
        self.assertRedirects(self.log_in(client, password="a good one"), HOME, fetch_redirect_response=False)
        self.assertContains(client.get(HOME), 'data-member="ada"')

    def test_with_the_wrong_password_says_so(self):
        response = self.log_in(self.client, password="a bad one")
        self.assertContains(response, "Please enter a correct username and password")
        self.assertContains(self.client.get(HOME), 'data-page="landing"')


class PasswordHash(TestCase):
    def test_is_the_slow_one_of_a_new_django_project(self):
        self.assertEqual(get_hasher().algorithm, "pbkdf2_sha256")


@quick_hash
class Seed(TestCase):
    def seed(self, members):
        out = StringIO()
        call_command("seed_members", members=members, stdout=out)
        return out.getvalue()

    def test_makes_members_who_can_log_in_and_follow_polls(self):
        for _ in range(7):
            make_question()
        self.assertIn(f"member1 to member3 are there, each following {FOLLOWS} polls.", self.seed(3))
        self.assertEqual([user.follows.count() for user in User.objects.order_by("id")], [FOLLOWS] * 3)
        self.assertTrue(self.client.login(username="member3", password=PASSWORD))
        self.assertFalse(User.objects.filter(is_staff=True).exists())

    def test_once_more_gives_everybody_the_same_polls(self):
        for _ in range(7):
            make_question()
        self.seed(3)
        User.objects.filter(username="member1").update(first_name="Ada")  # PostgreSQL finds a row last that was changed
        self.seed(3)
        self.assertEqual([user.follows.count() for user in User.objects.order_by("id")], [FOLLOWS] * 3)

    def test_adds_only_what_is_missing(self):
        make_question()
        self.seed(2)
        self.seed(3)
        self.assertEqual([user.follows.count() for user in User.objects.order_by("id")], [1, 1, 1])

    def test_works_without_a_poll(self):
        self.seed(1)
        self.assertEqual(Follow.objects.count(), 0)

    def test_refuses_a_number_that_makes_no_sense(self):
        with self.assertRaisesMessage(CommandError, "--members is 0: give a number from 1 to 100000."):
            self.seed(0)
