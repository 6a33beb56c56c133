"""A PostgreSQL of the run's own: a fresh cluster on loopback, or a copy of one, thrown away with its folder."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg

from gatebench.errors import MachineError
from gatebench.stacks.environment import inherited
from gatebench.stacks.processes import Processes
from gatebench.stacks.programs import Program
from gatebench.stacks.questions import LOCK_S, LockedError, LostError
from gatebench.stacks.wait import last_lines, wait_until

LOOPBACK = "127.0.0.1"
NAME = "polls"


def free_ports(count: int) -> list[int]:
    """Different TCP ports of loopback that nothing listens on now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


class Postgres:
    """Lives below `state`, with its cluster in `data`. `environment` holds libpq's own variables for whoever wants to
    connect.
    """

    def __init__(
        self,
        program: Program,
        port: int,
        state: Path,
        data: Path,
        password: str,
        processes: Processes,
        settings: Mapping[str, str],
    ) -> None:
        self._program = program
        self._state = state
        self._data = data
        self._processes = processes
        self._settings = settings
        self._log = processes.folder.log("postgres")
        self.account = _unprivileged()
        self.environment = {
            "PGHOST": LOOPBACK,
            "PGPORT": str(port),
            "PGDATABASE": NAME,
            "PGUSER": NAME,
            "PGPASSWORD": password,
        }
        self.url = f"postgres://{NAME}:{password}@{LOOPBACK}:{port}/{NAME}"
        """The same, for a project that adds apps of Django's for PostgreSQL when it sees one."""

    def create(self) -> None:
        """Returns once it serves an empty database; raises MachineError with the end of PostgreSQL's log."""
        self._make_cluster()
        self.serve()
        with self._connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {NAME}")

    def login(self) -> str:
        """Its account, with the secret as PostgreSQL keeps it: a line of PgBouncer's file of users."""
        with self._connect(NAME) as connection:
            row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = current_user").fetchone()
        assert row is not None
        return f'"{NAME}" "{row[0]}"\n'

    def stop(self) -> None:
        """In good order: what is in its folder is all of it."""
        self._processes.stop("postgres", signal.SIGINT)

    def serve(self) -> None:
        """Returns once it answers."""
        port = self.environment["PGPORT"]
        more = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        self._processes.serve(
            "postgres",
            [str(self._reachable), "-D", str(self._data), "-k", str(self._home), "-h", LOOPBACK, "-p", port, *more],
            env={},
            cwd=self._home,
            stop=signal.SIGQUIT,  # at once: the data is thrown away
            **self.account,
        )
        answers = self.answers_at("postgres", int(port))
        wait_until(answers, what="PostgreSQL to answer", dead=self._processes.dead, log=self._log)

    def connect(self) -> _Session:
        """A Connection, as Questions wants it; whoever else makes one closes it."""
        try:
            return _Session(self._connect(NAME, options=f"-c lock_timeout={LOCK_S}s"))
        except psycopg.OperationalError as error:
            raise LostError(_first_line(error)) from error

    def _make_cluster(self) -> None:
        password = self._home / "password"
        password.touch(mode=0o600)
        password.write_text(self.environment["PGPASSWORD"])
        self._data.mkdir()
        for path in (password, self._data):
            self.give(path)
        # fmt: off
        command = [
            str(self._reachable.parent / "initdb"), "--pgdata", str(self._data), "--username", NAME,
            "--pwfile", str(password), "--auth", "scram-sha-256",
            "--encoding", "UTF8", "--locale", "C", "--no-instructions",
        ]
        # fmt: on
        if self._processes.run("postgres", command, env={}, cwd=self._home, **self.account):
            raise MachineError(
                f"PostgreSQL {self._program} could not make a database: mend what it says, or use STACK=compose.\n"
                f"{last_lines(self._log)}"
            )

    @cached_property
    def _home(self) -> Path:
        """Where its sockets are."""
        home = self._state / "postgres"
        home.mkdir()
        self.give(home)
        return home

    def give(self, path: Path) -> None:
        """To whom PostgreSQL runs as."""
        if self.account:
            os.chown(path, self.account["user"], self.account["group"])

    @cached_property
    def _reachable(self) -> Path:
        """The program, or a copy of its installation when it lies where the account may not look, as in /root."""
        program = self._program.path
        try:
            options = {"cwd": self._state, "env": inherited(), **self.account}
            subprocess.run([program, "--version"], capture_output=True, check=True, **options)
        except (PermissionError, subprocess.CalledProcessError):
            installation, package = program.parents[1], program.parents[2]
            # The same depth: embedded programs find their libraries by relative paths.
            copies = self._state / "programs"
            shutil.copytree(installation, copies / package.name / installation.name, symlinks=True)
            for libraries in package.parent.glob(f"{package.name}.libs"):
                shutil.copytree(libraries, copies / libraries.name)
            return copies / package.name / installation.name / "bin" / program.name
        return program

    def answers_at(self, database: str, port: int) -> Callable[[], bool]:
        """What says whether a connection can be made there: at PostgreSQL's own port, or at PgBouncer's."""

        def answers() -> bool:
            try:
                self._connect(database, port=port).close()
            except psycopg.OperationalError:
                return False
            return True

        return answers

    def _connect(self, database: str, options: str = "", port: int | None = None) -> psycopg.Connection:
        return psycopg.connect(
            host=self.environment["PGHOST"],
            port=port or self.environment["PGPORT"],
            user=self.environment["PGUSER"],
            password=self.environment["PGPASSWORD"],
            dbname=database,
            autocommit=True,
            connect_timeout=5,
            options=options,
        )


class _Session:
    """A connection that answers questions."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def ask(self, sql: str) -> str:
        try:
            row = self._connection.execute(sql.encode()).fetchone()
        except psycopg.errors.LockNotAvailable as error:
            raise LockedError from error
        except psycopg.OperationalError as error:
            self._connection.close()
            raise LostError(_first_line(error)) from error
        assert row is not None
        return str(row[0])

    def close(self) -> None:
        self._connection.close()


def _first_line(error: psycopg.Error) -> str:
    """libpq's reason; its advice stands below."""
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _unprivileged() -> dict[str, Any]:
    """Whom PostgreSQL runs as, for subprocess: nobody when we are root, which it refuses to run as; else ourselves."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
