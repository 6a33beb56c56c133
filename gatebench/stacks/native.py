"""The stack as local processes on loopback, in a folder of the run's own. Needs no root, and works as root too."""

from __future__ import annotations

import json
import os
import pwd
import re
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psycopg

from gatebench.config import POLLS, ROOT, RunConfig
from gatebench.errors import MachineError
from gatebench.run_folder import RunFolder
from gatebench.stacks.environment import app_environment, nginx_environment
from gatebench.stacks.programs import Program, find_nginx, find_postgres
from gatebench.stacks.wait import answers, last_lines, wait_until
from gatebench.watchdog import Watchdog

LOOPBACK = "127.0.0.1"
TEMPLATE = ROOT / "nginx" / "nginx.conf.template"


class NativeStack:
    """PostgreSQL, the app server and Nginx, each a process with a log in the run folder."""

    def __init__(self, config: RunConfig, folder: RunFolder, watchdog: Watchdog) -> None:
        self.url = f"http://{LOOPBACK}:{config.port}"
        self._config = config
        self._folder = folder
        self._watchdog = watchdog
        self._postgres = find_postgres()
        self._nginx = find_nginx()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._load: subprocess.Popen[bytes] | None = None
        # Short on purpose: a Unix socket's path must fit into 107 bytes.
        self._state = Path(tempfile.mkdtemp(prefix="gatebench-"))
        self._state.chmod(0o711)
        watchdog.remove_folder(self._state)
        self._app_port = _free_port()
        self._environment = {
            **app_environment(config),
            "APP_HOST": LOOPBACK,
            "APP_PORT": str(self._app_port),
            "DJANGO_STATIC_ROOT": str(self._state / "static"),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "PGHOST": LOOPBACK,
            "PGPORT": str(_free_port()),
            "PGDATABASE": "polls",
            "PGUSER": "polls",
            "PGPASSWORD": secrets.token_urlsafe(24),
        }

    def up(self) -> None:
        _raise_open_files_limit()
        self._start_postgres()
        for command in POLLS.setup_commands(self._config.profile_row().questions):
            self._manage(command)
        self._start("app", [sys.executable, "-m", "gatebench.serve"], env=self._environment)
        # Nginx comes last, so that its error log begins with the run and not with refused connections.
        self._wait_for_ready(f"http://{LOOPBACK}:{self._app_port}", self._config.server, log="app")
        self._start_nginx()
        self._wait_for_ready(self.url, "Nginx", log="nginx-error")

    def versions(self) -> dict[str, str]:
        answer = subprocess.run(
            [sys.executable, "-m", "gatebench.serve", "--versions"], capture_output=True, check=True, cwd=ROOT
        )
        return {"postgresql": str(self._postgres), "nginx": str(self._nginx), **json.loads(answer.stdout)}

    def query(self, sql: str) -> str:
        with self._connect("polls") as connection:
            row = connection.execute(sql.encode()).fetchone()
        assert row is not None
        return str(row[0])

    def start_load(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gatebench.load", str(self._folder.path), "--host", self.url]
        self._load = self._start("load", command, env={"PYTHONPATH": str(ROOT)})
        return self._load

    def stop_load(self) -> None:
        if self._load and self._load.poll() is None:
            self._load.terminate()

    def dead(self) -> str | None:
        for name, process in self._processes.items():
            if name != "load" and (code := process.poll()) is not None:
                log = self._folder.log(name)
                return f"{name} ended with code {code}; its log {log} ends:\n{last_lines(log)}"
        return None

    def _wait_for_ready(self, url: str, who: str, log: str) -> None:
        wait_until(
            lambda: answers(url + POLLS.ready_path),
            what=f"{who} to answer {POLLS.ready_path}",
            dead=self.dead,
            log=self._folder.log(log),
        )

    def _start(
        self, name: str, command: list[str], env: Mapping[str, str], stop: signal.Signals = signal.SIGTERM, **options: object
    ) -> subprocess.Popen[bytes]:
        with self._folder.log(name).open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, **env},
                cwd=options.pop("cwd", ROOT),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **options,  # type: ignore[call-overload]
            )
        self._watchdog.end_process(process.pid, stop)
        self._processes[name] = process
        return process

    def _manage(self, command: list[str]) -> None:
        folder = ROOT / POLLS.folder
        answer = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=folder,
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            check=False,
        )
        with self._folder.log("setup").open("a") as log:
            log.write(answer.stdout + answer.stderr)
        if answer.returncode:
            raise MachineError(
                f"`manage.py {command[0]}` failed, so there is no database to measure; it said:\n"
                f"{last_lines(self._folder.log('setup'))}"
            )

    def _start_postgres(self) -> None:
        account = _Account.for_postgres()
        home = self._state / "postgres"
        home.mkdir()
        program = account.reachable(self._postgres.path, self._state)
        password = self._state / "password"
        password.write_text(self._environment["PGPASSWORD"])
        account.own(home, password)
        initdb = subprocess.run(
            [program.parent / "initdb", "--pgdata", home / "data", "--username", "polls", "--pwfile", password,
             "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-instructions"],
            capture_output=True, text=True, check=False, cwd=home, **account.options,
        )  # fmt: skip
        self._folder.log("postgres").write_text(initdb.stdout + initdb.stderr)
        if initdb.returncode:
            raise MachineError(
                f"PostgreSQL {self._postgres} could not make a database; it said:\n"
                f"{last_lines(self._folder.log('postgres'))}"
            )
        self._start(
            "postgres",
            [str(program), "-D", str(home / "data"), "-k", str(home), "-h", LOOPBACK, "-p", self._environment["PGPORT"]],
            env={},
            stop=signal.SIGQUIT,  # at once: the data is thrown away
            cwd=home,
            **account.options,
        )
        wait_until(self._database_answers, what="PostgreSQL to answer", dead=self.dead, log=self._folder.log("postgres"))
        with self._connect("postgres") as connection:
            connection.execute("CREATE DATABASE polls")

    def _database_answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self, database: str) -> psycopg.Connection:
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
        values = {name: self._environment[variable] for name, variable in names.items()}
        return psycopg.connect(dbname=database, autocommit=True, connect_timeout=5, **values)

    def _start_nginx(self) -> None:
        home = self._state / "nginx"
        home.mkdir(mode=0o755)
        values = {
            **nginx_environment(self._config),
            "NGINX_APP": f"{LOOPBACK}:{self._app_port}",
            "NGINX_LISTEN": f"{LOOPBACK}:{self._config.port}",
            "NGINX_STATIC": self._environment["DJANGO_STATIC_ROOT"],
            "NGINX_STATE": str(home),
            "NGINX_ACCESS_LOG": str(self._folder.proxy_log),
            "NGINX_ERROR_LOG": str(self._folder.nginx_error_log),
        }
        configuration = home / "nginx.conf"
        configuration.write_text(re.sub(r"\$\{([A-Z_]+)\}", lambda found: values[found[1]], TEMPLATE.read_text()))
        self._start(
            "nginx",
            [str(self._nginx.path), "-p", str(home), "-e", str(self._folder.nginx_error_log), "-c", str(configuration),
             "-g", "daemon off;" + _Account.for_nginx()],
            env={"TZ": "UTC"},
        )  # fmt: skip


