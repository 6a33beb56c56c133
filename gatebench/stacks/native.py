"""The stack as local processes on loopback, in a folder of the run's own. Needs no root, and works as root too."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import re
import resource
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatebench import PACKAGE, ROOT
from gatebench.errors import MachineError
from gatebench.launch import APP_PYTHON, SERVICE_URL, files_of
from gatebench.machine import PIN_OFF, our_cores, share_out, siblings
from gatebench.records import PGBOUNCER, SERVICE
from gatebench.refusals import last_said, told
from gatebench.run_folder import RunFolder
from gatebench.sheet import backlog, server_facts
from gatebench.stacks.environment import (
    app_environment,
    inherited,
    nginx_environment,
    pgbouncer_environment,
    postgres_settings,
)
from gatebench.stacks.postgres import LOOPBACK, Postgres, free_ports
from gatebench.stacks.prepared import Prepared, copy
from gatebench.stacks.processes import Processes
from gatebench.stacks.programs import find_nginx, find_pgbouncer, find_postgres
from gatebench.stacks.questions import Questions
from gatebench.stacks.wait import answers, wait_until
from gatebench.stored import COUNT, place_of
from gatebench.values.run_config import RunConfig
from gatebench.values.workload import Service, Write
from gatebench.virtual_environments import interpreter
from gatebench.waiting import Tell
from gatebench.watchdog import Watchdog, undisturbed

OPEN_FILES = 65_536
"""More than any profile asks for."""

NGINX_TEMPLATE = ROOT / "nginx" / "nginx.conf.template"
PGBOUNCER_TEMPLATE = ROOT / "pgbouncer" / "pgbouncer.ini.template"


class NativeStack:
    """PostgreSQL, the app server and Nginx, each a process with a log in the run folder."""

    def __init__(
        self, config: RunConfig, folder: RunFolder, watchdog: Watchdog, prepared: Prepared | None = None
    ) -> None:
        self.url = f"http://{LOOPBACK}:{config.port}"
        _forget_libpq_variables()
        self._config = config
        self._app = config.side.workload.app
        self._folder = folder
        self._programs = {"postgresql": find_postgres(), "nginx": find_nginx()}
        if config.side.footing.db == PGBOUNCER:
            self._programs[PGBOUNCER] = find_pgbouncer()
        with undisturbed():
            # Short on purpose: a Unix socket's path must fit into 107 bytes.
            self._state = Path(tempfile.mkdtemp(prefix="gatebench-"))
            watchdog.remove_folder(self._state)
        self._state.chmod(0o711)
        self._made = self._state / "made"  # what set-up leaves behind
        self._static = self._made / "static"
        self.cores = share_out(our_cores(), config.side.footing.workers, siblings()) if config.pin else PIN_OFF
        self._processes = Processes(folder, watchdog)
        postgres_port, self._app_port, self._service_port, self._pgbouncer_port = free_ports(4)
        self._prepared = prepared
        self._postgres = Postgres(
            self._programs["postgresql"],
            postgres_port,
            self._state,
            data=self._made / "data",
            password=prepared.password if prepared else secrets.token_urlsafe(24),
            processes=self._processes,
            settings=postgres_settings(config.side),
        )
        self._questions = Questions(self._postgres.connect, self.dead)
        self._load: subprocess.Popen[bytes] | None = None
        self._service = config.side.workload.service
        self._service_url = f"http://{LOOPBACK}:{self._service_port}"
        self._environment = {
            **app_environment(config.side),
            **self._postgres.environment,
            **({SERVICE_URL: self._service_url} if self._service else {}),
            **({"DATABASE_URL": self._postgres.url} if self._app.interpreter else {}),
            "PGBOUNCER_HOST": LOOPBACK,
            "PGBOUNCER_PORT": str(self._pgbouncer_port),
            "PYTHONPATH": str(PACKAGE.parent),
            "PYTHONUNBUFFERED": "1",
        }

    def up(self, tell: Tell) -> None:
        _raise_open_files_limit()
        if self._config.side.environment:
            self._environment[APP_PYTHON] = str(interpreter(self._config.side.environment, tell))
        self._prepare()
        self.query("SELECT 1")  # our own connection comes first: the app may take all that there are
        if self._app.interpreter and self._app.settings:  # of Gatebench's own app it is known
            self._run("preflight")
        if self._service:
            self._start_service(self._service)
        if PGBOUNCER in self._programs:
            self._start_pgbouncer()
        serve = self._launch("serve", "--host", LOOPBACK, "--port", str(self._app_port))
        self._processes.serve("app", serve, self._environment)
        if self.cores.app:
            os.sched_setaffinity(self.roles()["app"], self.cores.app)
        # Nginx comes last, so that its error log begins with the run and not with refused connections.
        self._wait_for_ready(f"http://{LOOPBACK}:{self._app_port}", self._config.side.server.name, log="app")
        self._start_nginx()
        self._wait_for_ready(self.url, "Nginx", log="nginx-error")

    def versions(self) -> dict[str, str]:
        environment = inherited() | self._environment
        answer = subprocess.run(self._launch("versions"), env=environment, capture_output=True, check=True, cwd=ROOT)
        programs = {name: str(program) for name, program in self._programs.items()}
        return {**programs, **json.loads(answer.stdout)}

    def query(self, sql: str, limit_s: float | None = None) -> str:
        return self._questions.ask(sql, limit_s)

    def stored(self, write: Write, limit_s: float | None = None) -> int:
        if write.sql is not None:
            return int(self.query(write.sql, limit_s))
        what, place = place_of(write)
        return COUNT[what](Path(files_of(str(self._static))) / place)

    def news(self) -> list[str]:
        return [*self._questions.news(), *self._processes.news()]

    def roles(self) -> dict[str, int]:
        return {**self._processes.roles(), **({"generator": self._load.pid} if self._load else {})}

    def sheet(self) -> dict[str, Any]:
        return {
            **server_facts(self.roles()["app"], self._app_port, self._app.ready_path),
            "nginx backlog": backlog(self._config.port),
            "postgres max_connections": int(self.query("SHOW max_connections")),
        }

    def environments(self) -> dict[str, dict[str, str]]:
        given = {"generator" if name == "load" else name: one for name, one in self._processes.environments.items()}
        return {name: one for name, one in given.items() if name in (*self.roles(), "generator")}

    def rehearse(self, several: bool = False) -> str:
        name = "warm-up" if several else "rehearsal"
        command = [sys.executable, "-m", "gatebench.load.rehearsal", str(self._folder.path), "--host", self.url]
        self._processes.run(name, [*command, *["--several"] * several], env={"PYTHONPATH": str(PACKAGE.parent)})
        return self._folder.log(name).read_text()

    def start_load(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gatebench.load", str(self._folder.path), "--host", self.url]
        self._load = self._processes.start("load", command, env={"PYTHONPATH": str(PACKAGE.parent)})
        if SERVICE in (roles := self._processes.roles()):
            os.kill(roles[SERVICE], signal.SIGUSR1)
        return self._load

    def stop_load(self) -> None:
        if self._load and self._load.poll() is None:
            self._load.terminate()

    def dead(self) -> str | None:
        return self._processes.dead()

    def _launch(self, what: str, *options: str) -> list[str]:
        return [sys.executable, "-m", "gatebench.launch", what, "--static", str(self._static), *options]

    def _wait_for_ready(self, url: str, who: str, log: str) -> None:
        wait_until(
            lambda: answers(url + self._app.ready_path),
            what=f"{who} to answer {self._app.ready_path}",
            dead=self.dead,
            log=self._folder.log(log),
        )

    def _prepare(self) -> None:
        """A database that serves what set-up makes: made, or copied from an earlier run of the campaign."""
        kept = self._prepared.folder(self._config.side) if self._prepared else None
        if kept and kept.is_dir():
            copy(kept, self._made)
            self._postgres.serve()
            return
        self._made.mkdir()
        self._made.chmod(0o711)
        Path(files_of(str(self._static))).mkdir()
        self._postgres.create()
        self._run("setup")
        if self._prepared:
            self._postgres.stop()
            self._prepared.keep(self._config.side, self._made)
            self._postgres.serve()

    def _run(self, what: str) -> None:
        """Runs `python -m gatebench.launch` to its end; raises MachineError with what it said last."""
        if self._processes.run(what, self._launch(what), self._environment):
            log = self._folder.log(what)
            sentence = told(
                last_said(log.read_text()), self._app.interpreter or sys.executable, "mend it, then run again"
            )
            raise MachineError(f"{sentence} The whole of it is in {log}.")

    def _start_service(self, service: Service) -> None:
        command = [sys.executable, "-m", "gatebench.launch", "service", "--port", str(self._service_port)]
        environment = {**app_environment(self._config.side), "PYTHONPATH": str(PACKAGE.parent), "PYTHONUNBUFFERED": "1"}
        self._processes.serve(SERVICE, command, environment, may_end=True)
        wait_until(
            lambda: answers(self._service_url + service.ready_path),
            what=f"the service to answer {service.ready_path}",
            dead=lambda: self._processes.end_of(SERVICE),
            log=self._folder.log(SERVICE),
        )

    def _start_pgbouncer(self) -> None:
        home = self._state / "pgbouncer"
        home.mkdir()
        users, configuration = home / "users", home / "pgbouncer.ini"
        values = {
            **pgbouncer_environment(self._config.side),
            "PGBOUNCER_DATABASE": self._postgres.environment["PGDATABASE"],
            "PGBOUNCER_POSTGRES_HOST": LOOPBACK,
            "PGBOUNCER_POSTGRES_PORT": self._postgres.environment["PGPORT"],
            "PGBOUNCER_LISTEN": LOOPBACK,
            "PGBOUNCER_PORT": str(self._pgbouncer_port),
            "PGBOUNCER_USERS": str(users),
        }
        users.touch(mode=0o600)
        users.write_text(self._postgres.login())
        configuration.write_text(_filled(PGBOUNCER_TEMPLATE, values))
        for path in (home, users, configuration):
            self._postgres.give(path)
        command = [str(self._programs[PGBOUNCER].path), str(configuration)]
        self._processes.serve(PGBOUNCER, command, env={"TZ": "UTC"}, cwd=home, **self._postgres.account)
        wait_until(
            self._postgres.answers_at(values["PGBOUNCER_DATABASE"], self._pgbouncer_port),
            what="PgBouncer to answer",
            dead=self.dead,
            log=self._folder.log(PGBOUNCER),
        )

    def _start_nginx(self) -> None:
        home = self._state / "nginx"
        home.mkdir()
        values = {
            **nginx_environment(self._config.side),
            "NGINX_APP": f"{LOOPBACK}:{self._app_port}",
            "NGINX_LISTEN": f"{LOOPBACK}:{self._config.port}",
            "NGINX_STATIC": str(self._static),
            "NGINX_STATE": str(home),
            "NGINX_ACCESS_LOG": str(self._folder.proxy_log),
            "NGINX_ERROR_LOG": str(self._folder.nginx_error_log),
        }
        configuration = home / "nginx.conf"
        configuration.write_text(_filled(NGINX_TEMPLATE, values))
        # As root the workers stay root: Nginx's own default account does not exist on every system.
        account = f" user root {grp.getgrgid(0).gr_name};" if os.geteuid() == 0 else ""
        error_log = str(self._folder.nginx_error_log)
        command = [str(self._programs["nginx"].path), "-p", str(home), "-e", error_log, "-c", str(configuration)]
        self._processes.serve("nginx", [*command, "-g", f"daemon off;{account}"], env={"TZ": "UTC"})


def _filled(template: Path, values: Mapping[str, str]) -> str:
    """With the values in the places of their names, which are in capitals."""
    return re.sub(r"\$\{([A-Z_]+)\}", lambda found: values[found[1]], template.read_text())


def _forget_libpq_variables() -> None:
    """Gatebench's own connections are to its own PostgreSQL, and PGHOSTADDR, PGSSLMODE and others would change that."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def _raise_open_files_limit() -> None:
    """Every user is a connection: children inherit the most that this machine allows without root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    with contextlib.suppress(ValueError, OSError):  # macOS has a lower limit that getrlimit does not tell
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
