from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from members.models import Follow
from polls.models import Question

MAX_MEMBERS = 100_000
FOLLOWS = 5
PASSWORD = "polls for everybody"


class Command(BaseCommand):
    help = (
        f"Makes sure that the members member1 to memberN exist, with the password “{PASSWORD}”, each following "
        f"{FOLLOWS} polls, or all where there are fewer. For a demonstration: anybody may log in as them."
    )

    def add_arguments(self, parser):
        parser.add_argument("--members", type=int, default=100, metavar="N", help="members, member1 to memberN (100)")

    @transaction.atomic
    def handle(self, *, members, **options):
        if not 1 <= members <= MAX_MEMBERS:
            raise CommandError(f"--members is {members}: give a number from 1 to {MAX_MEMBERS}.")
        names = [f"member{number}" for number in range(1, members + 1)]
        # One hash for all of them: each costs as much as a login, which is slow on purpose.
        password = make_password(PASSWORD)
        User.objects.bulk_create(
            [User(username=name, password=password) for name in names], batch_size=1000, ignore_conflicts=True
        )
        accounts = User.objects.filter(username__in=names).order_by("id").values_list("id", flat=True)
        questions = list(Question.objects.published().order_by("id").values_list("id", flat=True))
        Follow.objects.bulk_create(
            [
                Follow(member_id=member, question_id=question)
                for place, member in enumerate(accounts)
                for question in some_of(questions, place)
            ],
            batch_size=1000,
            ignore_conflicts=True,
        )
        self.stdout.write(f"member1 to member{members} are there, each following {min(FOLLOWS, len(questions))} polls.")


def some_of(questions, place):
    """FOLLOWS questions in a row, from another one for each place."""
    return {questions[(place + n) % len(questions)] for n in range(min(FOLLOWS, len(questions)))}
