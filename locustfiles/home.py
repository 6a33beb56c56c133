"""Visitors of the front page. Now and then one logs in by the form, stays for some rounds, and logs out."""

import random
import re

from locust import between, task

from gatebench.load.user import FastUser, Page

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
PASSWORD = "polls for everybody"
HOME = {"sync": "/home/", "async": "/home/async/"}


class Person(FastUser):
    wait_time = between(1, 2)
    member: str | None = None  # as whom they have logged in
    rounds_left = 0

    def on_start(self) -> None:
        often = self.settings["log_in_pct"]
        self.tasks = [Person.logs_in] * often + [Person.looks] * (100 - often)

    def on_stop(self) -> None:
        if self.member:
            self.log_out(self.own_page())

    @task
    def looks(self) -> None:
        """The front page, whichever of the two it is to them."""
        if self.member is None:
            self.client.cookiejar.clear()  # of a member who could not log out
            self.get(HOME[self.views], name="front page", expect=is_landing)
            return
        page = self.own_page()
        self.rounds_left -= 1
        if self.rounds_left <= 0:
            self.log_out(page)

    @task
    def logs_in(self) -> None:
        if self.member is not None:
            self.looks()
            return
        self.client.cookiejar.clear()
        form = self.get("/home/login/", name="login form", expect=lambda page: page.status == 200 and token(page) != "")
        if form is None:
            return
        member = f"member{random.randint(1, self.seed_size)}"
        fields = {"csrfmiddlewaretoken": token(form), "username": member, "password": PASSWORD}
        if self.post("/home/login/", name="login", data=fields, expect=leads_home):
            self.member, self.rounds_left = member, self.settings["stay_rounds"]
            self.own_page()

    def own_page(self) -> Page | None:
        member = self.member
        return self.get(HOME[self.views], name="own page", expect=lambda page: is_own(page, member))

    def log_out(self, page: Page | None) -> None:
        """By the form of their own page. Without that they are a visitor who has lost their cookies."""
        self.member = None
        if page is not None:
            self.post("/home/logout/", name="log out", data={"csrfmiddlewaretoken": token(page)}, expect=leads_home)


def token(page: Page) -> str:
    found = TOKEN.search(page.text)
    return found[1] if found else ""


def leads_home(page: Page) -> bool:
    return page.status == 302 and page.location == "/home/"


def is_landing(page: Page) -> bool:
    return page.status == 200 and 'data-page="landing"' in page.text


def is_own(page: Page, member: str | None) -> bool:
    """With five polls, and a way out."""
    shown = f'data-page="own" data-member="{member}"' in page.text and page.text.count("/results/") == 5
    return page.status == 200 and shown and token(page) != ""
