"""Visitors of the shop's front page, who miss what a service did not give."""

import random

from locust import between, task

from gatebench.load.user import FastUser, Page


class Visitor(FastUser):
    wait_time = between(1, 2)

    @task
    def front_page(self) -> None:
        visitor = random.randint(1, self.seed_size)
        self.get(f"/shop/{self.views}/{visitor}/", name="front page", expect=lambda page: is_whole(page, visitor))


def is_whole(page: Page, visitor: int) -> bool:
    """With all promotions, and what is recommended to this visitor."""
    shown = f'data-page="shop" data-visitor="{visitor}" data-missing=""' in page.text
    counted = (page.text.count('class="promotion"'), page.text.count('class="recommendation"'))
    return page.status == 200 and shown and counted == (3, 4)
