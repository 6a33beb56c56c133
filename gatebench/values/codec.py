"""Values as JSON: `asdict` makes it, `from_json` reads it back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from gatebench.records import HIDDEN

Value = TypeVar("Value")

_SECRET = re.compile("SECRET|PASSWORD|TOKEN|KEY|CREDENTIAL|DSN|PROXY", re.IGNORECASE)
_WITH_PASSWORD = re.compile("://[^/@]*:[^/@]*@")  # an address, as DATABASE_URL has it


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """As it may be written down: of a variable that may hold a secret only that it was set."""
    return {
        name: HIDDEN if value and (_SECRET.search(name) or _WITH_PASSWORD.search(value)) else value
        for name, value in environment.items()
    }


def from_json(kind: type[Value], data: Mapping[str, Any]) -> Value:
    """The value of a dataclass that `asdict` took apart. Names that it has no field for are passed over."""
    return kind(**{name: _read(hint, data[name]) for name, hint in _hints(kind).items() if name in data})


def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {row.name: hints[row.name] for row in fields(kind)}


def _read(kind: Any, data: Any) -> Any:
    """Data as the type of its field says: tuples, mappings, enumerations and other values are made again."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:  # something or None
        return None if data is None else _read(next(one for one in arguments if one is not NoneType), data)
    if origin is tuple:
        return tuple(_read(arguments[0], one) for one in data)
    if origin is Mapping:
        return {_read(arguments[0], name): _read(arguments[1], value) for name, value in data.items()}
    if is_dataclass(kind):
        return from_json(kind, data)  # type: ignore[arg-type]
    return kind(data) if isinstance(kind, type) and issubclass(kind, Enum) else data
