from threading import Barrier, Thread
from unittest import mock

from django.db import connection
from django.test import Client, TestCase, TransactionTestCase, override_settings
from django.urls import reverse

from polls.models import Choice

from .factories import make_question


def vote(client, question, **data):
    return client.post(reverse("polls:vote", args=[question.id]), data)


class VoteClaims:
    """What holds of both ways to record a vote."""

    def setUp(self):
        self.question = make_question()
        self.choice, self.other = self.question.choice_set.all()

    def assert_votes(self, *votes):
        self.assertEqual([choice.votes for choice in self.question.choice_set.all()], list(votes))

    def assert_form_with(self, response, message):
        self.assertEqual(response.status_code, 200)
        self.assertTemplateUsed(response, "polls/detail.html")
        self.assertContains(response, f'<p class="error" id="error" role="alert">{message}</p>', html=True)
        self.assert_votes(0, 0)

    def test_a_vote_is_counted_and_leads_to_the_results(self):
        response = vote(self.client, self.question, choice=self.choice.id)
        self.assertRedirects(response, f"/polls/{self.question.id}/results/", status_code=302)
        self.assert_votes(1, 0)

    def test_votes_add_up(self):
        for choice in (self.choice, self.other, self.choice):
            vote(self.client, self.question, choice=choice.id)
        self.assert_votes(2, 1)

    def test_without_a_choice_the_form_says_so(self):
        self.assert_form_with(vote(self.client, self.question), "You didn’t select a choice.")
        self.assert_form_with(vote(self.client, self.question, choice=""), "You didn’t select a choice.")

    def test_a_choice_that_is_not_of_this_poll_is_refused(self):
        elsewhere = make_question().choice_set.first()
        for choice in (elsewhere.id, 10**30, -1, "first", "\x00"):
            with self.subTest(choice=choice):
                self.assert_form_with(
                    vote(self.client, self.question, choice=choice),
                    "That choice doesn’t belong to this poll. Please select one of these.",
                )
        elsewhere.refresh_from_db()
        self.assertEqual(elsewhere.votes, 0)

    def test_an_unpublished_question_takes_no_votes(self):
        hidden = make_question(5)
        self.assertEqual(vote(self.client, hidden, choice=hidden.choice_set.first().id).status_code, 404)
        self.assertEqual([choice.votes for choice in hidden.choice_set.all()], [0, 0])

    def test_a_vote_without_the_csrf_token_is_refused(self):
        client = Client(enforce_csrf_checks=True)
        with self.assertLogs("django.security.csrf", "WARNING"):
            self.assertEqual(vote(client, self.question, choice=self.choice.id).status_code, 403)
        self.assert_votes(0, 0)

    def test_a_vote_with_the_csrf_token_of_the_form_is_counted(self):
        client = Client(enforce_csrf_checks=True)
        page = client.get(reverse("polls:detail", args=[self.question.id]))
        token = page.context["csrf_token"]
        self.assertEqual(vote(client, self.question, choice=self.choice.id, csrfmiddlewaretoken=token).status_code, 302)
        self.assert_votes(1, 0)

    def test_a_vote_must_be_a_post(self):
        self.assertEqual(self.client.get(reverse("polls:vote", args=[self.question.id])).status_code, 405)
        self.assert_votes(0, 0)


@override_settings(VOTE="atomic")
class AtomicVote(VoteClaims, TestCase):
    def test_costs_two_queries(self):
        with self.assertNumQueries(2):
            vote(self.client, self.question, choice=self.choice.id)


@override_settings(VOTE="read-then-save")
class ReadThenSaveVote(VoteClaims, TestCase):
    def test_costs_three_queries(self):
        with self.assertNumQueries(3):
            vote(self.client, self.question, choice=self.choice.id)


@override_settings(ROOT_URLCONF="polls.tests.async_urls")
class AsyncVote(VoteClaims, TestCase):
    def test_costs_two_queries(self):
        with self.assertNumQueries(2):
            vote(self.client, self.question, choice=self.choice.id)


class ConcurrentVotes(TransactionTestCase):
    def vote_from_threads(self, choice, threads, votes_each):
        def person():
            try:
                for _ in range(votes_each):
                    vote(Client(), choice.question, choice=choice.id)
            finally:
                connection.close()

        people = [Thread(target=person) for _ in range(threads)]
        for thread in people:
            thread.start()
        for thread in people:
            thread.join()
        choice.refresh_from_db()
        return choice.votes

    @override_settings(VOTE="atomic")
    def test_are_all_counted_when_atomic(self):
        choice = make_question().choice_set.first()
        self.assertEqual(self.vote_from_threads(choice, threads=6, votes_each=10), 60)

    @override_settings(VOTE="read-then-save")
    def test_overwrite_each_other_when_read_then_saved(self):
        choice = make_question().choice_set.first()
        both_have_read = Barrier(2, timeout=10)
        save = Choice.save

        def save_when_both_have_read(self, *args, **kwargs):
            both_have_read.wait()
            save(self, *args, **kwargs)

        with mock.patch.object(Choice, "save", save_when_both_have_read):
            self.assertEqual(self.vote_from_threads(choice, threads=2, votes_each=1), 1)
