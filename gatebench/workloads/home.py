"""What does it cost either interface that some visitors are logged in?

The front page: a landing page without a query for visitors, and for members their own, which takes a session, a user
and their polls. Members log in by the form, whose password hash is slow on purpose, stay for `stay_rounds` and log
out. `log_in_pct` is the share of visitors' rounds in which one logs in: at 2, nearly a fifth of the pages are members'
own.

Held: 95 of 100 answers within a second. That leaves room for logins, which are fewer than one request in fifty: they
take some tenths of a second by design, and must not keep the others waiting.

What would be unfair: a larger share of logins than a real site has. Members stay logged in for weeks, and these for a
quarter of a minute, so that there is anything to measure; at 10 the hash is most of what is measured.
"""

from dataclasses import replace

from gatebench.values.guided import ASYNC, SYNC, WSGI, Guided
from gatebench.values.server import Interface
from gatebench.values.workload import Setting, Workload
from gatebench.workloads.polls import POLLS

HOME = Workload(
    name="home",
    about="a front page for visitors and members",
    app=replace(POLLS, visits=("/home/", "/home/login/"), setup=(*POLLS.setup, "seed_members --members {seed_size}")),
    locustfile="locustfiles/home.py",
    request_names=("front page", "login form", "login", "own page", "log out"),
    think_s=1.5,
    warm_up_path="/home/",
    environment={"POLLS_BESIDE": "members"},
    users=(25, 50, 75, 100, 150, 200),
    views=("sync", "async"),
    usual_views={Interface.WSGI: "sync", Interface.ASGI: "sync"},
    settings={"log_in_pct": Setting(2, bounds=(0, 100)), "stay_rounds": Setting(10, bounds=(1, 10_000))},
)

GUIDED = Guided(
    HOME,
    users=(20, 100, 130, 170, 220, 300),
    sides={WSGI: {"VIEWS": "sync"}, SYNC: {"VIEWS": "sync"}, ASYNC: {"VIEWS": "async"}},
)
