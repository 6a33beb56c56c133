"""The stack as containers: docker-compose.{wsgi,asgi}.yml plus compose/run.yml, a Compose project of the run's own."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any

from gatebench import ROOT
from gatebench.errors import MachineError, ServiceDiedError, UsageError
from gatebench.launch import SERVICE_URL, files_of
from gatebench.machine import PIN_OFF, Cores, share_out, siblings
from gatebench.records import PGBOUNCER, SERVICE, SOME_ROLES
from gatebench.run_folder import RunFolder
from gatebench.stacks.engine import why_not
from gatebench.stacks.environment import (
    app_environment,
    as_recorded,
    docker_environment,
    nginx_environment,
    pgbouncer_environment,
    postgres_settings,
)
from gatebench.stacks.processes import Processes
from gatebench.stacks.questions import LOCK_S, LockedError, LostError, Questions
from gatebench.stacks.wait import PATIENCE_S, last_lines
from gatebench.stored import place_of
from gatebench.values.run_config import RunConfig
from gatebench.values.side import Side
from gatebench.values.workload import Write
from gatebench.waiting import Tell
from gatebench.watchdog import Watchdog, undisturbed

SERVICES = ("postgres", PGBOUNCER, "app", "nginx")
"""In the order in which they start: the first that is not well is why the others are not."""

STATIC = "/srv/static"
"""Where the app's container has its static files, as compose/common.yml says."""

LAST_WORDS_S = 2.0
"""How long the log of a container that has ended is waited for."""

_PORT_TAKEN = re.compile(r"address already in use|port is already allocated")


