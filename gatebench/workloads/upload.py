"""Does asynchronous file I/O help a page that takes files in, and who waits for people on a slow line?

A PDF is sent by a form, received in chunks and stored under a name of the server's own choosing, up to 5 MB: by plain
file I/O, and by aiofiles. Its ledger is the folder: each file that somebody was told of is in it, and no half of one.
`slow_clients_pct` of the uploads are sent over a slow line, `slow_client_s` each: Nginx receives them whole before the
app hears of them, unless SET says nginx_buffering=off.

Held: 95 of 100 forms and uploads within a second. Uploads over a slow line are not timed, for they take as long as they
want to; that they fail counts.

What would be unfair: to forget that Django receives a body differently under the two. Under WSGI the view's thread
reads it from the socket; under ASGI Django has all of it, in a temporary file from 2.5 MB on, before any view or limit
of the site's sees it. What bounds that is Nginx, which lets 8 MB through here and not its usual 1 MB: a little more
than the site takes, whose own answer people get.
"""

from dataclasses import replace

from gatebench.values.guided import ASYNC, SYNC, WSGI, Guided
from gatebench.values.workload import Setting, Workload, Write
from gatebench.workloads.certificate import DOCUMENTS, SLOW_CLIENTS, USUAL, VIEWS
from gatebench.workloads.polls import POLLS

UPLOAD = Workload(
    name="upload",
    about="files that are received",
    app=replace(POLLS, visits=("/upload/plain/",), packages=(*POLLS.packages, "aiofiles")),
    locustfile="locustfiles/upload.py",
    request_names=("form", "upload", "upload, slowly"),
    paced=("upload, slowly",),
    round_name="form",
    think_s=1.5,
    warm_up_path="/upload/{views}/",
    writes=(Write("upload", files_in="uploads", beside=("upload, slowly",)),),
    environment=DOCUMENTS,
    views=VIEWS,
    usual_views=USUAL,
    largest_body_mb=8,
    settings={"upload_kb": Setting(256, bounds=(1, 4096)), **SLOW_CLIENTS},
)

GUIDED = Guided(
    UPLOAD,
    users=(25, 200, 300, 400, 600, 800, 1000),
    sides={WSGI: {"VIEWS": "plain"}, SYNC: {"VIEWS": "plain"}, ASYNC: {"VIEWS": "aiofiles"}},
)
