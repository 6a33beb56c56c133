from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from documents.pdf import certificate

MAX_KB = 65_536


class Command(BaseCommand):
    help = "Makes the PDF that people download: certificate.pdf in the folder DOCUMENTS."

    def add_arguments(self, parser):
        parser.add_argument("--kb", type=int, default=256, metavar="N", help="its size in KB, about (256)")

    def handle(self, *, kb, **options):
        if not 1 <= kb <= MAX_KB:
            raise CommandError(f"--kb is {kb}: give a number from 1 to {MAX_KB}.")
        folder = Path(settings.DOCUMENTS)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "certificate.pdf"
        path.write_bytes(certificate(1024 * kb))
        self.stdout.write(f"{path} is there.")