class ComposeStack:
    """PostgreSQL, the app server and Nginx, each a container whose output is in the run folder."""

    def __init__(self, config: RunConfig, folder: RunFolder, watchdog: Watchdog) -> None:
        _refuse_what_no_image_holds(config.side)
        if (missing := why_not()) is not None:
            raise MachineError(
                f"The compose stack needs a Docker engine, and {missing}: start or install one, or use STACK=native."
            )
        self.url = f"http://127.0.0.1:{config.port}"
        self.cores = _share_out_engine(config.side.footing.workers) if config.pin else PIN_OFF
        self._config = config
        self._app = config.side.workload.app
        self._beside = [SERVICE] * (config.side.workload.service is not None)
        self._beside += [PGBOUNCER] * (config.side.footing.db == PGBOUNCER)
        self._folder = folder
        self._watchdog = watchdog
        # Another checkout may start a run in the same second: its folder is called the same.
        self._project = f"gatebench-{folder.path.name}-{secrets.token_hex(3)}"
        self._environment = {
            **docker_environment(),
            **app_environment(config.side),
            **nginx_environment(config.side),
            **pgbouncer_environment(config.side),
            "DB_CONNECTIONS": postgres_settings(config.side)["max_connections"],
            "GATEBENCH_PORT": str(config.port),
            "GATEBENCH_UI_PORT": str(config.ui_port),
            "APP_CORES": ",".join(map(str, self.cores.app)),
            "OTHER_CORES": ",".join(map(str, self.cores.others)),
            "APP_WITH": " ".join(config.side.environment.packages) if config.side.environment else "",
            "RUN_FOLDER": str(folder.path),
            "RUN_AS": _who_owns_files(),
            SERVICE_URL: f"http://{SERVICE}:8001" if SERVICE in self._beside else "",
            "COMPOSE_PROFILES": "",  # an .env file that has switched on `load` would start it with the rest
        }
        self._questions = Questions(lambda: _Psql(self._container("postgres"), watchdog), self.dead)
        self._pids: dict[str, int] = {}
        self._given: dict[str, dict[str, str]] = {}
        self._elsewhere = False  # the engine runs on another kernel: its processes cannot be seen
        self._processes = Processes(folder, watchdog)
        self._followers: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: _Deaths | None = None
        self._load: subprocess.Popen[bytes] | None = None

    def up(self, tell: Tell) -> None:
        began = time.time()
        down = self._compose("--profile", "load", "down", "--volumes", "--timeout", "1", "--remove-orphans")
        self._watchdog.run_command(down, self._environment)
        tell("Building the images")
        self._build()
        tell("Starting the containers")
        self._start()
        for service in self._services():
            self._follow(service)
        self._deaths = _Deaths(self._project, began, self._watchdog)
        # A second time, because the newest comes down first: the followers must outlive what they follow. The first
        # one, which comes last, then takes what a starting container may have left while it was interrupted.
        self._watchdog.run_command(down, self._environment)

    def versions(self) -> dict[str, str]:
        return {
            "postgresql": f"{self.query('SHOW server_version').split()[0]} (image postgres:17)",
            "nginx": f"{self._exec('nginx', 'nginx', '-v').rpartition('/')[2]} (image nginx:1.28)",
            **self._version_of_pgbouncer(),
            **json.loads(self._exec("app", "python", "-m", "gatebench.launch", "versions")),
            "docker": _answer("docker", "version", "--format", "{{.Server.Version}}"),
            "docker-compose": _answer("docker", "compose", "version", "--short"),
        }

    def query(self, sql: str, limit_s: float | None = None) -> str:
        return self._questions.ask(sql, limit_s)

    def stored(self, write: Write, limit_s: float | None = None) -> int:
        if write.sql is not None:
            return int(self.query(write.sql, limit_s))
        what, place = place_of(write)
        return int(self._exec("app", "python", "-m", "gatebench.stored", what, f"{files_of(STATIC)}/{place}"))

    def news(self) -> list[str]:
        return [*self._questions.news(), *(self._deaths.news() if self._deaths else [])]

    def roles(self) -> dict[str, int]:
        for role, service in self._by_role().items():
            if role in self._pids or self._elsewhere or (found := _first_process(self._container(service))) is None:
                continue
            pid, container = found
            if _is_here(pid, container):
                self._pids[role] = pid
            else:  # one look is enough: this is asked twice a second
                self._elsewhere = True
        return dict(self._pids)

    def sheet(self) -> dict[str, Any]:
        return {
            **json.loads(self._exec("app", "python", "-m", "gatebench.sheet", "8000", self._app.ready_path)),
            "nginx backlog": self._nginx_backlog(),
            "postgres max_connections": int(self.query("SHOW max_connections")),
        }

    def _version_of_pgbouncer(self) -> dict[str, str]:
        if PGBOUNCER not in self._beside:
            return {}
        return {PGBOUNCER: self._exec(PGBOUNCER, "pgbouncer", "--version").split()[1]}

    def _nginx_backlog(self) -> int:
        """Nginx's image has no Python: the app's looks, from inside of Nginx's network."""
        look = "from gatebench.sheet import backlog; print(backlog(8080))"
        # The image carries the labels of the app's service; this container's end is not the app's.
        run = ("docker", "run", "--rm", "--label", "com.docker.compose.service=sheet")
        network = ("--network", f"container:{self._container('nginx')}")
        return int(_answer(*run, *network, self._environment["APP_IMAGE"], "python", "-c", look))

    def environments(self) -> dict[str, dict[str, str]]:
        for role, service in self._by_role().items():
            if role not in self._given and (given := _given(role, self._container(service))) is not None:
                self._given[role] = given
        return dict(self._given)

    def rehearse(self, several: bool = False) -> str:
        name = "warm-up" if several else "rehearsal"
        rehearsal = ["python", "-m", "gatebench.load.rehearsal", "/run-folder", "--host", "http://nginx:8080"]
        run = ["run", "--rm", "--no-deps", "--no-TTY", "--name", self._container(name), "load"]
        self._run(name, self._compose(*run, *rehearsal, *["--several"] * several))
        return self._folder.log(name).read_text()

    def start_load(self) -> subprocess.Popen[bytes]:
        ports = [] if self._config.headless else ["--service-ports"]
        run = self._compose("run", "--rm", "--no-deps", "--no-TTY", *ports, "--name", self._container("load"), "load")
        self._load = self._start_process("load", run)
        if SERVICE in self._beside:
            kill = ["docker", "kill", "--signal", "USR1", self._container(SERVICE)]
            subprocess.run(kill, capture_output=True, check=False)
        return self._load

    def stop_load(self) -> None:
        if self._load is None or self._load.poll() is not None:
            return
        # Not by the client: `docker compose run` does not pass SIGTERM on.
        kill = ["docker", "kill", "--signal", "TERM", self._container("load")]
        if subprocess.run(kill, capture_output=True, check=False).returncode:
            self._load.terminate()  # there is no container yet

    def dead(self) -> str | None:
        first = self._deaths.first() if self._deaths else None
        if first is None:
            return None
        service, code = first
        if service is None:
            return f"the Docker engine went away (`docker events` ended with code {code})."
        self._wait_for_last_words(service)
        log = self._folder.log(service)
        return f"{service} ended with code {code}; its log {log} ends:\n{last_lines(log)}"

    def _build(self) -> None:
        bouncer = [PGBOUNCER] if PGBOUNCER in self._beside else []
        if self._run("build", self._compose("--progress", "plain", "build", "app", "load", *bouncer)):
            log = self._folder.log("build")
            raise MachineError(
                f"The images could not be built; {log} ends:\n{last_lines(log)}\n"
                "Mend that (is the network there?) and run again, or use STACK=native."
            )
        # By their ids: another checkout's build takes the names, and its code would be measured here.
        for service in ("app", "load", *bouncer):
            self._environment[f"{service.upper()}_IMAGE"] = _image(f"gatebench-{service}")

    def _start(self) -> None:
        up = self._compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", f"{PATIENCE_S:.0f}")
        if self._run("compose", up):
            raise MachineError(self._why_not_up())

    def _why_not_up(self) -> str:
        for service in self._services():
            self._follow(service)
        log = self._folder.log("compose")
        if _PORT_TAKEN.search(log.read_text(errors="replace")):
            port = self._config.port
            return f"Port {port} was taken while the stack started: free it, or give another as in PORT={port + 1000}."
        for service in self._services():
            what = _state(self._container(service))
            if what is not None:
                self._wait_for_last_words(service)
                log = self._folder.log(service)
                return f"The stack did not come up: {service} {what}; its log {log} ends:\n{last_lines(log)}"
        return f"The stack did not come up; {log} ends:\n{last_lines(log)}"

    def _services(self) -> list[str]:
        """Those of this run, in the order in which they start; the service beside the app last."""
        return [service for service in (*SERVICES, SERVICE) if service not in SOME_ROLES or service in self._beside]

    def _by_role(self) -> dict[str, str]:
        return {**{service: service for service in self._services()}, "generator": "load"}

    def _follow(self, service: str) -> None:
        """Has everything that a container says, from its start to its end, written into the run folder."""
        command = ["docker", "logs", "--follow", self._container(service)]
        self._followers[service] = self._start_process(service, command)

    def _wait_for_last_words(self, service: str) -> None:
        """A container that has ended ends its follower, whose log is then complete; one that lives keeps it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._followers[service].wait(LAST_WORDS_S)

    def _compose(self, *arguments: str) -> list[str]:
        files = (ROOT / f"docker-compose.{self._config.side.server.interface}.yml", ROOT / "compose" / "run.yml")
        options = [word for file in files for word in ("--file", str(file))]
        options += [word for service in self._beside for word in ("--profile", service)]
        return ["docker", "compose", "--project-name", self._project, *options, *arguments]

    def _container(self, service: str) -> str:
        return f"{self._project}-{service}-1"

    def _exec(self, service: str, *command: str) -> str:
        """What a command in a container says; raises ServiceDiedError when it fails."""
        answer = subprocess.run(
            ["docker", "exec", self._container(service), *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            why = self.dead() or f"`{command[0]}` failed in {service}:\n{answer.stderr.strip()}"
            raise ServiceDiedError(f"The stack broke: {why}")
        return (answer.stdout or answer.stderr).strip()  # `nginx -v` answers on stderr

    def _run(self, name: str, command: list[str]) -> int:
        """Runs a command to its end, or to the end of the runner; returns its exit code."""
        with self._start_process(name, command) as process:
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.terminate()
                raise

    def _start_process(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        return self._processes.start(name, command, self._environment)


class _Psql:
    """A psql that is kept, inside PostgreSQL's container: by its Unix socket, which needs no password there."""

    END = "-- end of the answer --"
    LOCKED = "canceling statement due to lock timeout"

    def __init__(self, container: str, watchdog: Watchdog) -> None:
        command = ["docker", "exec", "--interactive", "--env", f"PGOPTIONS=-c lock_timeout={LOCK_S}s", container,
                   "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
                   "--username", "polls", "--dbname", "polls"]  # fmt: skip
        with undisturbed():
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                start_new_session=True,
            )  # fmt: skip
            watchdog.end_process(self._process)

    def ask(self, sql: str) -> str:
        """Raises LostError with psql's last words when it has ended."""
        assert self._process.stdin
        assert self._process.stdout
        said: list[str] = []
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{' '.join(sql.split())};\n\\echo {self.END}\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            if line.strip() == self.END:
                return self._answer(said)
            said.append(line.strip())
        self._process.wait()
        raise LostError(said[0].removeprefix("FATAL:").strip() if said else "psql ended")

    def _answer(self, said: list[str]) -> str:
        if said and self.LOCKED in said[0]:
            raise LockedError
        if len(said) != 1 or said[0].startswith("ERROR:"):
            raise ServiceDiedError(f"PostgreSQL answered a question of Gatebench's with {' '.join(said)!r}.")
        return said[0]


