from io import StringIO

from django.core.management import CommandError, call_command
from django.test import TestCase
from django.urls import reverse

from polls import sample
from polls.models import Choice, Question

from .factories import make_question


def run(*args, **options):
    """What a command printed."""
    out = StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


class Seed(TestCase):
    # TestCase rolls rows back but not sequences, so the tests start anywhere; empty tables are all they share.

    def test_makes_published_questions_with_the_ids_1_to_n(self):
        printed = run("seed", questions=12, choices=3)
        self.assertEqual(
            printed, "Added 12 questions and 36 choices: questions 1 to 12 are there, each with 3 or more choices.\n"
        )
        self.assertEqual(list(Question.objects.order_by("id").values_list("id", flat=True)), list(range(1, 13)))
        for id in range(1, 13):
            self.assertContains(self.client.get(f"/polls/{id}/"), 'type="radio"', count=3)

    def test_makes_a_hundred_questions_of_four_choices_by_default(self):
        run("seed")
        self.assertEqual((Question.objects.count(), Choice.objects.count()), (100, 400))

    def test_repeated_adds_nothing_and_keeps_the_votes(self):
        run("seed", questions=3)
        Choice.objects.filter(question_id=2).update(votes=5)
        before = list(Choice.objects.values())
        self.assertTrue(run("seed", questions=3).startswith("Added 0 questions and 0 choices:"))
        self.assertEqual(list(Choice.objects.values()), before)

    def test_adds_only_the_questions_and_choices_that_are_missing(self):
        run("seed", questions=5, choices=4)
        Question.objects.get(id=2).delete()
        Choice.objects.filter(question_id=4).last().delete()
        self.assertTrue(run("seed", questions=6, choices=4).startswith("Added 2 questions and 9 choices:"))
        self.assertEqual(list(Question.objects.order_by("id").values_list("id", flat=True)), [1, 2, 3, 4, 5, 6])
        self.assertEqual(Choice.objects.count(), 24)

    def test_leaves_questions_above_n_alone(self):
        run("seed", questions=3, choices=2)
        self.assertTrue(run("seed", questions=1, choices=4).startswith("Added 0 questions and 2 choices:"))
        self.assertEqual(Question.objects.get(id=3).choice_set.count(), 2)

    def test_leaves_the_next_id_free_for_a_question_added_by_hand(self):
        run("seed", questions=7)
        self.assertEqual(make_question().id, 8)

    def test_refuses_a_question_that_would_not_be_shown(self):
        hidden = make_question(5)
        with self.assertRaisesMessage(CommandError, f"Question {hidden.id} is not published before "):
            run("seed", questions=hidden.id)
        self.assertEqual(Question.objects.count(), 1)

    def test_refuses_bad_numbers_in_one_sentence(self):
        for options, sentence in (
            ({"questions": 0}, "--questions is 0: give a number from 1 to 100000."),
            ({"questions": 100_001}, "--questions is 100001: give a number from 1 to 100000."),
            ({"choices": -1}, "--choices is -1: give a number from 1 to 8."),
            ({"choices": 9}, "--choices is 9: give a number from 1 to 8."),
        ):
            with self.subTest(options), self.assertRaises(CommandError) as caught:
                run("seed", **options)
            self.assertEqual(str(caught.exception), sentence)

    def test_writes_a_different_question_each_time(self):
        texts = {sample.question_text(id) for id in range(1, 501)}
        self.assertEqual(len(texts), 500)

    def test_has_as_many_different_choices_for_each_subject_as_it_allows(self):
        for id in range(1, len(sample.SUBJECTS) + 1):
            self.assertEqual(len(set(sample.choice_texts(id))), sample.MAX_CHOICES)


class Ledger(TestCase):
    def test_is_0_for_an_empty_database(self):
        self.assertEqual(run("ledger"), "0\n")

    def test_is_the_sum_of_all_votes(self):
        for _ in range(2):
            question = make_question()
            for choice in question.choice_set.all():
                self.client.post(reverse("polls:vote", args=[question.id]), {"choice": choice.id})
        self.assertEqual(run("ledger"), "4\n")
