"""How long analyze.py takes and how much memory it needs for ten million requests.

    python benchmarks/analysis.py [--requests 10000000] [--without-proxy-log] [--keep FOLDER]

Generates a run of seven steps with failures at the top of its ramp, analyses it in a fresh process, and prints wall
seconds and peak resident memory. The target on two cores is 12 s and 1.5 GiB; two virtual ones took 9.4 to 12.0 s
and at most 1.47 GiB in fifteen analyses on 2026-11-27. Exit code 1 when it is missed.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.records import Cause, LedgerReading, LoadSummary, Outcome, Run, Step  # noqa: E402
from gatebench.run_folder import RunFolder  # noqa: E402

TARGET_S, TARGET_BYTES = 12, 1.5 * 2**30
USERS = tuple(range(100, 800, 100))
FAILED = (0, 0, 0, 0.05, 0.12, 0.35, 0.5)  # the article's table
SETTLE_S, HOLD_S = 10, 20
STEP_S = SETTLE_S + HOLD_S
BEGAN = 1_700_000_000.0
NAMES, METHODS, CAUSES = ("form", "vote", "results"), ("GET", "POST"), (str(Cause.RESET), str(Cause.CLOSED))
COMPRESSED = pa.ipc.IpcWriteOptions(compression="zstd")  # as the recorder writes
PROXY_LINE = (
    '{"time": %.3f, "id": "%016x", "method": "%s", "uri": "/polls/%d/", "status": %d, "request_time": %.3f, '
    '"upstream_status": "%d", "upstream_connect_time": "0.000", "upstream_header_time": "%.3f", '
    '"upstream_response_time": "%.3f", "bytes": 2231, "worker": "%d", '
    '"connection": %d, "connection_requests": %d}\n'
)


def main() -> int:
    arguments = _parse()
    with _folder(arguments.keep) as path:
        folder = RunFolder(path)
        print(f"Generating {arguments.requests:,} requests in {path} …", flush=True)
        generate(folder, arguments.requests, proxy_log=not arguments.without_proxy_log)
        os.sync()  # else the system writes 3 GB to the disk beside the analysis
        seconds, cpu_s, peak_bytes = measure(path)
    print(
        f"{arguments.requests:,} requests: {seconds:.1f} s ({cpu_s:.1f} s of CPU), "
        f"{peak_bytes / 2**30:.2f} GiB at its peak, on {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f})."
    )
    return int(seconds > TARGET_S or peak_bytes > TARGET_BYTES)


def measure(path: Path) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds and peak resident bytes of analyze.py."""
    began = time.perf_counter()
    command = [sys.executable, str(ROOT / "analyze.py"), str(path), "--out", str(path / "analysis")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def generate(
    folder: RunFolder,
    requests: int,
    failed: tuple[float, ...] = FAILED,
    proxy_log: bool = True,
    config: dict[str, object] | None = None,
    speed: float = 1.0,
) -> None:
    """A run folder as a run leaves it, the same each time. `failed` is a share a step; `speed` divides every time."""
    folder.logs.mkdir(parents=True, exist_ok=True)
    frame = _requests(requests, failed, speed)
    _write_requests(frame, folder)
    if proxy_log:
        _write_proxy_log(frame, folder)
        _write_error_log(frame, folder)
    folder.write_votes(list(_readings(frame, len(failed))))
    folder.write_run(_run(folder, frame, len(failed), config or {}))


def _requests(n: int, failed: tuple[float, ...], speed: float) -> pd.DataFrame:
    """In the order in which they started, with latencies that grow with the users."""
    random = np.random.default_rng(7)
    steps = len(failed)
    started = BEGAN + np.sort(random.random(n)) * steps * STEP_S
    step = ((started - BEGAN) // STEP_S).astype(np.int16) + 1
    fails = random.random(n) < np.array(failed)[step - 1]
    name = np.arange(n) % 3
    return pd.DataFrame(
        {
            "started": started,
            "elapsed_ms": (random.lognormal(np.log(15 * 1.9**step), 0.6) / speed).clip(1, 9_900).astype(np.float32),
            "name": name.astype(np.int8),
            "method": (name == 1).astype(np.int8),
            "status": np.where(name == 1, 302, 200).astype(np.int16),
            "failed": fails,
            "cause": (np.arange(n) % 2).astype(np.int8),
            "step": step,
            "request_id": np.arange(n, dtype=np.uint64) + np.uint64(0x1234_5678_0000_0000),
        }
    )


def _write_requests(frame: pd.DataFrame, folder: RunFolder) -> None:
    """As the recorder does: in the order in which they ended, a batch a second."""
    ends = frame["started"] + frame["elapsed_ms"] / 1000
    order = np.argsort(ends.to_numpy(), kind="stable")
    seconds = (ends.to_numpy()[order] - BEGAN).astype(int)
    cuts = np.flatnonzero(np.diff(seconds)) + 1
    writer = None
    with pa.OSFile(str(folder.requests), "wb") as file:
        for rows in np.split(order, cuts):
            batch = _batch(frame.iloc[rows])
            writer = writer or pa.ipc.new_stream(file, batch.schema, options=COMPRESSED)
            writer.write_batch(batch)
        if writer:
            writer.close()


def _batch(part: pd.DataFrame) -> pa.RecordBatch:
    fails = part["failed"].to_numpy()
    return pa.record_batch(
        {
            "started": part["started"].to_numpy(),
            "elapsed_ms": part["elapsed_ms"].to_numpy(),
            "name": pa.DictionaryArray.from_arrays(part["name"].to_numpy(), list(NAMES)),
            "method": pa.DictionaryArray.from_arrays(part["method"].to_numpy(), list(METHODS)),
            "status": pa.array(part["status"].to_numpy(), mask=fails),
            "cause": pa.DictionaryArray.from_arrays(pa.array(part["cause"].to_numpy(), mask=~fails), list(CAUSES)),
            "step": part["step"].to_numpy(),
            "users": part["step"].to_numpy().astype(np.int32) * 100,
            "request_id": part["request_id"].to_numpy(),
            "bytes": pa.array(np.full(len(part), 2231, np.int32), mask=fails),
        }
    )


def _write_proxy_log(frame: pd.DataFrame, folder: RunFolder) -> None:
    """A line each request that was answered; Nginx took 0.3 ms less than the client saw."""
    answered = frame[~frame["failed"]]
    with folder.proxy_log.open("w") as log:
        for at in range(0, len(answered), 100_000):
            log.writelines(_proxy_lines(answered.iloc[at : at + 100_000]))


def _proxy_lines(part: pd.DataFrame) -> Iterator[str]:
    columns = (part[name].tolist() for name in ("started", "elapsed_ms", "request_id", "method", "status"))
    for started, elapsed_ms, request_id, method, status in zip(*columns, strict=True):
        took = max(elapsed_ms - 0.3, 0) / 1000
        user = request_id % 700
        yield PROXY_LINE % (
            *(started + took, request_id, METHODS[method], request_id % 100, status, took, status, took, took),
            *(40 + request_id % 2, user, request_id % 997),
        )


def _write_error_log(frame: pd.DataFrame, folder: RunFolder) -> None:
    """An alert for each connection that Nginx closed, as it writes them."""
    failures = frame[frame["failed"]]
    seconds = (failures["started"] + failures["elapsed_ms"] / 1000).astype("int64")
    stamps = pd.to_datetime(seconds, unit="s").dt.strftime("%Y/%m/%d %H:%M:%S")
    with folder.nginx_error_log.open("w") as log:
        log.writelines(f"{stamp} [alert] 29#29: 1024 worker_connections are not enough\n" for stamp in stamps)


def _readings(frame: pd.DataFrame, steps: int) -> Iterator[LedgerReading]:
    votes = frame[(frame["name"] == NAMES.index("vote")) & ~frame["failed"]]
    ends = votes["started"] + votes["elapsed_ms"] / 1000
    for number in range(1, steps + 2):
        moment = BEGAN + number * STEP_S
        yield LedgerReading(number if number <= steps else None, moment, moment + 0.01, int((ends <= moment).sum()))


def _run(folder: RunFolder, frame: pd.DataFrame, steps: int, config: dict[str, object]) -> Run:
    starts = [BEGAN + n * STEP_S for n in range(steps)]
    return Run(
        id=folder.path.name,
        config={
            "interface": "wsgi",
            "server": "gunicorn",
            "profile": "article",
            "stack": "native",
            "db": "per-request",
            "workers": 2,
            "users": list(USERS[:steps]),
            "settle_s": SETTLE_S,
            "hold_s": HOLD_S,
            "timeout_s": 10,
            "label": "WSGI gunicorn (article)",
            "workload": {"vote_name": "vote", "round_name": "form", "think_s": 1.5},
            **config,
        },
        started=BEGAN,
        ended=BEGAN + steps * STEP_S + 2,
        outcome=Outcome.COMPLETE,
        steps=tuple(
            Step(
                number=n + 1,
                users=USERS[n],
                started=start,
                running=start + 2,
                hold_started=start + SETTLE_S,
                hold_ended=start + STEP_S,
                users_running=USERS[n],
                generator_cpu_pct=20.0 + 5 * n,
            )
            for n, start in enumerate(starts)
        ),
        load=LoadSummary(len(frame), int(frame["failed"].sum()), 0, 1.0),
    )


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
    else:
        with tempfile.TemporaryDirectory(prefix="gatebench-analysis-") as name:
            yield Path(name)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--without-proxy-log", action="store_true", help="as in a recorded example that leaves it out")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="generate the run there and leave it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
