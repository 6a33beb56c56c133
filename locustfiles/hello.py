"""A visitor: opens the page, and is greeted by a number of their own. Of `hello`, and of `bare`."""

import random

from locust import between, task

from gatebench.load.user import FastUser, Page


class Visitor(FastUser):
    wait_time = between(0.25, 0.75)

    @task
    def hello(self) -> None:
        visitor = random.randint(1, self.seed_size)
        self.get(f"/hello/{self.views or 'bare'}/{visitor}/", name="hello", expect=lambda page: greets(page, visitor))


def greets(page: Page, visitor: int) -> bool:
    return page.status == 200 and f"<h1>Hello, visitor {visitor}.</h1>" in page.text