class _Deaths:
    """Hears of each container of a project that ends, without asking the engine again and again."""

    def __init__(self, project: str, since: float, watchdog: Watchdog) -> None:
        command = [
            "docker", "events", "--since", f"{since:.3f}", "--filter", "type=container", "--filter", "event=die",
            "--filter", f"label=com.docker.compose.project={project}",
            "--format", '{{index .Actor.Attributes "com.docker.compose.service"}} {{.Actor.Attributes.exitCode}}',
        ]  # fmt: skip
        with undisturbed():
            self._events = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
            watchdog.end_process(self._events)
        assert self._events.stdout
        self._pipe = self._events.stdout.fileno()
        os.set_blocking(self._pipe, False)
        self._heard = b""
        self._told = 0

    def first(self) -> tuple[str | None, str] | None:
        """The first service that ended, and its exit code; no service when it is the engine that has gone."""
        for service, code in self._all():
            if service in SERVICES:  # the load's own end is what a run waits for
                return service, code
        if (ended := self._events.poll()) is not None:
            return None, str(ended)
        return None

    def news(self) -> list[str]:
        """A sentence on the end of the service beside the app, once."""
        ended = [code for service, code in self._all() if service == SERVICE]
        at = time.strftime("%H:%M:%S", time.gmtime())
        new = [f"The {SERVICE} ended with code {code} at {at} UTC, and the run went on without it." for code in ended]
        new, self._told = new[self._told :], len(ended)
        return new

    def _all(self) -> list[tuple[str, str]]:
        """Who has ended, and the exit code, in their order."""
        with contextlib.suppress(BlockingIOError):
            self._heard += os.read(self._pipe, 65536)
        whole = self._heard.decode().rpartition("\n")[0].splitlines()
        return [(service, code) for service, _, code in (line.strip().partition(" ") for line in whole)]