class _Account:
    """Whom a program runs as: ourselves, or nobody when we are root, which PostgreSQL refuses to run as."""

    def __init__(self, entry: pwd.struct_passwd | None) -> None:
        self._entry = entry
        self.options: dict[str, object] = (
            {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []} if entry else {}
        )

    @classmethod
    def for_postgres(cls) -> _Account:
        return cls(pwd.getpwnam("nobody") if os.geteuid() == 0 else None)

    @staticmethod
    def for_nginx() -> str:
        """The directive for Nginx's worker: its built-in default group does not exist everywhere."""
        return " user root root;" if os.geteuid() == 0 else ""

    def own(self, *paths: Path) -> None:
        if self._entry:
            for path in paths:
                os.chown(path, self._entry.pw_uid, self._entry.pw_gid)

    def reachable(self, program: Path, state: Path) -> Path:
        """The program, or a copy of its installation when it lies where the account may not look, as in /root."""
        try:
            subprocess.run([program, "--version"], capture_output=True, check=True, cwd=state, **self.options)  # type: ignore[call-overload]
        except (PermissionError, subprocess.CalledProcessError):
            installation, package = program.parents[1], program.parents[2]
            # The same depth: embedded programs find their libraries by relative paths.
            copies = state / "programs"
            shutil.copytree(installation, copies / package.name / installation.name, symlinks=True)
            for libraries in package.parent.glob(f"{package.name}.libs"):
                shutil.copytree(libraries, copies / libraries.name)
            return copies / package.name / installation.name / "bin" / program.name
        return program


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _raise_open_files_limit() -> None:
    """Every user is a connection: children inherit the most that this machine allows without root."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
