"""Does asynchronous file I/O help a page that hands out files, and who serves people on a slow line?

A PDF is read from the disk, the moment of its download is written into its metadata, and it is sent: by plain file I/O,
and by aiofiles, which has threads do the same. `slow_clients_pct` of the downloads are read over a slow line,
`slow_client_s` each: Nginx takes the answer off the app's hands and sends it on as slowly as it must, unless SET says
nginx_buffering=off. Then the app holds a thread, or a task, for as long.

Held: 95 of 100 downloads within a second. Those on a slow line are not timed, for they take as long as they want to;
that they fail counts.

What would be unfair: to read a result without Nginx's buffering for files of the usual size. On loopback the kernel
takes some megabytes of an answer off the app's hands by itself: give certificate_kb=16384 to see who waits.
"""

from dataclasses import replace

from gatebench.values.guided import ASYNC, SYNC, WSGI, Guided
from gatebench.values.server import Interface
from gatebench.values.workload import Setting, Workload
from gatebench.workloads.polls import POLLS

DOCUMENTS = {"POLLS_BESIDE": "documents", "POLLS_DOCUMENTS": "{files}"}
SLOW_CLIENTS = {"slow_clients_pct": Setting(0, bounds=(0, 100)), "slow_client_s": Setting(4.0, bounds=(0.5, 600.0))}
VIEWS = ("plain", "aiofiles")
USUAL = {Interface.WSGI: "plain", Interface.ASGI: "aiofiles"}

CERTIFICATE = Workload(
    name="certificate",
    about="files that are sent",
    app=replace(
        POLLS,
        visits=("/certificate/plain/",),
        setup=(*POLLS.setup, "make_certificate --kb {certificate_kb}"),
        packages=(*POLLS.packages, "aiofiles"),
    ),
    locustfile="locustfiles/certificate.py",
    request_names=("certificate", "certificate, slowly"),
    paced=("certificate, slowly",),
    think_s=1.5,
    warm_up_path="/certificate/{views}/",
    environment=DOCUMENTS,
    views=VIEWS,
    usual_views=USUAL,
    settings={"certificate_kb": Setting(256, bounds=(1, 65_536)), **SLOW_CLIENTS},
)

GUIDED = Guided(
    CERTIFICATE,
    users=(25, 300, 500, 800, 1000, 1300, 1600),
    sides={WSGI: {"VIEWS": "plain"}, SYNC: {"VIEWS": "plain"}, ASYNC: {"VIEWS": "aiofiles"}},
)
