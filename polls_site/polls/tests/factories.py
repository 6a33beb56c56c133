"""Questions for the tests, by how many days from now they are published."""

from datetime import timedelta

from django.utils import timezone

from polls.models import Question


def make_question(days=0, *, text="Which way would you travel?", choices=("By train", "On foot")):
    question = Question.objects.create(question_text=text, pub_date=timezone.now() + timedelta(days=days))
    for choice_text in choices:
        question.choice_set.create(choice_text=choice_text)
    return question
