from django.core.management.base import BaseCommand
from django.db.models import Sum

from polls.models import Choice


class Command(BaseCommand):
    help = "Prints the votes that the database holds, all polls together, as one number."

    def handle(self, **options):
        self.stdout.write(str(Choice.objects.aggregate(total=Sum("votes", default=0))["total"]))
