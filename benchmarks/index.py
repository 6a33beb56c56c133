"""What results/index.html costs: seconds to make it for a thousand runs, and its size.

    python benchmarks/index.py [--runs 1000] [--rounds 5] [--keep FOLDER]

Writes run folders as recorded runs have them (run.json of 15 kB, steps.csv of seven steps): half of them in campaigns
of five trials of two sides, the others alone, of ten configurations. Prints the median of several rounds. The target is
1 s; exit code 1 when it is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.analysis.showing.index.page import write_index  # noqa: E402

TARGET_S = 1.0
RECORDED = ROOT / "results" / "recorded" / "campaigns"
SIDES = {"A": "wsgi-gunicorn", "B": "asgi-uvicorn"}
TRIALS = 5
USERS = (100, 200, 300, 400, 500, 600, 700)
APART_S = 3600.0
HEADER = (
    "step,users,requests,failures,failure_pct,late_or_failed_pct,rps,p50_ms,p95_ms,p99_ms,max_ms,votes_attempted,"
    "votes_acknowledged,votes_stored,drift_pct,cpu_ms_per_request_app,valid,invalid_reason\n"
)


def main() -> int:
    arguments = _parse()
    with _folder(arguments.keep) as results:
        generate(results, arguments.runs)
        took_s = [_seconds(results) for _ in range(arguments.rounds)]
        size = (results / "index.html").stat().st_size
    median = statistics.median(took_s)
    spread = f"from {min(took_s):.2f} to {max(took_s):.2f}"
    print(
        f"{arguments.runs:,} runs: {median:.2f} s ({spread}), {size / 1000:,.0f} kB; at most {TARGET_S:g} s is wanted"
    )
    return int(median > TARGET_S)


def generate(results: Path, runs: int) -> None:
    """The same each time."""
    dice = random.Random(7)
    bodies = {
        side: json.loads((min(RECORDED.glob(f"*-{name}")) / "run.json").read_text()) for side, name in SIDES.items()
    }
    began = bodies["A"]["started"] - runs * APART_S
    for n in range(runs):
        in_campaigns = n < runs // 2
        side = "AB"[n % 2]
        run = {**bodies[side], "started": began + n * APART_S}
        of_campaign, place = divmod(n, 2 * TRIALS)
        trial = {"campaign": f"campaign-{of_campaign}", "number": 1 + place // 2, "side": side}
        run["trial"] = trial if in_campaigns else None
        run["config"] = {**run["config"], "users": list(USERS), "workers": 2 if in_campaigns else 1 + n % 5}
        _write(results / f"{n:04d}-{run['config']['interface']}-{run['config']['server']}", run, dice)


def _write(path: Path, run: dict[str, Any], dice: random.Random) -> None:
    (path / "logs").mkdir(parents=True, exist_ok=True)
    (path / "run.json").write_text(json.dumps({**run, "id": path.name}, indent=2) + "\n")
    most = (450 if run["config"]["interface"] == "wsgi" else 215) * dice.lognormvariate(0, 0.04)
    rows = [_row(number, users, min(1.9 * users, most)) for number, users in enumerate(USERS, start=1)]
    (path / "steps.csv").write_text(HEADER + "".join(rows))


def _row(number: int, users: int, rps: float) -> str:
    requests, p95_ms = int(20 * rps), 60 + 1000 * max(0.0, users / rps - 1.5)
    late_pct = 40.0 if p95_ms > 1000 else 0.0
    figures = f"{number},{users},{requests},0,0.0,{late_pct},{rps},{p95_ms / 4},{p95_ms},{p95_ms * 1.5},{p95_ms * 2}"
    return f"{figures},{requests},{requests},{requests},1.5,2.1,True,\n"


def _seconds(results: Path) -> float:
    began = time.perf_counter()
    write_index(results, [], [], results / "analysis")
    return time.perf_counter() - began


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
    else:
        with tempfile.TemporaryDirectory(prefix="gatebench-index-") as name:
            yield Path(name)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="generate the runs there and leave them")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
