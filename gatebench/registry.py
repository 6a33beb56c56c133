"""Finds rows: whoever adds a file to a package has added what is in it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Named(Protocol):
    @property
    def name(self) -> str: ...


Row = TypeVar("Row", bound=Named)


def found(package: str, folders: Iterable[str], kind: type[Row]) -> dict[str, Row]:
    """Name -> each value of that kind that a module of the package has; raises ValueError where two share a name."""
    rows: dict[str, Row] = {}
    for module in pkgutil.iter_modules(folders):
        for value in vars(importlib.import_module(f"{package}.{module.name}")).values():
            if isinstance(value, kind) and rows.setdefault(value.name, value) is not value:
                raise ValueError(f"Two rows of {package} are called {value.name}: rename one.")
    return rows
