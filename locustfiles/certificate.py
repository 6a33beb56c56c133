"""People who download their certificate. A share of them is on a slow line."""

import re
import time
from datetime import UTC, datetime

from locust import between, task

from gatebench.load.user import FastUser, Page

TABLE = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")
ENTRY = re.compile(rb"xref\s+(\d+) 1\s+(\d{10}) 00000 n")
DATE = re.compile(rb"\d+ 0 obj\s*<<.*?/ModDate \(D:(\d{14})Z\)", re.DOTALL)


class Person(FastUser):
    wait_time = between(1, 2)

    def on_start(self) -> None:
        slow = self.settings["slow_clients_pct"]
        self.tasks = [Person.download_slowly] * slow + [Person.download] * (100 - slow)

    @task
    def download(self) -> None:
        asked = time.time()
        self.get(self.address(), name="certificate", expect=lambda page: is_certificate(page, asked))

    @task
    def download_slowly(self) -> None:
        asked, line = time.time(), self.slow_session(self.settings["slow_client_s"])
        self.get(
            self.address(),
            name="certificate, slowly",
            expect=lambda page: is_certificate(page, asked),
            slowly_by=line,
        )

    def address(self) -> str:
        return f"/certificate/{self.views}/"


def is_certificate(page: Page, asked: float) -> bool:
    """A PDF from end to end, whose metadata say that it was changed since it was asked for."""
    if page.status != 200 or not page.body.startswith(b"%PDF-"):
        return False
    changed = changed_at(page.body)
    return changed is not None and int(asked) <= changed <= time.time()


def changed_at(pdf: bytes) -> float | None:
    """The date in the metadata, found as a reader of PDF finds it: from the end, by the table that stands there."""
    table = TABLE.search(pdf, max(0, len(pdf) - 64))
    entry = table and ENTRY.match(pdf, int(table[1]))
    date = entry and DATE.match(pdf, int(entry[2]))
    return datetime.strptime(date[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp() if date else None
