"""Sends one GET and one POST with each client to a URL, and prints what was recorded of each, as JSON lines. With how
long a slow line takes, sends one GET over that.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402

from locust.env import Environment  # noqa: E402

from gatebench.load.user import FastUser, MeasuredUser, RequestFailedError, RequestsUser, in_flight  # noqa: E402

url, timeout_s, *slow_s = sys.argv[1], float(sys.argv[2]), *sys.argv[3:]
MeasuredUser.timeout_s = timeout_s


def record(client: type[MeasuredUser]) -> None:
    environment = Environment(user_classes=[client], host=url)
    client.host = url

    def on_request(request_type: str, exception: Exception | None, response_time: float, **_: object) -> None:
        cause = exception.cause if isinstance(exception, RequestFailedError) else exception and repr(exception)
        line = {"client": client.__name__, "method": request_type, "cause": cause, "text": str(exception)}
        print(json.dumps({**line, "elapsed_ms": response_time}))

    environment.events.request.add_listener(on_request)
    user = client(environment)
    if slow_s:
        line = user.slow_session(float(slow_s[0]))
        user.get("/", name="slowly", expect=lambda page: "hello" in page.text, slowly_by=line)
        return
    user.get("/", name="get", expect=lambda page: page.status == 200 and "hello" in page.text)
    user.post("/", name="post", data={"a": "b"}, expect=lambda page: page.status == 200 and "hello" in page.text)
    assert not in_flight


class Fast(FastUser):
    pass


class Requests(RequestsUser):
    pass


record(Fast)
if not slow_s:
    record(Requests)
