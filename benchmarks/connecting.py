"""What a connection to PostgreSQL takes of the app's CPU time: made as Django makes it for each request, with the
password hashed as PostgreSQL asks for it (SCRAM) and without any password; beside a query over a connection that stays.

PostgreSQL is one of this benchmark's own, on loopback. The three are asked for in turns. Prints the median of the
rounds, with the lowest and the highest; with --json FILE they are kept.

    python benchmarks/connecting.py [--rounds 9] [--times 100] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.machine import facts  # noqa: E402
from gatebench.run_folder import RunFolder  # noqa: E402
from gatebench.stacks.postgres import Postgres, free_ports  # noqa: E402
from gatebench.stacks.processes import Processes  # noqa: E402
from gatebench.stacks.programs import find_postgres  # noqa: E402
from gatebench.watchdog import Watchdog  # noqa: E402


def main() -> None:
    arguments = _parse()
    found = measured(arguments.rounds, arguments.times)
    if arguments.json:
        kept = {"machine": facts(), "times": arguments.times, "cpu_ms": found}
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n")
    for name, each in found.items():
        print(f"{name}: {statistics.median(each):.2f} ms of CPU ({min(each):.2f} to {max(each):.2f})")


def measured(rounds: int, times: int) -> dict[str, list[float]]:
    """Milliseconds of this process's CPU time for each, by round. The first round warms up, and is left out."""
    with tempfile.TemporaryDirectory(prefix="gatebench-connecting-") as made:
        state = Path(made)
        state.chmod(0o711)  # PostgreSQL is another account when we are root
        folder = RunFolder.create(state, "connecting")
        watchdog = Watchdog(None, folder.log("watchdog"))
        try:
            postgres = Postgres(
                find_postgres(), free_ports(1)[0], state, state / "data", "secret", Processes(folder, watchdog), {}
            )
            postgres.create()
            with_password, without = postgres.environment, {**postgres.environment, "PGUSER": "nobody"}
            let_in(postgres, state, "nobody")
            kept = connected(with_password)
            asked: dict[str, Callable[[], None]] = {
                "a query over a connection that stays": lambda: query(kept),
                "a connection without a password, and a query": lambda: once(without),
                "a connection with a password, and a query": lambda: once(with_password),
            }
            costs: dict[str, list[float]] = {name: [] for name in asked}
            for n in range(rounds + 1):
                for name, ask in asked.items():
                    costs[name] += [cost_ms(ask, times)] * (n > 0)
            return costs
        finally:
            watchdog.end_everything()


def let_in(postgres: Postgres, state: Path, account: str) -> None:
    """An account that needs no password."""
    rules = state / "data" / "pg_hba.conf"
    rules.write_text(f"host all {account} 127.0.0.1/32 trust\n{rules.read_text()}")
    connection = connected(postgres.environment)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {account} LOGIN")
        cursor.execute("SELECT pg_reload_conf()")
    connection.close()


def connected(environment: dict[str, str]) -> Any:
    return psycopg2.connect(
        host=environment["PGHOST"], port=environment["PGPORT"], dbname=environment["PGDATABASE"],
        user=environment["PGUSER"], password=environment["PGPASSWORD"],
    )  # fmt: skip


def query(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def once(environment: dict[str, str]) -> None:
    connection = connected(environment)
    query(connection)
    connection.close()


def cost_ms(ask: Callable[[], None], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        ask()
    return 1000 * (time.process_time() - began) / times


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--times", type=int, default=100, help="of each, in a round")
    parser.add_argument("--json", type=Path, help="where each round's figures are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
