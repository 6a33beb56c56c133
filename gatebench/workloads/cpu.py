"""Does ASGI, or an asynchronous view, help a page that computes?

A small ray-traced scene, rendered in pure Python into a PNG: tens of milliseconds in which nothing is waited for. As a
synchronous view, and as an asynchronous one that computes in the event loop, as written by somebody who hopes that it
helps.

Held: a picture within a second, in 95 of 100. What would be unfair: more threads or processes for one side. All of them
share the cores that there are, and of one process only one thread computes at a time.
"""

from gatebench.values.guided import ASYNC, SYNC, WSGI, Guided
from gatebench.values.server import Interface
from gatebench.values.workload import Workload
from gatebench.workloads.polls import POLLS

CPU = Workload(
    name="cpu",
    about="a page that computes a picture",
    app=POLLS,
    locustfile="locustfiles/cpu.py",
    request_names=("picture",),
    round_name="picture",
    think_s=1.5,
    warm_up_path="/picture/{views}/",
    environment={"POLLS_BESIDE": "raytracer"},
    users=(10, 20, 30, 40, 60, 80),
    views=("sync", "async"),
    usual_views={Interface.WSGI: "sync", Interface.ASGI: "sync"},
)

GUIDED = Guided(
    CPU,
    users=(4, 30, 40, 50, 65, 80, 100, 130),
    sides={WSGI: {"VIEWS": "sync"}, SYNC: {"VIEWS": "sync"}, ASYNC: {"VIEWS": "async"}},
)
