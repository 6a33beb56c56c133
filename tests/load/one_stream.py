"""Watches the stream of a URL, leaves it after a second, and prints what was recorded, as JSON lines."""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402
from urllib.parse import urlsplit  # noqa: E402

from locust.env import Environment  # noqa: E402

from gatebench.load.stream import Event  # noqa: E402
from gatebench.load.user import FastUser, RequestFailedError, in_flight, open_streams  # noqa: E402


class Watcher(FastUser):
    host, timeout_s = sys.argv[1], float(sys.argv[2])


def on_request(name: str, exception: Exception | None, response_time: float, response_length: int, **_: object) -> None:
    cause = exception.cause if isinstance(exception, RequestFailedError) else exception and repr(exception)
    print(json.dumps({"name": name, "cause": cause, "elapsed_ms": response_time, "bytes": response_length}))


def told_at(event: Event) -> float | None:
    return None if event.data == "wrong" else event.came - 0.25


environment = Environment(user_classes=[Watcher])
environment.events.request.add_listener(on_request)
Watcher(environment).watch_stream(
    urlsplit(Watcher.host).path or "/",
    opening="open",
    staying="watch",
    update="update",
    expect=lambda event: event.kind == "results",
    told_at=told_at,
    stay_s=1,
)
assert not in_flight
assert not open_streams
