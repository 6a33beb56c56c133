"""Records a hold in which updates come, some of them late, and prints the share that was late, before it and in it."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from types import SimpleNamespace  # noqa: E402

from locust.env import Environment  # noqa: E402

from gatebench.load.recorder import Recorder  # noqa: E402

environment = Environment()
recorder = Recorder(Path(sys.argv[1]), environment.create_local_runner(), late_ms=1000, pushed=["update"])


def told(name: str, response_time: float) -> None:
    environment.events.request.fire(
        request_type="GET",
        name=name,
        response_time=response_time,
        response_length=1,
        exception=None,
        context={"request_id": 1},
        start_time=time.time(),
        response=SimpleNamespace(status_code=200),
    )


recorder.begin_step(time.time())
told("update", 5000)
print(recorder.late_updates())
recorder.begin_hold(time.time())
for name, response_time in (("update", 10), ("update", 10), ("vote", 5000), ("update", 2000)):
    told(name, response_time)
print(recorder.late_updates())
recorder.close()
