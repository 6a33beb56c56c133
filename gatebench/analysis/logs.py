"""Nginx's error log and the app's errors as data frames: what a program wrote, when, and about which request."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pandas as pd

from gatebench.run_folder import RunFolder

LONGEST_LINE = 300
"""Characters of a log line that are kept as evidence."""

_ERROR_LINE = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] [\d#]+: (?:\*(\d+) )?(.*)")
_APP_HEADING = re.compile(r"request_id=([0-9a-f]{16})\b")
_EXCEPTION = re.compile(r"((?:\w+\.)*[A-Z]\w*)(?:: .*)?$")


def read_error_log(folder: RunFolder) -> pd.DataFrame:
    """A row a line of Nginx's error log: time (whole seconds), connection, message (without the request), line."""
    rows = []
    previous = ""
    for line in _lines(folder.nginx_error_log):
        if line == previous:  # alerts come by the thousand, word for word the same
            continue
        previous = line
        if match := _ERROR_LINE.match(line):
            stamp, _, connection, message = match.groups()
            about = int(connection) if connection else None
            rows.append((_seconds(stamp), about, message.partition(", client:")[0], line[:LONGEST_LINE]))
    frame = pd.DataFrame(rows, columns=["time", "connection", "message", "line"])
    return frame.astype({"time": "float64", "connection": "Int64", "message": "category", "line": "category"})


def read_app_errors(folder: RunFolder) -> pd.DataFrame:
    """A row a failed request of which the app wrote: request_id, exception (the last one's name), traceback, line.

    `traceback` is the exceptions of its chain, a line each, without the stack; `line` is the last of them.
    """
    rows = []
    request_id: int | None = None
    chain: list[str] = []
    for line in _lines(folder.log("app")):
        if heading := _APP_HEADING.search(line):
            rows += _app_row(request_id, chain)
            request_id, chain = int(heading[1], 16), []
        elif _EXCEPTION.match(line):
            chain.append(line[:LONGEST_LINE])
    rows += _app_row(request_id, chain)
    frame = pd.DataFrame(rows, columns=["request_id", "exception", "traceback", "line"])
    frame = frame.astype({"request_id": "uint64", "exception": "category", "traceback": "category", "line": "category"})
    return frame.drop_duplicates("request_id")


def _app_row(request_id: int | None, chain: list[str]) -> list[tuple[int, str, str, str]]:
    if request_id is None or not chain:
        return []
    name = chain[-1].partition(":")[0].rpartition(".")[2]
    return [(request_id, name, "\n".join(chain), chain[-1])]


def _lines(path: Path) -> Iterator[str]:
    """Nothing when there is no such log."""
    try:
        with path.open(errors="replace") as log:
            for line in log:
                yield line.rstrip("\n")
    except FileNotFoundError:
        return


@lru_cache(maxsize=4)
def _seconds(stamp: str) -> int:
    """Nginx runs in UTC."""
    return calendar.timegm(time.strptime(stamp, "%Y/%m/%d %H:%M:%S"))
