"""People who sign up: the form, a sign-up whose fields have commas, quotes and newlines in them, and the thanks."""

import random
import re

from locust import between, task

from gatebench.load.user import FastUser, Page

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
NAMES = ("Ada Lovelace", 'Grace "Amazing" Hopper', "Turing, Alan", "Erdős Pál")
WISHES = ("", "Less mail, more news.", 'Say "hello"\nand, on a second line, "goodbye"', "=1+1; --\r\n,\r\n")


class Person(FastUser):
    wait_time = between(1, 2)

    @task
    def sign_up(self) -> None:
        form = self.get("/", name="form", expect=is_form)
        if form is None:
            return
        person = {
            "csrfmiddlewaretoken": TOKEN.search(form.text).group(1),
            "email": f"person{random.getrandbits(48):x}@example.org",
            "name": random.choice(NAMES),
            "wish": random.choice(WISHES),
        }
        if self.post("/", name="sign-up", data=person, expect=leads_to_thanks):
            self.get("/thanks/", name="thanks", expect=is_thanks)


def is_form(page: Page) -> bool:
    return page.status == 200 and 'data-page="form"' in page.text and TOKEN.search(page.text) is not None


def leads_to_thanks(page: Page) -> bool:
    return page.status == 302 and page.location == "/thanks/"


def is_thanks(page: Page) -> bool:
    return page.status == 200 and 'data-page="thanks"' in page.text
