"""The shop's internal services: promotions for everybody, recommendations for a visitor. Each answers after a while.

| variable             | what it is                                          | default |
|----------------------|-----------------------------------------------------|---------|
| SERVICE_DELAY_MS     | how long an answer takes                            | 100     |
| SERVICE_JITTER_MS    | and up to so much more or less, evenly              | 0       |
| SERVICE_FAILURES_PCT | share of answers that are 503                       | 0       |
| SERVICE_HANGS_PCT    | share that come a minute later                      | 0       |
| SERVICE_NONSENSE_PCT | share that are no JSON                              | 0       |

The shares count from SIGUSR1 on: whoever looks at the shop before its load finds it well.

It writes a JSON line for each answer: time, id (of the visitor's request), path, waited_ms and status. Of one that
comes a minute later it writes when that begins, with null for the last two.

    uvicorn services:application --port 8001
"""

import asyncio
import json
import os
import random
import signal
import time

PROMOTIONS = ("Teapots", "Bread knives", "Umbrellas")
THINGS = ("a kettle", "a lamp", "a map", "a drum", "a kite", "a clock", "a compass")
HANG_S = 60


def number(name, default):
    return float(os.environ.get(name) or default)


DELAY_MS, JITTER_MS = number("SERVICE_DELAY_MS", 100), number("SERVICE_JITTER_MS", 0)
faults = {}
"""What goes wrong -> its share in percent; nothing at first."""


def begin(*_):
    faults.update({name: number(f"SERVICE_{name}_PCT", 0) for name in ("FAILURES", "HANGS", "NONSENSE")})


signal.signal(signal.SIGUSR1, begin)


def strikes(name):
    return 100 * random.random() < faults.get(name, 0)


async def application(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError(f"This speaks HTTP and not {scope['type']}.")
    began = time.time()
    status, body = answer(scope["path"])
    if scope["path"] != "/ready":
        await wait(scope, began, status)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def answer(path):
    """Status and body for /promotions/7, /recommendations/7 and /ready."""
    name, _, visitor = path.strip("/").partition("/")
    if name == "ready":
        return 200, b"{}"
    if name not in ("promotions", "recommendations") or not visitor.isdecimal():
        return 404, b"{}"
    if strikes("FAILURES"):
        return 503, b"{}"
    if strikes("NONSENSE"):
        return 200, b"<html>It works!</html>"
    items = PROMOTIONS if name == "promotions" else recommended(int(visitor))
    return 200, json.dumps({"items": items}).encode()


def recommended(visitor):
    """Four things in a row, from another one for each visitor."""
    return [THINGS[(visitor + n) % len(THINGS)] for n in range(4)]


async def wait(scope, began, status):
    if strikes("HANGS"):
        log(scope, began, None, None)
        await asyncio.sleep(HANG_S)
        return
    await asyncio.sleep(max(0.0, DELAY_MS + random.uniform(-JITTER_MS, JITTER_MS)) / 1000)
    log(scope, began, round(1000 * (time.time() - began), 1), status)


def log(scope, began, waited_ms, status):
    request_id = next((value.decode() for name, value in scope["headers"] if name == b"x-request-id"), "-")
    line = {"time": round(began, 3), "id": request_id, "path": scope["path"], "waited_ms": waited_ms, "status": status}
    print(json.dumps(line), flush=True)