def _refuse_what_no_image_holds(side: Side) -> None:
    """Raises UsageError for an app or a locustfile that lies elsewhere, or an app with an interpreter of its own."""
    workload = side.workload
    if side.environment and side.environment.python:
        raise UsageError(
            f"PYTHON={side.environment.python} is for local processes, and the images have a Python of their own: give "
            "STACK=native, or leave PYTHON out."
        )
    elsewhere = any(Path(path).is_absolute() for path in (workload.app.folder, workload.locustfile))
    if elsewhere or workload.app.interpreter:
        raise UsageError(
            f"The images hold what is in this checkout and an interpreter of their own, and WORKLOAD={workload.name} "
            "has its app, its locustfile or its interpreter elsewhere: give STACK=native."
        )


def _state(container: str) -> str | None:
    """What is wrong with a container, as the end of a sentence; None when nothing is, or when there is no container."""
    form = "{{.State.Status}} {{.State.ExitCode}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"
    answer = subprocess.run(
        ["docker", "inspect", "--format", form, container], capture_output=True, text=True, check=False
    ).stdout.split()
    if answer[:1] == ["exited"]:
        return f"ended with code {answer[1]}"
    if answer[:1] == ["running"] and answer[2:] != ["healthy"]:
        return "did not get ready"
    return None


def _image(name: str) -> str:
    return _answer("docker", "image", "inspect", "--format", "{{.Id}}", name)


def _first_process(container: str) -> tuple[int, str] | None:
    """The id of a running container's first process, as its engine has it, and the container's own; None without."""
    form = "{{.State.Pid}} {{.Id}}"
    answer = subprocess.run(
        ["docker", "inspect", "--format", form, container], capture_output=True, text=True, check=False
    ).stdout.split()
    return (int(answer[0]), answer[1]) if len(answer) == 2 and answer[0] != "0" else None


def _is_here(pid: int, container: str) -> bool:
    """Whether that process is one of this machine's own."""
    try:
        return container in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False


def _given(role: str, container: str) -> dict[str, str] | None:
    """The environment that a container was given, by its image and by Compose; None when there is no container."""
    inspect = ["docker", "inspect", "--format", "{{json .Config.Env}}", container]
    answer = subprocess.run(inspect, capture_output=True, text=True, check=False)
    if answer.returncode:
        return None
    return as_recorded(role, dict(word.split("=", 1) for word in json.loads(answer.stdout) or []))


def _share_out_engine(workers: int) -> Cores:
    """Of the engine's machine. Which of its CPUs are one core is known where it runs on the kernel that we run on."""
    count, kernel = _answer("docker", "info", "--format", "{{.NCPU}} {{.KernelVersion}}").split()
    return share_out(range(int(count)), workers, siblings() if kernel == platform.release() else {})


def _who_owns_files() -> str:
    """The uid:gid in a container whose files belong to this person. A rootless engine's root is the person."""
    if "rootless" in _answer("docker", "info", "--format", "{{json .SecurityOptions}}"):
        return "0:0"
    return f"{os.getuid()}:{os.getgid()}"


def _answer(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout.strip()
