"""Nginx's error log and the app's errors as data frames: what a program wrote, when, and about which request."""

from __future__ import annotations

import calendar
import contextlib
import gzip
import json
import math
import re
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from gatebench.errors import RunFolderError
from gatebench.records import PGBOUNCER, SERVICE
from gatebench.run_folder import RunFolder, packed

LONGEST_LINE = 300
"""Characters of a log line that are kept as evidence."""

TIMED_OUT, KILLED, ENDED = "timed out", "was killed", "ended"
"""How a worker of the app server came to its end. Only the server's log tells the first two."""

_ERROR_LINE = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] [\d#]+: (?:\*(\d+) )?(.*)")
_APP_HEADING = re.compile(r"\brequest_id=([0-9a-f]{16}|-)(?: |$)")
_SERVER_HEADING = re.compile(r"\[\d{4}-|[A-Z]+: ")
_GUNICORN_STAMP = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})\]")
_HOW = {"timed_out": TIMED_OUT, "killed": KILLED, "ended": ENDED}
_LIMIT = "limit_reached"
_OLDER = {
    "timed_out": [r"WORKER TIMEOUT \(pid:(\d+)\)"],
    "killed": [r"Worker \(pid:(\d+)\) was sent SIG"],
    "ended": [r"Worker \(pid:(\d+)\) exited", r"Child process \[(\d+)\] died"],
    _LIMIT: ["Exceeded concurrency limit"],
}
"""What gunicorn and uvicorn say. Newer runs tell the patterns of their own server in run.json."""
_FRAME = re.compile(r'  File "(.+)", line (\d+), in ')
_NOT_THEIRS = re.compile(r"/(?:site|dist)-packages/|/lib(?:64)?/python3|/gatebench_inside/|/layers/|^<")
"""Libraries, Python itself, and what a run puts beside the app."""
_EXCEPTION = re.compile(r"((?:\w+\.)*[A-Z]\w*)(?:: .*)?$")

_WHOLE_LINE = csv.ParseOptions(delimiter="\x01", quote_char=False, invalid_row_handler=lambda _: "skip")
_WORDS = csv.ConvertOptions(column_types={"line": pa.dictionary(pa.int32(), pa.binary())})

_POOL_REFUSED = re.compile(
    r"(\S+ \d\d:\d\d:\d\d)\S* \w+ psycopg\.pool pid=(\d+) .*(?:too many clients|remaining connection slots)"
)

_SENT_AWAY = re.compile(r"(\S+ \d\d:\d\d:\d\d)\S* UTC .* pooler error: ")
"""PgBouncer of a client."""


def read_error_log(folder: RunFolder) -> pd.DataFrame:
    """A row a line of Nginx's error log: time (whole seconds), connection, message (without the request), line."""
    differing, places = _distinct_lines(folder.nginx_error_log)
    frame = pd.DataFrame(map(_error, differing), columns=["time", "connection", "message", "line"])
    frame = frame.astype({"time": "float64", "connection": "Int64", "message": "category", "line": "category"})
    return frame.take(places).dropna(subset="time").reset_index(drop=True)


def _error(line: str) -> tuple[int | None, int | None, str | None, str]:
    """Without a time where the line has no heading."""
    match = _ERROR_LINE.match(line)
    if not match:
        return None, None, None, line[:LONGEST_LINE]
    stamp, _, connection, message = match.groups()
    about = int(connection) if connection else None
    return _seconds(stamp), about, message.partition(", client:")[0], line[:LONGEST_LINE]


@dataclass(frozen=True, slots=True)
class AppLog:
    """What the app server's log says. Both frames are empty where there is no log.

    `errors`, a row a request that the app wrote about: request_id, exception (the last one's name) and traceback (the
    exceptions of its chain, a line each, without the stack), both missing where none was raised; line, the exception
    with the last line of the project's own code that led to it, or else the heading.
    `worker_ends`, a row each time that the server wrote of a worker's end: time (whole seconds; missing where the
    server writes none), pid, how (timed out, was killed or ended), line.
    `refusals`, a row each time that PostgreSQL had no connection for a pool of the app's: time, pid, line.
    `limit_line`, the first in which the server says that it turns requests away; None where it never does.
    """

    errors: pd.DataFrame
    worker_ends: pd.DataFrame
    refusals: pd.DataFrame
    limit_line: str | None


def read_app_log(folder: RunFolder) -> AppLog:
    patterns = _patterns(folder)
    records: list[_Record] = []
    ends: list[tuple[float | None, int, str, str]] = []
    refusals: list[tuple[float, int, str]] = []
    about: _Record | None = None
    limit_line: str | None = None
    for line in _lines(folder.log("app")):
        if line.startswith(" "):  # a stack
            if about and (frame := _FRAME.match(line)) and not _NOT_THEIRS.search(frame[1]):
                about.where = f"{'/'.join(Path(frame[1]).parts[-2:])}, line {frame[2]}"
            continue
        if heading := _APP_HEADING.search(line):
            about = _Record(int(heading[1], 16), line[:LONGEST_LINE]) if heading[1] != "-" else None
            records += [about] if about else []
            refusals += _refusal(line)
        elif about and _EXCEPTION.match(line) and not _SERVER_HEADING.match(line):
            about.chain.append(line[:LONGEST_LINE])
        else:
            about = None if _SERVER_HEADING.match(line) else about
            ends += _worker_end(line, patterns)
            if limit_line is None and any(re.search(said, line) for said in patterns[_LIMIT]):
                limit_line = line[:LONGEST_LINE]
    return AppLog(
        _errors(records),
        pd.DataFrame(ends, columns=["time", "pid", "how", "line"]).astype({"time": "float64", "pid": "int64"}),
        pd.DataFrame(refusals, columns=["time", "pid", "line"]).astype({"time": "float64", "pid": "int64"}),
        limit_line,
    )


