"""The toy's locustfile: each user is greeted by the number of a person whom the workload has."""

import random

from locust import constant, task

from gatebench.load.user import FastUser


class Guest(FastUser):
    wait_time = constant(0.2)

    @task
    def hello(self) -> None:
        person = random.randint(1, self.seed_size)
        self.get(f"/hello?{person}", name="hello", expect=lambda page: page.text == f"Good morning, {person}")
