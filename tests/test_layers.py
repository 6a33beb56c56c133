"""Imports point one way, and each half of Gatebench keeps to its own libraries."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from gatebench import ROOT

PACKAGE = ROOT / "gatebench"
ANALYSIS = PACKAGE / "analysis"
MODULES = sorted(PACKAGE.rglob("*.py"))

RANKS = [
    {"gatebench", "errors", "registry", "refusals", "words"},
    {"records"},
    {"values"},
    {"run_folder", "servers", "workloads", "profiles", "bridges"},
    {"knobs"},
    {"waiting"},
    {"packages"},
    {"layers", "virtual_environments"},
    {"watchdog", "launch", "revisions", "sheet", "stored", "lock"}
    | {"machine", "revision", "command", "names", "loopback", "sampling"},
    {"so_far"},
    {"resources", "stacks", "load", "check", "progress", "by_hand"},
    {"run", "project"},
    {"plan", "init", "ladder", "matrix"},
    {"campaign", "guide"},
    {"analysis"},
    {"cli"},
    {"__main__"},
]
"""From the bottom up: a module imports only what stands lower, or its own room."""

ANALYSIS_RANKS = [
    {"words", "schema"},
    {"reading"},
    {"steps", "failures"},
    {"auditing"},
    {"analysed_run"},
    {"comparing"},
    {"showing", "choosing"},
    {"guiding", "explaining", "surveying"},
    {"cli"},
]
"""The same inside gatebench/analysis: what a step measured and why a request failed know nothing of each other."""

ANALYSIS_MAY_USE = {"analysis", "records", "run_folder", "errors", "command", "words"}


def room(path: Path, package: Path = PACKAGE) -> str:
    """The first part of a module's name below its package: `stacks` for gatebench/stacks/native.py."""
    parts = path.relative_to(package).with_suffix("").parts
    return package.name if parts == ("__init__",) else parts[0]


def imports(path: Path) -> set[str]:
    """Dotted names that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_used(path: Path, package: str = "gatebench") -> set[str]:
    """The first parts of the names that a module imports from a package."""
    begins = f"{package}."
    return {name.removeprefix(begins).split(".")[0] for name in imports(path) if name.startswith(begins)} - {
        "__version__",
        "INSTALLED",
        "PACKAGE",
        "ROOT",
    }


def not_lower(own: str, used: set[str], ranks: list[set[str]]) -> set[str]:
    """Which of the used rooms do not stand lower; a module's own room aside."""
    rank = {name: place for place, names in enumerate(ranks) for name in names}
    return {name for name in used - {own} if rank[name] >= rank[own]}


def libraries(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - {"gatebench"} - set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_stands_lower(path: Path) -> None:
    if path.is_relative_to(ANALYSIS):
        assert rooms_used(path) <= ANALYSIS_MAY_USE
    else:
        assert not_lower(room(path), rooms_used(path), RANKS) == set()


@pytest.mark.parametrize("path", sorted(ANALYSIS.rglob("*.py")), ids=lambda path: str(path.relative_to(ANALYSIS)))
def test_a_room_of_the_analysis_imports_only_what_stands_lower(path: Path) -> None:
    used = rooms_used(path, "gatebench.analysis")
    assert not_lower(room(path, ANALYSIS), used, [{"analysis"}, *ANALYSIS_RANKS]) == set()


REGISTRIES = {"servers", "workloads", "profiles", "bridges"}
BEFORE_ANYTHING_IS_INSTALLED = {"errors", "registry", "values", "knobs", "names"} | REGISTRIES


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_runs_without_any_package_imports_only_the_standard_library(path: Path) -> None:
    """`make help` and make's check of names; and the launcher."""
    if room(path) in {
        *BEFORE_ANYTHING_IS_INSTALLED,
        "records",
        "run_folder",
        "launch",
        "by_hand",
        "command",
        "waiting",
    }:
        assert libraries(path) == set()


def test_a_registry_is_asked_by_the_knobs_alone() -> None:
    users = {room(path) for path in MODULES if rooms_used(path) & REGISTRIES}
    assert users - REGISTRIES == {"knobs"}


def test_what_runs_in_the_app_s_process_imports_nothing_of_gatebench() -> None:
    inside = [path for path in MODULES if room(path) == "inside"]
    assert len(inside) > 5
    for path in inside:
        assert rooms_used(path) == set(), path
        assert libraries(path) <= {"django", "asgiref", "gatebench_inside"}, path


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("django", {"inside"}),
        ("locust", {"load"}),
        ("gevent", {"load"}),
        ("geventhttpclient", {"load"}),
        ("pandas", {"analysis"}),
        ("matplotlib", {"analysis"}),
    ],
)
def test_a_library_is_used_in_one_room_only(library: str, allowed: set[str]) -> None:
    assert {room(path) for path in MODULES if library in libraries(path)} <= allowed


def test_only_the_charts_import_matplotlib() -> None:
    users = {path.name for path in MODULES if "matplotlib" in libraries(path)}
    assert users <= {"charts.py"}


def test_a_run_never_asks_which_stack_it_has() -> None:
    for name in ("run.py", "check.py"):
        assert not {"compose", "native"} & {
            node.value for node in ast.walk(ast.parse((PACKAGE / name).read_text())) if isinstance(node, ast.Constant)
        }
