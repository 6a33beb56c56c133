"""Which interface for a page that waits for other services?

A shop's front page asks two internal services over HTTP, 100 ms each, and renders both. Three views side by side:
`sync` asks one after the other, `async` too, for awaits do not run at the same time, and `together` asks both at once.
The asynchronous ones ask with the CLIENT that is given: httpx, httpx2 or aiohttp.

Held: 95 of 100 pages, whole, within half a second. 100 to 200 ms of that are waiting by design. A page that had to
leave something out counts as failed.

What would be unfair: WSGI with the usual eight threads per process. A thread that waits for 200 ms serves five pages a
second, and more threads are WSGI's answer to waiting: measure THREADS=128 too, and see what they cost in memory.
The services run on the cores of the load generator, and the log names a second that was waited for in them.
"""

from dataclasses import replace

from gatebench.values.guided import ASYNC, MANY_THREADS, SYNC, WSGI, Guided
from gatebench.values.server import Interface
from gatebench.values.workload import Objective, Service, Setting, Workload
from gatebench.workloads.polls import POLLS

SERVICE = Service(
    command="uvicorn services:application --host {host} --port {port} --loop uvloop --http httptools --lifespan off"
    " --no-access-log --log-level warning --timeout-keep-alive 75",
    folder="small_sites",
    ready_path="/ready",
    told_by="SHOP_SERVICES",
    timeout_s=1.0,
    environment={
        "SERVICE_DELAY_MS": "{service_delay_ms}",
        "SERVICE_JITTER_MS": "{service_jitter_ms}",
        "SERVICE_FAILURES_PCT": "{service_failures_pct}",
        "SERVICE_HANGS_PCT": "{service_hangs_pct}",
        "SERVICE_NONSENSE_PCT": "{service_nonsense_pct}",
    },
)

PERCENT = Setting(0.0, bounds=(0.0, 100.0))

FANOUT = Workload(
    name="fanout",
    about="a page that waits for two services",
    app=replace(POLLS, visits=("/shop/sync/1/",), packages=(*POLLS.packages, "httpx", "httpx2", "aiohttp")),
    service=SERVICE,
    locustfile="locustfiles/fanout.py",
    request_names=("front page",),
    round_name="front page",
    think_s=1.5,
    warm_up_path="/shop/{views}/1/",
    objective=Objective(p95_ms=500),
    environment={"POLLS_BESIDE": "shop", "SHOP_CLIENT": "{client}", "SHOP_TIMEOUT_S": "{service_timeout_s}"},
    views=("sync", "async", "together"),
    usual_views={Interface.WSGI: "sync", Interface.ASGI: "together"},
    settings={
        "client": Setting("httpx", allowed=("httpx", "httpx2", "aiohttp")),
        "service_delay_ms": Setting(100, bounds=(0, 60_000)),
        "service_jitter_ms": Setting(0, bounds=(0, 60_000)),
        "service_failures_pct": PERCENT,
        "service_hangs_pct": PERCENT,
        "service_nonsense_pct": PERCENT,
    },
)

GUIDED = Guided(
    FANOUT,
    users=(10, 50, 100, 150, 200, 250, 300, 400, 500, 650),
    sides={
        WSGI: {"VIEWS": "sync"},
        MANY_THREADS: {"VIEWS": "sync", "THREADS": "128"},
        SYNC: {"VIEWS": "sync"},
        ASYNC: {"VIEWS": "together", "CLIENT": "aiohttp"},
        "ASGI, httpx": {"VIEWS": "together", "CLIENT": "httpx"},
    },
)
