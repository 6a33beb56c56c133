import random
import re

from locust import FastHttpUser, HttpUser, between, task

TOKEN = re.compile(r'csrfmiddlewaretoken" value="([^"]+)"')


class Reader(FastHttpUser):
    wait_time = between(0.5, 1)
    weight = 3

    @task
    def index(self):
        self.client.get("/", name="index")


class Writer(HttpUser):
    wait_time = between(0.5, 1)

    def on_start(self):
        form = self.client.get("/admin/login/", name="login form")
        who = {"username": f"user{random.randrange(5)}", "password": "secret"}
        data = {**who, "csrfmiddlewaretoken": TOKEN.search(form.text)[1]}
        self.client.post("/admin/login/?next=/mine/", name="login", data=data)
        self.add()  # by chance alone, a short run may have none

    @task(2)
    def mine(self):
        with self.client.get("/mine/", name="mine", catch_response=True) as page:
            if not page.text.startswith("hello"):
                page.failure("somebody else's page")

    @task
    def add(self):
        form = self.client.get("/add/", name="add form")
        data = {"name": "new", "csrfmiddlewaretoken": TOKEN.search(form.text)[1]}
        self.client.post("/add/", name="add author", data=data)
