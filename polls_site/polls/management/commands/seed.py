from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone

from polls import sample
from polls.models import Choice, Question

MAX_QUESTIONS = 100_000


class Command(BaseCommand):
    help = (
        "Makes sure that published questions with the ids 1 to N exist, each with its choices. "
        "Adds only what is missing: what is there, and its votes, stays as it is."
    )

    def add_arguments(self, parser):
        parser.add_argument("--questions", type=int, default=100, metavar="N", help="questions, ids 1 to N (100)")
        parser.add_argument("--choices", type=int, default=4, metavar="N", help="choices of each question (4)")

    def handle(self, *, questions, choices, **options):
        require("--questions", questions, MAX_QUESTIONS)
        require("--choices", choices, sample.MAX_CHOICES)
        with transaction.atomic():
            lock_questions()
            new_questions = add_questions(questions)
            refuse_unpublished(questions)
            new_choices = add_choices(questions, choices)
            fix_sequence()
        self.stdout.write(
            f"Added {counted(new_questions, 'question')} and {counted(new_choices, 'choice')}: "
            f"questions 1 to {questions} are there, each with {choices} or more choices."
        )


def require(option, number, highest):
    if not 1 <= number <= highest:
        raise CommandError(f"{option} is {number}: give a number from 1 to {highest}.")


def lock_questions():
    """Make a second `seed`, or the admin, wait: two containers that start together must not add the same twice."""
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {connection.ops.quote_name(Question._meta.db_table)} IN SHARE ROW EXCLUSIVE MODE")


def add_questions(last_id):
    """Add the questions 1 to last_id that are missing; return how many."""
    there = set(Question.objects.filter(id__lte=last_id).values_list("id", flat=True))
    now = timezone.now()
    missing = [
        # An hour apart, so that the list's order and the admin's date filter have something to show.
        Question(id=id, question_text=sample.question_text(id), pub_date=now - timedelta(hours=id))
        for id in range(1, last_id + 1)
        if id not in there
    ]
    Question.objects.bulk_create(missing, batch_size=1000)
    return len(missing)


def refuse_unpublished(last_id):
    """Stop at a question that somebody has dated in the future: its page would be a 404, and its date is theirs."""
    hidden = Question.objects.filter(id__lte=last_id, pub_date__gt=timezone.now()).order_by("id").first()
    if hidden:
        raise CommandError(
            f"Question {hidden.id} is not published before {hidden.pub_date:%Y-%m-%d %H:%M} UTC: "
            f"change its date in the admin, or seed an empty database."
        )


def add_choices(last_id, wanted):
    """Fill each of the questions 1 to last_id up to the wanted number of choices; return how many were added."""
    questions = Question.objects.filter(id__lte=last_id).annotate(there=Count("choice")).order_by("id")
    missing = [
        Choice(question_id=id, choice_text=choice_text)
        for id, there in questions.values_list("id", "there")
        for choice_text in sample.choice_texts(id)[there:wanted]
    ]
    Choice.objects.bulk_create(missing, batch_size=1000)
    return len(missing)


def fix_sequence():
    """Let the next question, one made in the admin for example, get an id that is free.

    Explicit ids do not move PostgreSQL's sequence. Choices get theirs from their sequence, so theirs is right.
    """
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Question]):
            cursor.execute(statement)


def counted(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
