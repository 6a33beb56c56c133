"""A voter: opens a random poll's form, picks one of its choices at random, votes, and reads the results."""

import random
import re

from locust import between, task

from gatebench.load.user import FastUser, Page

CHOICE = re.compile(r'name="choice"[^>]*?value="(\d+)"')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Voter(FastUser):
    wait_time = between(1, 2)

    @task
    def vote(self) -> None:
        poll = random.randint(1, self.seed_size)
        form = self.get(f"/polls/{poll}/", name="form", expect=lambda page: is_form(page, poll))
        if form is None:
            return
        answer = self.post(
            f"/polls/{poll}/vote/",
            name="vote",
            data={"csrfmiddlewaretoken": token(form), "choice": random.choice(choices(form))},
            expect=lambda page: page.status == 302 and page.location == f"/polls/{poll}/results/",
        )
        if answer is not None:
            self.get(answer.location, name="results", expect=lambda page: is_results(page, poll))


def choices(page: Page) -> list[str]:
    return CHOICE.findall(page.text)


def token(page: Page) -> str:
    return TOKEN.search(page.text).group(1)


def is_form(page: Page, poll: int) -> bool:
    shows_poll = f'data-page="detail" data-poll="{poll}"' in page.text
    return page.status == 200 and shows_poll and TOKEN.search(page.text) is not None and choices(page) != []


def is_results(page: Page, poll: int) -> bool:
    return page.status == 200 and f'data-page="results" data-poll="{poll}"' in page.text
