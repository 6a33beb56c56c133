"""The article's voter: one poll, the `requests` client, no timeout, and the redirect to the results followed."""

import random
import re

from locust import between, task

from gatebench.load.user import Page, RequestsUser

CHOICE = re.compile(r'name="choice"[^>]*?value="(\d+)"')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class ArticleVoter(RequestsUser):
    wait_time = between(1, 2)

    @task
    def vote(self) -> None:
        form = self.get("/polls/1/", name="form", expect=is_form)
        if form is None:
            return
        vote = {
            "csrfmiddlewaretoken": TOKEN.search(form.text).group(1),
            "choice": random.choice(CHOICE.findall(form.text)),
        }
        self.post("/polls/1/vote/", name="vote", data=vote, expect=is_results)


def is_form(page: Page) -> bool:
    return page.status == 200 and bool(TOKEN.search(page.text) and CHOICE.search(page.text))


def is_results(page: Page) -> bool:
    return page.status == 200 and 'data-page="results"' in page.text
