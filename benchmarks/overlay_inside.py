"""Asks an application for a poll's page, as it is and as Gatebench wraps it, in turns; prints the CPU time of both in
milliseconds, the median over the pages, as JSON. benchmarks/overlay.py starts it, as the app server is started.
"""

import asyncio
import json
import random
import statistics
import sys
import time
from importlib import import_module
from pathlib import Path
from wsgiref.util import setup_testing_defaults

from gatebench_inside import applications, spec

WARM_UP_PAGES = 200
HEADERS = {"Host": "127.0.0.1", "X-Request-ID": "00000000deadbeef", "Cookie": f"csrftoken={32 * 'x'}"}


def path() -> str:
    return f"/polls/{random.randint(1, 100)}/"


def ask_wsgi(application) -> None:
    environ = {"PATH_INFO": path(), **{f"HTTP_{name.upper().replace('-', '_')}": HEADERS[name] for name in HEADERS}}
    setup_testing_defaults(environ)
    said = []
    answer = application(environ, lambda status, *_: said.append(status))
    body = b"".join(answer)
    answer.close()
    assert said == ["200 OK"], said
    assert b'data-page="detail"' in body


async def ask_asgi(application) -> None:
    said = []
    asked = path()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": asked,
        "raw_path": asked.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), HEADERS[name].encode()) for name in HEADERS],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    coming = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        if not coming:
            await asyncio.Event().wait()  # the client stays
        return coming.pop()

    async def send(message):
        said.append(message)

    await application(scope, receive, send)
    assert said[0]["status"] == 200, said
    assert b'data-page="detail"' in b"".join(message.get("body", b"") for message in said)


def in_turns(pages):
    """0 and 1, as often as each has pages: which of a pair comes first is left to chance."""
    for _ in range(WARM_UP_PAGES + pages):
        yield from random.sample(range(2), 2)


def wsgi(both, pages):
    took_s = [], []
    for which in in_turns(pages):
        before = time.process_time()
        ask_wsgi(both[which])
        took_s[which].append(time.process_time() - before)
    return took_s


async def asgi(both, pages):
    took_s = [], []
    for which in in_turns(pages):
        before = time.process_time()
        await ask_asgi(both[which])
        took_s[which].append(time.process_time() - before)
    return took_s


def main() -> None:
    interface, pages = sys.argv[1], int(sys.argv[2])
    sys.path.insert(0, str(Path.cwd()))
    module, _, name = spec.read().applications[interface].partition(":")
    both = getattr(import_module(module), name or "application"), getattr(applications, interface)()
    took_s = wsgi(both, pages) if interface == "wsgi" else asyncio.run(asgi(both, pages))
    print(json.dumps([1000 * statistics.median(each[WARM_UP_PAGES:]) for each in took_s]))


if __name__ == "__main__":
    main()
