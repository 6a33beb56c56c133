"""People who watch the results of a poll live, and people who vote meanwhile."""

import json
import random

import vote  # the locustfile beside this one
from locust import between, task

from gatebench.load.stream import Event
from gatebench.load.user import FastUser


class Watcher(FastUser):
    wait_time = between(1, 2)

    @classmethod
    def share(cls) -> int:
        return cls.settings["watchers_pct"]

    def path(self, poll: int) -> str:
        return f"/live/{self.views}/{poll}/"

    @task
    def watch(self) -> None:
        """The results of a random poll, for a while."""
        poll = random.randint(1, self.settings["polls"])
        seen = Seen(poll)
        self.watch_stream(
            self.path(poll),
            opening="open",
            staying="watch",
            update="update",
            expect=seen.begins,
            told_at=seen.told_at,
            stay_s=self.settings["stay_s"] * random.uniform(0.5, 1.5),
        )


class Voter(vote.Voter):
    @classmethod
    def share(cls) -> int:
        return 100 - cls.settings["watchers_pct"]

    def on_start(self) -> None:
        self.seed_size = self.settings["polls"]


class Seen:
    """What somebody has seen of a poll, against which each update is held."""

    def __init__(self, poll: int) -> None:
        self.poll = poll
        self.votes: dict[int, int] = {}

    def begins(self, event: Event) -> bool:
        results = json.loads(event.data)
        self.votes = {int(choice): votes for choice, votes in results["votes"].items()}
        return event.kind == "results" and results["poll"] == self.poll and self.votes != {}

    def told_at(self, event: Event) -> float | None:
        """When the vote was stored; None where it is of another poll, or a vote before it is missing."""
        news = json.loads(event.data)
        before = self.votes.get(news["choice"])
        if event.kind != "vote" or before is None or news["votes"] - news["told"] > before:
            return None
        self.votes[news["choice"]] = max(before, news["votes"])
        return float(news["since"])
