"""People who send a PDF by the form, and see by its digest that it arrived whole. A share of them is on a slow line."""

import hashlib
import os
import re

from locust import between, task

from gatebench.load.user import FastUser, Page

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
BOUNDARY = "part-of-a-form"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
FILLING = os.urandom(2**20)


class Person(FastUser):
    wait_time = between(1, 2)

    def on_start(self) -> None:
        slow = self.settings["slow_clients_pct"]
        self.tasks = [Person.upload_slowly] * slow + [Person.upload] * (100 - slow)

    @task
    def upload(self) -> None:
        self.send("upload", slowly=False)

    @task
    def upload_slowly(self) -> None:
        self.send("upload, slowly", slowly=True)

    def send(self, name: str, slowly: bool) -> None:
        form = self.get(self.address(), name="form", expect=is_form)
        if form is None:
            return
        file = pdf(1024 * self.settings["upload_kb"])
        digest = hashlib.sha256(file).hexdigest()
        self.post(
            self.address(),
            name=name,
            data=multipart(TOKEN.search(form.text).group(1), file),
            headers=MULTIPART,
            expect=lambda page: page.status == 201 and f'data-sha256="{digest}"' in page.text,
            slowly_by=self.slow_session(self.settings["slow_client_s"]) if slowly else None,
        )

    def address(self) -> str:
        return f"/upload/{self.views}/"


def is_form(page: Page) -> bool:
    return page.status == 200 and 'data-page="upload"' in page.text and TOKEN.search(page.text) is not None


def pdf(size: int) -> bytes:
    """What begins like one, and is no other than any before."""
    beginning = b"%PDF-1.7\n" + os.urandom(16)
    return beginning + (FILLING * (size // len(FILLING) + 1))[: size - len(beginning)]


def multipart(token: str, file: bytes) -> bytes:
    """The form as a browser sends it."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="signed.pdf"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    )
    return head.encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()
