"""What several tests share: free ports, and real runs made through the command that people use."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from gatebench import ROOT
from gatebench.errors import MachineError
from gatebench.knobs import KNOBS, resolve
from gatebench.run_folder import RunFolder
from gatebench.servers import SERVERS
from gatebench.stacks.postgres import Postgres, free_ports
from gatebench.stacks.processes import Processes
from gatebench.stacks.programs import Program, find_pgbouncer
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface
from gatebench.watchdog import Watchdog

TINY = {"STACK": "native", "USERS": "5,10", "SETTLE": "0.5", "HOLD": "2", "HEADLESS": "1"}
BESIDE_OTHERS = {"PIN": "0"}
"""Of runs that go beside one another: with cores of their own all app servers would have the same ones."""

AS_A_PERSON = ("-m", "gatebench")

NAMES = {knob.name for knob in KNOBS}


def options(knobs: Mapping[str, str]) -> list[str]:
    """USERS=5 as --users=5."""
    return [f"--{name.lower().replace('_', '-')}={value}" for name, value in knobs.items()]


_NOBODY = "http://127.0.0.1:9"  # the discard service, which nothing offers any more
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
NO_SUCH_PROXY = {spelt: _NOBODY for name in _PROXIES for spelt in (name, name.upper())}
"""A shell of which every request outside goes through a proxy, and none that there is."""


_WHOLE = {"bench", "tiny_run", "start_postgres", "send", "finished", "by_hand", "command", "gatebench"}
"""Fixtures that start servers, a load generator or a whole analysis: no test that uses one is a unit's."""

TOGETHER = {
    "tests/analysis/showing/page/": "pages",
    "tests/compose/": "containers",  # one engine builds their images
    "tests/test_native_runs.py": "tiny runs",
    "tests/test_sheet.py": "tiny runs",
    **{file: file for file in (
        "tests/inside/test_process.py",
        "tests/own_project/test_mistakes_of_users.py",
        "tests/own_project/test_package.py",
        "tests/own_project/test_runs.py",
        "tests/test_docs.py",
        "tests/test_toys.py",
        "tests/test_uploads.py",
    )},
}  # fmt: skip
"""Where tests are that share what is made once, as a run or a page: by one worker, one after the other."""


class ByWhatIsShared(LoadScopeScheduling):
    """Hands tests to the workers one by one, but for those that share something."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for beginning, group in TOGETHER.items() if nodeid.startswith(beginning)), nodeid)


def pytest_configure() -> None:
    """Ctrl-C reaches what tests start, in a shell too that ignores it, as one in the background does."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)  # where xdist is switched off there is none
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByWhatIsShared:
    return ByWhatIsShared(config, log)


def _has_pgbouncer() -> bool:
    try:
        find_pgbouncer()
    except MachineError:
        return False
    return True


needs_pgbouncer = pytest.mark.skipif(not _has_pgbouncer(), reason="there is no PgBouncer on this machine")


def pytest_itemcollected(item: pytest.Item) -> None:
    if _WHOLE.intersection(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.whole)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60, every: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(every)


_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = itertools.cycle(range(20_000 + 300 * _WORKER, 20_300 + 300 * _WORKER))


def own_ports(count: int) -> list[int]:
    """Free ports that neither another worker's tests are given nor the system hands to whoever connects."""
    found: list[int] = []
    while len(found) < count:
        port = next(_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
    return found


class Bench:
    """`gatebench` with ports, a results folder and a folder for temporary files of its own.

    Its runs begin with a copy of the set-up in `prepared`; without one they are set up as a person's are.
    """

    def __init__(self, results: Path, prepared: Path | None = None) -> None:
        self.results = results
        self.prepared = prepared
        self.temporary = Path(tempfile.mkdtemp(prefix="gb-"))  # short: Unix sockets lie below it
        self.temporary.chmod(0o711)  # PostgreSQL is another account when we are root
        self.port, self.ui_port = own_ports(2)
        self.started: list[subprocess.Popen[str]] = []

    def start(
        self, command: str, started_by: Sequence[str] = (), more: Sequence[str] = (), **given: str
    ) -> subprocess.Popen[str]:
        """Knobs become options, what is no knob a variable of the environment. `wsgi` is short for bench-wsgi."""
        command = f"bench-{command}" if command in list(Interface) else command
        usual = {**TINY, **(BESIDE_OTHERS if self.prepared else {}), **self._own()}
        started_by = started_by or (("-m", "tests.prepared", str(self.prepared)) if self.prepared else AS_A_PERSON)
        knobs = {name: value for name, value in {**usual, **given}.items() if name in NAMES}
        variables = {name: value for name, value in given.items() if name not in NAMES}
        return self.spawn(*started_by, command, *more, *options(knobs), **variables)

    def spawn(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Python with these words, as they are."""
        process = subprocess.Popen(
            [sys.executable, *words],
            env={**os.environ, "TMPDIR": str(self.temporary), **variables},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, command: str, **given: Any) -> subprocess.CompletedProcess[str]:
        process = self.start(command, **given)
        stdout, stderr = process.communicate(timeout=180)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def config(self, interface: str, **knobs: str) -> RunConfig:
        """A tiny run, for a test that makes it in its own process."""
        return resolve(Interface(interface), {**TINY, **self._own(), **knobs}, lambda: False)

    def _own(self) -> dict[str, str]:
        return {"RESULTS": str(self.results), "PORT": str(self.port), "UI_PORT": str(self.ui_port)}

    def folder(self) -> RunFolder:
        """The newest run folder."""
        return RunFolder(max(self.results.glob("*-*sgi-*"), key=lambda path: path.stat().st_mtime_ns))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("prepared")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def bench(tmp_path: Path, prepared: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "results", prepared)
    yield bench
    for process in bench.started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    bench.temporary.rmdir()


StartPostgres = Callable[[Program], Postgres]


@pytest.fixture(scope="module")
def start_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartPostgres]:
    home = tmp_path_factory.mktemp("postgres")
    with (home / "lock").open("w") as lock:
        watchdog = Watchdog(lock, home / "watchdog.log")

        def start(program: Program) -> Postgres:
            folder = RunFolder.create(home, "test")
            state = Path(tempfile.mkdtemp(prefix="gatebench-test-"))
            state.chmod(0o711)
            watchdog.remove_folder(state)
            postgres = Postgres(
                program, free_ports(1)[0], state, state / "data", "secret", Processes(folder, watchdog), settings={}
            )
            postgres.create()
            return postgres

        yield start
        watchdog.end_everything()


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], RunFolder]:
    """A finished tiny run of a server and profile on the native stack; each is made once a session."""
    made: dict[tuple[str, str], RunFolder] = {}

    def make(server: str, profile: str = "fair") -> RunFolder:
        if (server, profile) not in made:
            bench = Bench(tmp_path_factory.mktemp("results"))
            done = bench.run(SERVERS[server].interface, SERVER=server, PROFILE=profile)
            assert done.returncode == 0, done.stderr
            bench.temporary.rmdir()
            made[server, profile] = bench.folder()
        return made[server, profile]

    return make
