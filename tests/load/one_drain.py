"""Prints how long requests have waited, without and with one that is not paced; then drains a load in which updates are
on their way still, and prints how many came before the stream was left.
"""

from gevent import monkey

monkey.patch_all()

import io  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from types import SimpleNamespace  # noqa: E402

import gevent  # noqa: E402
from locust.env import Environment  # noqa: E402

from gatebench.load.ramp import Ramp  # noqa: E402
from gatebench.load.recorder import Recorder  # noqa: E402
from gatebench.load.user import InFlight, in_flight, open_streams  # noqa: E402

APART_S, LATE_MS, COMING = 0.2, 600, 5

environment = Environment()
runner = environment.create_local_runner()
recorder = Recorder(Path(sys.argv[1]), runner, late_ms=LATE_MS, paced=["slow"], pushed=["update"])
in_flight[1] = InFlight(time.time() - 60, "GET", "slow")
print(recorder.waited_ms())
in_flight[2] = InFlight(time.time() - 3, "GET", "page")
print(round(recorder.waited_ms(), -3))
in_flight.clear()


class Stream:
    came = 0

    def tell(self) -> None:
        for _ in range(COMING):
            gevent.sleep(APART_S)
            self.came += 1
            environment.events.request.fire(
                request_type="GET",
                name="update",
                response_time=10,
                response_length=1,
                exception=None,
                context={"request_id": 1},
                start_time=time.time(),
                response=SimpleNamespace(status_code=200),
            )

    def close(self) -> None:
        open_streams.discard(self)  # type: ignore[arg-type]


stream = Stream()
open_streams.add(stream)  # type: ignore[arg-type]
gevent.spawn(stream.tell)
runner.spawning_greenlet = gevent.spawn(int)
Ramp(runner, recorder, io.StringIO(), 0, 0, 1).drain(20)
print(stream.came)
