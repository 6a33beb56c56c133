"""How many voters does a Django site hold that waits for nothing but its database?

Held: 95 of 100 answers within a second, the time in which people keep to what they were doing.

What would be unfair: one poll for all, whose votes would wait for each other's row locks and hide the server.
"""

from gatebench.values.guided import MANY_THREADS, SYNC, WSGI, Guided
from gatebench.values.server import Interface
from gatebench.values.workload import Workload
from gatebench.workloads.polls import CHECK, FORM, POLLS, WRITE

VOTE = Workload(
    name="vote",
    about="forms, votes and results, with a database",
    app=POLLS,
    locustfile="locustfiles/vote.py",
    request_names=("form", "vote", "results"),
    round_name="form",
    think_s=1.5,
    warm_up_path=FORM,
    seed_size=100,
    check=CHECK,
    writes=(WRITE,),
    environment={"POLLS_VOTE": "atomic", "POLLS_VIEWS": "{views}"},
    views=("sync", "async"),
    usual_views={Interface.WSGI: "sync", Interface.ASGI: "sync"},
)

GUIDED = Guided(
    VOTE,
    users=(50, 100, 200, 300, 400, 500, 600, 800),
    sides={WSGI: {}, MANY_THREADS: {"THREADS": "128"}, SYNC: {}},
)
