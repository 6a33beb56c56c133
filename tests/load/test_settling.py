"""A step has settled when its beginning no longer shows: held against a simulated queue whose truth is known."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from gatebench.load.settling import Settling, transient

Floats = npt.NDArray[np.float64]

TICK_S = 0.5
THINK_S = 1.5
REQUESTS_A_ROUND = 3
SPAWN_RATE = 50
SEEDS = range(8)
"""Chosen before any result was seen."""


@dataclass(frozen=True)
class Site:
    """Requests to a server that answers one after the other, from users who think between rounds of three.

    Times are seconds since all users of the step ran.
    """

    sent: Floats
    answered: Floats

    @classmethod
    def under_load(cls, before: int, users: int, per_s: float, seconds: float, seed: int) -> Site:
        """Users are added at 50 a second to those of the step before, which have run for 30 s."""
        random = np.random.default_rng(seed)
        ran = 30.0 if before else 0.0
        starts = [*random.uniform(0, 2, before), *(ran + np.arange(users - before) / SPAWN_RATE)]
        waiting = [(moment, user, 0) for user, moment in enumerate(starts)]
        heapq.heapify(waiting)
        all_run = ran + (users - before) / SPAWN_RATE
        free, requests = 0.0, []
        while waiting and (now := waiting[0][0]) < all_run + seconds:
            _, user, number = heapq.heappop(waiting)
            free = max(now, free) + random.gamma(4, 0.25) / per_s
            requests.append((now - all_run, free - all_run))
            last = number == REQUESTS_A_ROUND - 1
            heapq.heappush(waiting, (free + last * random.uniform(1, 2), user, (number + 1) % REQUESTS_A_ROUND))
        return cls(*np.array(requests).T)

    def settled_s(self, least_s: float) -> float | None:
        """When the step has settled; None when it never does."""
        settling = Settling(TICK_S, least_s)
        for tick in range(int(60 / TICK_S)):
            now = (tick + 1) * TICK_S
            came = (self.answered > tick * TICK_S) & (self.answered <= now)
            waits = (self.sent <= now) & (self.answered > now)
            waited_s = (now - self.sent[waits]).mean() if waits.any() else 0.0
            settling.add(int(came.sum()), 1000 * (self.answered - self.sent)[came].sum(), 1000 * waited_s)
            if settling.settled:
                return now
        return None

    def response_s(self, since: float, seconds: float) -> float:
        """Mean of the requests that were sent in a span."""
        inside = (self.sent >= since) & (self.sent < since + seconds)
        return float((self.answered - self.sent)[inside].mean())

    def answers_per_s(self, since: float, seconds: float) -> float:
        return float(((self.answered >= since) & (self.answered < since + seconds)).sum() / seconds)

    def sent_per_s(self, since: float, seconds: float) -> float:
        return float(((self.sent >= since) & (self.sent < since + seconds)).sum() / seconds)


OVERLOADED = pytest.mark.parametrize(
    ("before", "users", "per_s"), [(600, 700, 450), (300, 700, 450), (600, 700, 180), (300, 700, 180), (100, 300, 180)]
)
"""A server that answers so many requests a second has a queue of known length: users / per_s less the think time."""


@pytest.mark.whole
@OVERLOADED
def test_what_is_measured_once_settled_has_hardly_any_bias(before: int, users: int, per_s: float) -> None:
    truth_s = users / per_s - THINK_S / REQUESTS_A_ROUND
    sites = [Site.under_load(before, users, per_s, seconds=45, seed=seed) for seed in SEEDS]
    settled = [site.settled_s(least_s=5) for site in sites]
    assert None not in settled
    response_s = np.mean([site.response_s(s, 8) for site, s in zip(sites, settled, strict=True)])
    answers = np.mean([site.answers_per_s(s, 8) for site, s in zip(sites, settled, strict=True)])
    assert response_s == pytest.approx(truth_s, rel=0.03)
    assert answers == pytest.approx(per_s, rel=0.01)


def test_settling_takes_a_few_response_times_and_no_more_of_a_site_that_is_quick() -> None:
    quick = [Site.under_load(0, 50, 450, seconds=20, seed=seed).settled_s(least_s=2) for seed in SEEDS]
    slow = [Site.under_load(600, 700, 180, seconds=45, seed=seed).settled_s(least_s=2) for seed in SEEDS]
    assert max(quick) <= 4
    assert min(slow) >= 3 * (700 / 180 - 0.5)
    assert max(slow) <= 30


@pytest.mark.whole
def test_throughput_is_counted_by_answers_since_users_who_came_together_send_in_waves() -> None:
    """By requests sent, eight seconds of 700 users are off by what the wave makes of them; by answers they are not."""
    sites = [Site.under_load(600, 700, 180, seconds=45, seed=seed) for seed in SEEDS]
    sent = np.mean([site.sent_per_s(3, 8) for site in sites])
    answers = np.mean([site.answers_per_s(3, 8) for site in sites])
    assert abs(sent / 180 - 1) > 0.04
    assert abs(answers / 180 - 1) < 0.01


def test_a_site_that_hangs_does_not_settle() -> None:
    settling = Settling(TICK_S, least_s=2)
    for tick in range(100):
        settling.add(*((50, 50_000.0) if tick < 4 else (0, 0.0)), waited_ms=500 * tick)
        assert not settling.settled


def test_a_response_time_that_goes_on_rising_does_not_settle() -> None:
    settling = Settling(TICK_S, least_s=2)
    for tick in range(1, 100):
        settling.add(100, 100 * 20.0 * tick, waited_ms=0)
        if tick > 10:
            assert not settling.settled


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([], 0),
        ([5.0, 1.0, 1.0], 0),
        ([9.0, 9.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0], 2),
        ([3.0] * 12, 0),
        ([0.0] * 10 + [1.0, 1.1, 0.9, 1.0, 1.1, 0.9], 10),
    ],
    ids=["nothing", "too short", "two at the start", "all alike", "most of it"],
)
def test_the_transient_is_what_makes_the_mean_of_the_rest_least_certain(series: list[float], expected: int) -> None:
    assert transient(series) == expected
