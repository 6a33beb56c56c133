from datetime import timedelta

from django.test import SimpleTestCase, TestCase
from django.utils import timezone

from polls.models import Question

from .factories import make_question


class WasPublishedRecently(SimpleTestCase):
    def published(self, **ago):
        return Question(pub_date=timezone.now() - timedelta(**ago)).was_published_recently()

    def test_is_false_for_a_question_of_the_future(self):
        self.assertIs(self.published(days=-30), False)

    def test_is_false_for_a_question_older_than_a_day(self):
        self.assertIs(self.published(days=1, seconds=1), False)

    def test_is_true_for_a_question_of_the_last_day(self):
        self.assertIs(self.published(hours=23, minutes=59, seconds=59), True)


class Choices(TestCase):
    def test_keep_their_order_when_one_gets_a_vote(self):
        question = make_question(choices=["A", "B", "C"])
        question.choice_set.filter(choice_text="A").update(votes=1)
        self.assertEqual([choice.choice_text for choice in question.choice_set.all()], ["A", "B", "C"])
