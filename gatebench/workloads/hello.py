"""What does a Django page cost that does nothing, under each interface?

One template, no query: the floor that every other page of the site stands on. Held: a page that does nothing is there
within a tenth of a second, which people take for at once.

What would be unfair: to read it as the speed of a site. Users think for half a second only, so that a machine with few
cores is full at all; where the load generator is full first, read CPU per request and not requests/s.
"""

from gatebench.values.guided import ASYNC, SYNC, WSGI, Guided
from gatebench.values.server import Interface
from gatebench.values.workload import Objective, Workload
from gatebench.workloads.polls import POLLS

HELLO = Workload(
    name="hello",
    about="a page without a query",
    app=POLLS,
    locustfile="locustfiles/hello.py",
    request_names=("hello",),
    round_name="hello",
    think_s=0.5,
    warm_up_path="/hello/{views}/1/",
    objective=Objective(p95_ms=100),
    environment={"POLLS_BESIDE": "hello"},
    views=("sync", "async"),
    usual_views={Interface.WSGI: "sync", Interface.ASGI: "sync"},
)

GUIDED = Guided(
    HELLO,
    users=(25, 100, 150, 200, 250, 300, 400, 500),
    sides={WSGI: {"VIEWS": "sync"}, SYNC: {"VIEWS": "sync"}, ASYNC: {"VIEWS": "async"}},
)
