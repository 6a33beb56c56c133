"""What tracing costs: CPU time that Nginx takes to log a request as JSON, the log that causes are traced by.

The project's own template with a stub behind it, and one client. Log on and off in turn, several times; what counts is
the difference, as a share of a core at RATE requests a second. What sampling costs stands in every run (gatebench).

    python benchmarks/tracing.py [--rounds 7] [--requests 20000]
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TARGET_PCT = 1.0
RATE = 700.0
"""More than the polls app has answered on two cores."""

STUB = 'server {{ listen 127.0.0.1:{port}; access_log off; location / {{ return 200 "{page}"; }} }}\n}}\n'


def main() -> None:
    arguments = _parse()
    shares = []
    for number in range(1, arguments.rounds + 1):
        ways = (True, False) if number % 2 else (False, True)
        cpu_us = {logged: _cpu_us_a_request(logged, arguments.requests) for logged in ways}
        shares.append((cpu_us[True] - cpu_us[False]) * RATE / 1e4)
        print(f"{number}: {cpu_us[True]:.1f} µs a request, {cpu_us[False]:.1f} without the log: {shares[-1]:.2f} %")
    median = statistics.median(shares)
    print(f"median {median:.2f} % of a core at {RATE:g} requests/s; at most {TARGET_PCT:g} % is wanted")
    sys.exit(median > TARGET_PCT)


def _cpu_us_a_request(logged: bool, requests: int) -> float:
    with _nginx(logged) as (port, worker):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        before = sum(worker.cpu_times()[:2])
        for number in range(requests):
            connection.request("GET", "/polls/1/", headers={"X-Request-ID": f"{number:016x}"})
            assert connection.getresponse().read()
        connection.close()
        return (sum(worker.cpu_times()[:2]) - before) / requests * 1e6


@contextmanager
def _nginx(logged: bool) -> Iterator[tuple[int, psutil.Process]]:
    """Where it listens, and its worker."""
    from gatebench.knobs import resolve
    from gatebench.stacks.environment import nginx_environment
    from gatebench.stacks.native import TEMPLATE
    from gatebench.stacks.postgres import free_ports
    from gatebench.stacks.programs import find_nginx
    from gatebench.stacks.wait import answers, wait_until
    from gatebench.values.server import Interface

    with tempfile.TemporaryDirectory() as state:
        port, stub = free_ports(2)
        values = {
            **nginx_environment(resolve(Interface.WSGI, {"STACK": "native"}, lambda: False).side),
            "NGINX_APP": f"127.0.0.1:{stub}",
            "NGINX_LISTEN": f"127.0.0.1:{port}",
            "NGINX_STATIC": state,
            "NGINX_STATE": state,
            "NGINX_ACCESS_LOG": f"{state}/proxy.log",
            "NGINX_ERROR_LOG": f"{state}/error.log",
        }
        text = re.sub(r"\$\{([A-Z_]+)\}", lambda found: values[found[1]], TEMPLATE.read_text())
        text = text.rstrip().removesuffix("}") + STUB.format(port=stub, page="p" * 1500)
        configuration = Path(state) / "nginx.conf"
        configuration.write_text(text if logged else re.sub(r"access_log \"[^;]+;", "access_log off;", text))
        account = "user root root;" if os.geteuid() == 0 else ""
        command = [find_nginx().path, "-e", f"{state}/error.log", "-c", configuration, "-g", f"daemon off;{account}"]
        nginx = psutil.Popen(command)
        try:
            log = Path(state) / "error.log"
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/"), "Nginx", lambda: None, log)
            yield port, nginx.children()[0]
        finally:
            nginx.terminate()
            nginx.wait()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=20_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
