"""What does a server cost by itself, without Django?

A WSGI callable and an ASGI callable that answer what `hello` answers, under the same servers: what is left when their
CPU per request is taken from `hello`'s is Django's. The objective is `hello`'s, so that the two can be compared.

What would be unfair: to choose a server by it, for a real page does much else. Where the load generator is full before
the app server is, read CPU per request and not requests/s.
"""

from gatebench.values.app import App
from gatebench.values.guided import ASYNC, WSGI, Guided
from gatebench.values.server import Interface
from gatebench.values.workload import Objective, Workload

BARE = Workload(
    name="bare",
    about="no Django, the server alone",
    app=App(
        name="bare",
        folder="small_sites",
        applications={Interface.WSGI: "bare:wsgi", Interface.ASGI: "bare:asgi"},
        ready_path="/.gatebench/ready",
        visits=("/hello/bare/1/",),
        wrapped=True,
    ),
    locustfile="locustfiles/hello.py",
    request_names=("hello",),
    round_name="hello",
    think_s=0.5,
    warm_up_path="/hello/bare/1/",
    objective=Objective(p95_ms=100),
)

GUIDED = Guided(BARE, users=(25, 400), sides={WSGI: {}, ASYNC: {}})
