"""How many people can watch a poll's results live while others vote, and how late does a vote reach them?

Results stay open as server-sent events and each vote is sent to those who watch that poll: by an asynchronous streaming
view under ASGI, and by a synchronous one under WSGI, which holds its thread. `watchers_pct` of the users watch, for
`stay_s` on average, and then open another poll; the others vote. News reaches every process by PostgreSQL's NOTIFY, on
one connection per process.

Held: 95 of 100 answers within a second, and 95 of 100 updates within a second of their vote. A stream's opening is
timed up to its first event. How long somebody stays is their own affair, but that a stream breaks counts as failed.

What would be unfair: WSGI with the usual eight threads per process, of which sixteen watchers leave none to anybody.
More threads are WSGI's answer to those who stay: measure THREADS=128 too, and see what they cost in memory. And to
read the votes as those of `vote`: a transaction that notifies waits at its end for every other that does.
"""

from dataclasses import replace

from gatebench.values.guided import ASYNC, MANY_THREADS, WSGI, Guided
from gatebench.values.server import Interface
from gatebench.values.workload import Setting, Workload
from gatebench.workloads.polls import FORM, POLLS, WRITE

LIVE = Workload(
    name="live",
    about="results that stay open and are updated",
    app=replace(POLLS, visits=("/polls/", FORM)),
    locustfile="locustfiles/live.py",
    request_names=("open", "watch", "form", "vote", "results", "update"),
    paced=("watch",),
    streams=("open",),
    pushed=("update",),
    think_s=1.5,
    warm_up_path=FORM,
    users=(100, 200, 400, 700, 1000, 1200),
    writes=(WRITE,),
    environment={"POLLS_BESIDE": "live", "POLLS_VOTE": "atomic", "LIVE_HEARTBEAT_S": "{heartbeat_s}"},
    views=("sync", "async"),
    usual_views={Interface.WSGI: "sync", Interface.ASGI: "async"},
    settings={
        "watchers_pct": Setting(90, bounds=(1, 99)),
        "polls": Setting(100, bounds=(1, 100)),  # that are watched and voted on
        "stay_s": Setting(60.0, bounds=(0.5, 3600.0)),
        "heartbeat_s": Setting(5.0, bounds=(0.1, 600.0)),
    },
)

GUIDED = Guided(
    LIVE,
    users=(10, 50, 200, 300, 700, 1000, 1300),
    sides={WSGI: {"VIEWS": "sync"}, MANY_THREADS: {"VIEWS": "sync", "THREADS": "128"}, ASYNC: {"VIEWS": "async"}},
)
