"""A person's own project: what [tool.gatebench] says, what its manage.py tells, and the Workload made of both.

Every mistake in it is one UsageError sentence with the next step.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gatebench.errors import UsageError
from gatebench.knobs import resolve_server
from gatebench.launch import ELSEWHERE, INSIDE, READY_PATH
from gatebench.layers import DRIVER, POOL, layers, pinned
from gatebench.refusals import last_said, told
from gatebench.run_folder import OWN_RESULTS
from gatebench.stacks.environment import inherited
from gatebench.values.app import App
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface
from gatebench.values.workload import Objective, Workload, Write
from gatebench.waiting import Tell

OWN_FILE, PYPROJECT = "gatebench.toml", "pyproject.toml"

ENVIRONMENTS = (".venv", "venv", "env")
"""Where a project's virtual environment is looked for, below its folder."""

PROBE_S = 60


@dataclass(frozen=True, slots=True)
class Project:
    """A project's configuration, with defaults for what it does not say."""

    name: str
    folder: Path  # of manage.py
    python: Path
    locustfile: Path
    settings: str | None = None  # None: what manage.py takes
    setup: tuple[str, ...] = ()  # scripts and management commands, after migrate and collectstatic
    env: Mapping[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()  # settings that a run does not change
    writes: tuple[Write, ...] = ()
    objective: Objective = field(default_factory=Objective)


def find(start: Path) -> Path:
    """The folder of the manage.py that is nearest: in a folder or above it."""
    for folder in (start, *start.parents):
        if (folder / "manage.py").is_file():
            return folder
    raise UsageError(f"There is no manage.py in {start} or above it: go to your project's folder, then run again.")


def read(folder: Path) -> Project:
    """From gatebench.toml, or from [tool.gatebench] of pyproject.toml."""
    path, table = _table(folder)
    if unknown := [name for name in table if name not in _KINDS]:
        near = difflib.get_close_matches(unknown[0], _KINDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_KINDS)}."
        raise UsageError(f"{unknown[0]} in {path} is not known: {hint}")
    for name, value in table.items():
        if not _KINDS[name].fits(value):
            raise UsageError(f"{name} in {path} is not {_KINDS[name].what}: give it as in {_KINDS[name].example}.")
    if "locustfile" not in table:
        raise UsageError(f"{path} names no locustfile: `gatebench init` writes a first one.")
    locustfile = folder / table["locustfile"]
    if not locustfile.is_file():
        raise UsageError(f"There is no locustfile {locustfile}: mend locustfile in {path}.")
    return Project(
        name=folder.name,
        folder=folder,
        python=environment_of(folder, table.get("python")),
        locustfile=locustfile,
        settings=table.get("settings"),
        setup=tuple(table.get("setup", ())),
        env=table.get("env", {}),
        keep=tuple(table.get("keep", ())),
        writes=tuple(Write(**one) for one in table.get("writes", ())),
        objective=Objective(**table.get("objective", {})),
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """What the value of a key must be, and how it is written."""

    what: str
    example: str
    of: type[Any]
    each: type[Any] | None = None
    names: tuple[str, ...] = ()  # of a table, or of each table in a list

    def fits(self, value: Any) -> bool:
        if not isinstance(value, self.of):
            return False
        if self.names and self.of is dict:
            return set(value) <= set(self.names)
        if self.names:
            return all(isinstance(one, dict) and set(one) == set(self.names) for one in value)
        parts = value.values() if self.of is dict else value if self.of is list else ()
        return self.each is None or all(isinstance(one, self.each) for one in parts)


_KINDS = {
    "locustfile": Kind("a path", 'locustfile = "bench/locustfile.py"', str),
    "settings": Kind("the name of a module", 'settings = "shop.settings.production"', str),
    "python": Kind("a path", 'python = ".venv/bin/python"', str),
    "setup": Kind("a list of scripts and management commands", 'setup = ["bench/seed.py"]', list, str),
    "env": Kind("a table of texts", 'env = {SITE_NAME = "shop"}', dict, str),
    "keep": Kind("a list of names of settings", 'keep = ["CACHES"]', list, str),
    "writes": Kind(
        "a list of tables with name and sql",
        'writes = [{name = "add author", sql = "SELECT count(*) FROM catalog_author"}]',
        list,
        names=("name", "sql"),
    ),
    "objective": Kind(
        "a table with failures_pct or p95_ms", "objective = {p95_ms = 500}", dict, names=("failures_pct", "p95_ms")
    ),
}
"""Key -> what it may be. docs/your-project.md has a row for each."""


def configured(folder: Path) -> Path | None:
    """The file that says what to measure; None where there is none."""
    found = _found(folder)
    return found[0] if found else None


def _table(folder: Path) -> tuple[Path, dict[str, Any]]:
    if found := _found(folder):
        return found
    raise UsageError(f"Nothing in {folder} says what to measure: `gatebench init` writes [tool.gatebench].")


def _found(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    for path, inside in ((folder / OWN_FILE, ()), (folder / PYPROJECT, ("tool", "gatebench"))):
        if path.is_file():
            try:
                table: Any = tomllib.loads(path.read_text())
            except tomllib.TOMLDecodeError as error:
                raise UsageError(f"{path} is no TOML ({error}): mend it, then run again.") from error
            for name in inside:
                table = table.get(name) if isinstance(table, dict) else None
            if table is not None:
                return path, dict(table)
    return None


def environment_of(folder: Path, given: str | None) -> Path:
    """The project's Python: the one that is given, or of the virtual environment in its folder, or of the one that is
    activated and not Gatebench's own; raises UsageError.
    """
    if given is not None:
        python = folder / given
        if not python.is_file():
            raise UsageError(f"There is no Python {python}: mend python in [tool.gatebench].")
        return python
    activated = Path(os.environ.get("VIRTUAL_ENV") or sys.prefix)
    ours = activated.resolve() == Path(sys.prefix).resolve()
    for environment in (*(folder / name for name in ENVIRONMENTS), *[activated] * (not ours)):
        if (python := environment / "bin" / "python").is_file():
            return python
    raise UsageError(f"{folder} has no virtual environment: make or activate one, or give python in [tool.gatebench].")


def probe(project: Project) -> dict[str, Any]:
    """What the project is, as its own interpreter says (gatebench/inside/gatebench_inside/probe.py)."""
    settings = {"DJANGO_SETTINGS_MODULE": project.settings} if project.settings else {}
    try:
        done = subprocess.run(
            [str(project.python), "-m", "gatebench_inside", "probe"],
            cwd=project.folder,
            env={**inherited(), **project.env, **settings, "PYTHONPATH": str(INSIDE), **ELSEWHERE},
            capture_output=True,
            text=True,
            timeout=PROBE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"{project.folder}/manage.py did not end within {PROBE_S} s: run it by hand.") from error
    if done.returncode:
        said = f"{project.folder}/manage.py does not run: {last_said(done.stderr)}"
        raise UsageError(told(said, str(project.python), f"run it by hand, with {project.python}"))
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def workload_of(project: Project, found: Mapping[str, Any]) -> Workload:
    """What the users of the project's locustfile do to it."""
    collect = ["collectstatic --no-input --verbosity 0"] * ("django.contrib.staticfiles" in found["apps"])
    app = App(
        name=project.name,
        folder=str(project.folder),
        applications={Interface(name): path for name, path in found["applications"].items()},
        ready_path=READY_PATH,
        visits=(),
        setup=("migrate --no-input --verbosity 0", *collect, *map(_literal, project.setup)),
        environment={name: _literal(value) for name, value in project.env.items()},
        packages=tuple(found["packages"]),
        interpreter=str(project.python),
        static_url=found["static_url"] or "/static/",
        media_url=found["media_url"] if found["media_url"] not in ("", "/") else None,
        settings=project.settings or found["settings"],
        keep=project.keep,
    )
    return Workload(
        name=project.name,
        app=app,
        locustfile=str(project.locustfile),
        objective=project.objective,
        writes=project.writes,
    )


def _literal(text: str) -> str:
    """As it stands, where an App has {places}."""
    return text.replace("{", "{{").replace("}", "}}")


@dataclass(frozen=True, slots=True)
class Own:
    """A project, looked at: what its users do to it, and how it can be served."""

    project: Project
    workload: Workload
    db: str  # how connections are made where nobody says otherwise
    installed: Mapping[str, str]  # package -> version of its environment
    doubts: tuple[str, ...] = ()  # a sentence each, for whoever starts a run
    revision: str = ""  # in git, where one was asked for

    def results(self) -> Path:
        """Where run folders are made: a folder that git passes over, though no file of the project says so."""
        folder = self.project.folder / OWN_RESULTS
        folder.mkdir(exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
        return folder

    def at(self, revision: str, folder: Path) -> Own:
        """The project as it is at a revision, in that folder: with the interpreter and the users of today."""
        there = replace(self.project, folder=folder)
        return replace(_looked_at(there), revision=revision)

    def side_of(
        self, server: str, knobs: Mapping[str, str], engine_answers: Callable[[], bool], tell: Tell
    ) -> RunConfig:
        config = self.with_layers(resolve_server(server, knobs, engine_answers, self.workload), tell)
        label = f"{config.side.label} ({self.revision})"
        return replace(config, side=replace(config.side, revision=self.revision, label=label))

    def with_layers(self, config: RunConfig, tell: Tell = lambda _: None) -> RunConfig:
        """With the packages that the side's server needs, and the driver or its pool where the project has none."""
        side = config.side
        if config.stack != "native":
            raise UsageError(
                "A project of your own is measured as local processes: leave STACK out, or give STACK=native."
            )
        if side.footing.db == "pool" and self.db != "pool":
            raise UsageError(
                f"DB=pool needs psycopg 3 and Django 5.1; the project has {self._has()}: give DB=per-request."
            )
        beside = [] if _driver(self.installed) else [DRIVER, f"{DRIVER}-binary"]
        if side.footing.db == "pool" and POOL not in self.installed:
            beside.append(POOL)
        beside += [name for name in (side.bridge.packages if side.bridge else ()) if name not in self.installed]
        made = layers(self.project.python, pinned(side.server.packages), pinned(beside), self.installed, tell)
        app = replace(side.workload.app, front=(str(made.front),), back=(str(made.back),))
        return replace(config, side=replace(side, workload=replace(side.workload, app=app)))

    def _has(self) -> str:
        """As in "psycopg2 2.9.9 and Django 5.1.4"."""
        name = _driver(self.installed) or DRIVER
        return f"{name.removesuffix('-binary')} {self.installed.get(name, '')} and Django {self.installed['django']}"


def own_project(start: Path) -> Own:
    """Raises UsageError for whatever is wrong with it."""
    return _looked_at(read(find(start)))


def _looked_at(project: Project) -> Own:
    found = probe(project)
    installed = {name.lower().replace("_", "-"): version for name, version in found["installed"].items()}
    doubts = (FORGETFUL,) if found["forgetful"] else ()
    return Own(project, workload_of(project, found), _db_of(found["django"], installed), installed, doubts)


FORGETFUL = (
    "Sessions are in a cache that each process has for itself: with several workers users are logged out now and then. "
    "Give a cache that all share by env, or WORKERS=1."
)


def _db_of(django: str, installed: Mapping[str, str]) -> str:
    """Pooled where Django can: 5.1 or newer, with psycopg 3."""
    version = tuple(int(part) for part in django.split(".")[:2])
    return "pool" if version >= (5, 1) and _driver(installed) in (None, DRIVER) else "per-request"


def _driver(installed: Mapping[str, str]) -> str | None:
    """The one that Django takes: psycopg 3 where there are both."""
    return next((name for name in (DRIVER, "psycopg2", "psycopg2-binary") if name in installed), None)
