"""What the tests of the compose stack ask the engine for, and why they are skipped where none answers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gatebench import ROOT
from gatebench.run_folder import RunFolder
from gatebench.stacks.engine import why_not

WHY_NOT = why_not()
needs_engine = pytest.mark.skipif(WHY_NOT is not None, reason=f"the compose stack is not tested: {WHY_NOT}")

KNOBS = {"STACK": "compose", "SETTLE": "1", "HOLD": "2"}


def docker(*arguments: str, **options: Any) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, cwd=ROOT, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def bare_environment(**more: str) -> dict[str, str]:
    """A shell in which nothing is set that the compose files could read."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | more


def resolved(file: str, *options: str) -> dict[str, Any]:
    """A compose file as Compose itself understands it, with no variable set."""
    text = docker("compose", "-f", file, *options, "config", "--format", "json", env=bare_environment())
    return dict(json.loads(text))


def containers(folder: RunFolder) -> list[str]:
    return docker("ps", "--all", "--filter", f"name={folder.path.name}", "--format", "{{.Names}}").split()


def volumes_of(container: str) -> list[str]:
    """The volumes, with and without a name of their own, that a container uses."""
    form = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}'
    return docker("inspect", "--format", form, container).split()


def leftovers(folder: RunFolder) -> list[str]:
    """Containers, networks and named volumes of a run that are still there."""
    mine = ("--filter", f"name={folder.path.name}", "--quiet")
    return [name for kind in ("container", "network", "volume") for name in listed(kind, *mine)]


def listed(kind: str, *options: str) -> list[str]:
    return docker(kind, "ls", *(["--all"] if kind == "container" else []), *options).split()


def owners(path: Path) -> set[int]:
    return {one.stat().st_uid for one in [path, *path.rglob("*")]}