@dataclass(slots=True)
class _Record:
    """What the app logged once about a request."""

    request_id: int
    heading: str
    chain: list[str] = field(default_factory=list)
    where: str | None = None  # the innermost line of the project's own code

    def row(self) -> tuple[int, str | None, str | None, str]:
        if not self.chain:
            return self.request_id, None, None, self.heading
        name = self.chain[-1].partition(":")[0].rpartition(".")[2]
        line = f"{self.chain[-1]} ({self.where})" if self.where else self.chain[-1]
        return self.request_id, name, "\n".join(self.chain), line


def _errors(records: list[_Record]) -> pd.DataFrame:
    """One row a request: of several, the first with an exception."""
    records = sorted(records, key=lambda record: not record.chain)
    rows = [record.row() for record in records]
    frame = pd.DataFrame(rows, columns=["request_id", "exception", "traceback", "line"]).drop_duplicates("request_id")
    return frame.astype({"request_id": "uint64", "exception": "category", "traceback": "category", "line": "category"})


def _refusal(line: str) -> list[tuple[float, int, str]]:
    match = _POOL_REFUSED.match(line)
    return [(_seconds(match[1].replace("-", "/")), int(match[2]), line[:LONGEST_LINE])] if match else []


def read_pgbouncer_log(folder: RunFolder) -> pd.DataFrame:
    """A row a client that PgBouncer sent away: time (whole seconds), line. The client hears only that it is closed."""
    matches = map(_SENT_AWAY.match, _lines(folder.log(PGBOUNCER)))
    found = [(_seconds(match[1].replace("-", "/")), match.string[:LONGEST_LINE]) for match in matches if match]
    return pd.DataFrame(found, columns=["time", "line"]).astype({"time": "float64"})


def read_service_log(folder: RunFolder) -> pd.DataFrame:
    """A row an answer of the service beside the app, or a wait that it began and did not end: request_id, service (the
    first part of the path), answered (s; missing where it has not), waited_ms (missing too), line.
    """
    rows = []
    for line in _lines(folder.log(SERVICE)):
        if not line.startswith("{"):  # what the program says beside it
            continue
        with contextlib.suppress(ValueError, KeyError, TypeError):  # cut off, when it was killed
            said = json.loads(line)
            waited_ms = math.nan if said["waited_ms"] is None else float(said["waited_ms"])
            asked, name = float(said["time"]), str(said["path"]).split("/")[1]
            rows.append((int(said["id"], 16), name, asked + waited_ms / 1000, waited_ms, line[:LONGEST_LINE]))
    frame = pd.DataFrame(rows, columns=["request_id", "service", "answered", "waited_ms", "line"])
    return frame.astype({"request_id": "uint64", "service": "str", "answered": "float64", "waited_ms": "float64"})


def _patterns(folder: RunFolder) -> dict[str, list[str]]:
    """What the run's server says, by regular expressions."""
    server = folder.read_run().config.get("server_row") or {"log": _OLDER}
    return dict(server["log"])


def _worker_end(line: str, patterns: dict[str, list[str]]) -> list[tuple[float | None, int, str, str]]:
    for kind, how in _HOW.items():
        for said in patterns[kind]:
            if match := re.search(said, line):
                stamp = _GUNICORN_STAMP.match(line)
                moment = datetime.strptime(stamp[1], "%Y-%m-%d %H:%M:%S %z").timestamp() if stamp else None
                return [(moment, int(match[1]), how, line[:LONGEST_LINE])]
    return []


def _distinct_lines(path: Path) -> tuple[list[str], npt.NDArray[np.int32]]:
    """The lines that differ, and which of them each line is; of those that follow one another word for word the first,
    for alerts come by the million.
    """
    log = packed(path) if packed(path).exists() and not path.exists() else path
    if next(_lines(path), None) is None:
        return [], np.empty(0, np.int32)
    try:
        table = csv.read_csv(log, csv.ReadOptions(column_names=["line"]), _WHOLE_LINE, _WORDS)
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(log, error) from error
    lines = table["line"].combine_chunks()
    places = lines.indices.to_numpy()
    changes = np.flatnonzero(np.diff(places, prepend=-1))
    return [line.decode(errors="replace") for line in lines.dictionary.to_pylist()], places[changes]


def _lines(path: Path) -> Iterator[str]:
    """Nothing when there is no such log."""
    is_packed = packed(path).exists() and not path.exists()
    try:
        with gzip.open(packed(path), "rt", errors="replace") if is_packed else path.open(errors="replace") as log:
            for line in log:
                yield line.rstrip("\n")
    except FileNotFoundError:
        return
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(packed(path), error) from error


def _damaged(log: Path, error: Exception) -> RunFolderError:
    return RunFolderError(f"{log} is damaged ({error}): pack it anew, or remove it.")


@lru_cache(maxsize=10_000)
def _seconds(stamp: str) -> int:
    """Nginx and Django run in UTC."""
    return calendar.timegm(time.strptime(stamp, "%Y/%m/%d %H:%M:%S"))
