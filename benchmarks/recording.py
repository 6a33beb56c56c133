"""What recording costs: requests/s of the voter with every request recorded, against the same voter without.

The voter of locustfiles/vote.py, without its pauses, on one core; an Nginx that answers as the polls app would, but at
once, on another. Both ways in turn, several times; the ratio of each pair is what counts. Before that: the CPU time of
counting what a second brought, for whoever watches the run.

    python benchmarks/recording.py [--rounds 5] [--seconds 6]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TARGET = 0.9
USERS = 50

NGINX = """
daemon off; worker_processes 1; pid {state}/pid; error_log {state}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; absolute_redirect off; keepalive_requests 100000000; default_type text/html;
    client_body_temp_path {state}/a; proxy_temp_path {state}/b; fastcgi_temp_path {state}/c;
    uwsgi_temp_path {state}/d; scgi_temp_path {state}/e;
    server {{
        listen 127.0.0.1:{port};
        location ~ ^/polls/(\\d+)/$ {{
            add_header Set-Cookie "csrftoken={token}; Path=/";
            return 200 '<main data-page="detail" data-poll="$1"><form><input type="hidden" name="csrfmiddlewaretoken" \
value="{token}"><input type="radio" name="choice" value="1"><input type="radio" name="choice" value="2">{padding}';
        }}
        location ~ ^/polls/(\\d+)/vote/$ {{ return 302 /polls/$1/results/; }}
        location ~ ^/polls/(\\d+)/results/$ {{
            return 200 '<main data-page="results" data-poll="$1">{padding}';
        }}
    }}
}}
"""


def main() -> None:
    arguments = _parse()
    if arguments.child:
        print(json.dumps(_vote(arguments.url, arguments.child == "on", arguments.seconds)))
        return
    for requests in (100, 1_000, 10_000):
        print(f"counting a second of {requests:,} requests: {_counting_ms(requests):.2f} ms", flush=True)
    with _polls() as url:
        _measure(url, "off", 2)
        ratios = []
        for number in range(1, arguments.rounds + 1):
            first, second = ("on", "off") if number % 2 else ("off", "on")
            rates = {way: _measure(url, way, arguments.seconds) for way in (first, second)}
            ratios.append(rates["on"] / rates["off"])
            print(
                f"{number}: recorded {rates['on']:6.0f} requests/s, not {rates['off']:6.0f}: {ratios[-1]:.3f}",
                flush=True,
            )
    median = statistics.median(ratios)
    print(f"median ratio {median:.3f} (from {min(ratios):.3f} to {max(ratios):.3f}); at least {TARGET} is wanted")
    sys.exit(median < TARGET)


def _counting_ms(requests: int, times: int = 100) -> float:
    """Of CPU, for a batch as the recorder flushes it: of two steps, each before and in its hold, a tenth failed."""
    import pyarrow as pa

    from gatebench.load.counting import counted

    dice = random.Random(7)
    causes = [dice.choice(["connection reset", *[None] * 9]) for _ in range(requests)]
    batch = pa.record_batch(
        {
            "started": pa.array([dice.random() for _ in range(requests)]),
            "elapsed_ms": pa.array([dice.lognormvariate(4, 1) for _ in range(requests)], pa.float32()),
            "cause": pa.array(causes, pa.string()).dictionary_encode(),
            "step": pa.array([dice.choice([1, 2]) for _ in range(requests)], pa.int16()),
        }
    )
    began = time.process_time()
    for _ in range(times):
        list(counted(batch, {1: 0.5, 2: 0.5}, late_ms=1000))
    return 1000 * (time.process_time() - began) / times


def _measure(url: str, way: str, seconds: float) -> float:
    """Requests/s of one voter process."""
    command = [sys.executable, __file__, "--child", way, "--url", url, "--seconds", str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return float(json.loads(done.stdout))


def _vote(url: str, recorded: bool, seconds: float) -> float:
    from gevent import monkey

    monkey.patch_all()
    import gevent
    from locust import constant
    from locust.env import Environment
    from locust.util.load_locustfile import load_locustfile

    from gatebench.load.recorder import Recorder

    _pin(0)
    users, _ = load_locustfile(str(ROOT / "locustfiles" / "vote.py"))
    voter = users["Voter"]
    voter.wait_time = constant(0)
    environment = Environment(user_classes=[voter], host=url)
    runner = environment.create_local_runner()
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder) / "requests.arrows", runner) if recorded else None
        runner.start(USERS, spawn_rate=USERS)
        gevent.sleep(1)
        before, started = environment.stats.total.num_requests, time.monotonic()
        gevent.sleep(seconds)
        rate = (environment.stats.total.num_requests - before) / (time.monotonic() - started)
        assert environment.stats.total.num_failures == 0
        runner.quit()
        if recorder:
            recorder.close()
    return rate


@contextmanager
def _polls() -> Iterator[str]:
    """The address of an Nginx that answers like the polls app, on the last core."""
    from gatebench.stacks.postgres import free_ports
    from gatebench.stacks.programs import find_nginx

    with tempfile.TemporaryDirectory() as state:
        [port] = free_ports(1)
        configuration = Path(state) / "nginx.conf"
        # Django's token is 64 characters, and a page of polls_site about 1.5 kB.
        text = NGINX.format(state=state, port=port, token="t" * 64, padding="p" * 1200)
        if os.geteuid() == 0:
            text = "user root root;" + text
        configuration.write_text(text)
        nginx = subprocess.Popen([find_nginx().path, "-e", f"{state}/error.log", "-c", configuration])
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(nginx.pid, {max(os.sched_getaffinity(0))})
        try:
            time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            nginx.terminate()
            nginx.wait()


def _pin(core: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--child", choices=["on", "off"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
