"""Mistakes of the locustfile: what it raised and where, a sentence each. The steps that they touch are not valid."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from sysconfig import get_paths
from typing import Any

import locust.log
from locust.env import Environment
from locust.util.load_locustfile import load_locustfile

from gatebench import PACKAGE, ROOT
from gatebench.records import Mistake

LONGEST = 200
"""Characters of an exception's text that a sentence quotes."""

_LIBRARIES = (*(Path(get_paths()[name]) for name in ("stdlib", "purelib", "platlib")), PACKAGE)

_found: list[tuple[float, str, str]] = []
"""When what the mistake touched began, where it is, and what was raised."""

_told: set[tuple[int, str]] = set()
"""Step and place: a mistake that every user makes is told once."""


class LocustfileError(Exception):
    """A locustfile that cannot be used; its text says why, in one sentence."""


def load_users(path: Path, kinds: tuple[type[Any], ...]) -> list[type[Any]]:
    """The users of a locustfile, each of which derives from one of `kinds`; raises LocustfileError."""
    sys.dont_write_bytecode = True  # its folder is somebody's
    try:
        users, _ = load_locustfile(str(path))
    except (Exception, SystemExit) as error:
        raise LocustfileError(f"The locustfile cannot be loaded: {sentence(error)}.") from error
    if not users:
        raise LocustfileError(f"{_shown(path)} has no user: derive a class from Locust's FastHttpUser.")
    for name, user in users.items():
        if not issubclass(user, kinds):
            raise LocustfileError(
                f"Requests of {name} in {_shown(path)} would not be recorded: derive it from FastHttpUser or HttpUser."
            )
    return list(users.values())


def note(error: BaseException, began: float | None = None) -> None:
    """Keeps what was raised; `began` is when the request that it spoils was sent, now without one."""
    where, what = _raised(error)
    _found.append((time.time() if began is None else began, where, what))


def say(what: str) -> None:
    _found.append((time.time(), what, ""))


def listen(environment: Environment) -> None:
    """Keeps what tasks and on_start raise, which Locust writes to its log and goes on."""
    environment.events.user_error.add_listener(lambda exception, **_: note(exception))


def take(step_at: Callable[[float], int]) -> list[Mistake]:
    """Those that were found since the last time and had not been told of their step before."""
    if locust.log.unhandled_greenlet_exception:
        locust.log.unhandled_greenlet_exception = False
        if not _found:
            say("something raised that is no user's: logs/load.log has the traceback")
    new = []
    for began, where, what in _found:
        if (place := (step_at(began), where)) not in _told:
            _told.add(place)
            new.append(Mistake(place[0], where + what))
    _found.clear()
    return new


def sentence(error: BaseException) -> str:
    """As in "locustfiles/vote.py, line 31, raised KeyError: 'poll'"."""
    return "".join(_raised(error))


def _raised(error: BaseException) -> tuple[str, str]:
    """The two halves of the sentence: the place, which is the same for every user, and what was said there."""
    text = " ".join(str(error).split())
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
    return f"{_where(error)} raised {type(error).__name__}", f": {text}" if text else ""


def _where(error: BaseException) -> str:
    """The innermost line that is neither a library's nor Gatebench's."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(Path(error.filename))}, line {error.lineno},"
    frames = [(Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [(path, line) for path, line in frames if not _of_a_library(path)]
    if not frames:
        return "the locustfile"
    path, line = (own or frames)[-1]
    return f"{_shown(path)}, line {line},"


def _of_a_library(path: Path) -> bool:
    return "<" in path.name or any(path.is_relative_to(folder) for folder in _LIBRARIES)


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
