"""proxy.log, Nginx's JSON access log, as a data frame: a row a line that carries a request id."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from gatebench.errors import RunFolderError
from gatebench.run_folder import RunFolder, packed

PIECE_BYTES = 16 * 2**20
"""How much of the log a reader has in memory at once: ten million requests make 3 GB of it."""

READERS = min(os.cpu_count() or 1, 4)
"""Each reads a part of the log: what takes long is done outside of Python, by as many as there are cores."""

LONGEST_LINE = 64 * 2**10

_TEXT, _WORD = pa.string(), pa.dictionary(pa.int32(), pa.string())
_FIELDS = {
    "time": _WORD,
    "id": _TEXT,
    "status": _WORD,
    "request_time": _WORD,
    "upstream_status": _WORD,
    "upstream_connect_time": _WORD,
    "upstream_response_time": _WORD,
    "worker": _WORD,
    "connection": _WORD,
}
_NEW = ("worker",)
"""What an older log does not have."""

_AROUND = " :,{}"
"""What stands around a number when a JSON line is split at its quotes."""

_NIBBLES = np.full(256, 255, dtype=np.uint8)
_NIBBLES[[ord(digit) for digit in "0123456789abcdef"]] = range(16)


def read_proxy_log(folder: RunFolder) -> pd.DataFrame | None:
    """A row a line with a request id, or None without a log. Damaged lines, and half of one at the end, are left out.
    Raises RunFolderError for a packed log that cannot be unpacked.

    Columns: request_id, time (s, when it was answered), status, request_ms, upstream_status ("-" when no app server
    answered), connect_ms (missing where the app server was not connected to), upstream_ms (from the start of connecting
    to the end of its answer; missing where it was not tried), worker (the process of the app that answered, by the id
    that it has for itself; missing where none did), connection.
    """
    try:
        with ThreadPoolExecutor(READERS) as readers:
            parts = list(readers.map(_read, _parts(folder)))
    except FileNotFoundError:
        return None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RunFolderError(f"{packed(folder.proxy_log)} is damaged ({error}): pack it anew, or remove it.") from error
    table = pa.concat_tables([_typed(_empty()), *chain(*parts)]).unify_dictionaries()
    del parts
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    pa.default_memory_pool().release_unused()  # of ten million requests Arrow keeps 200 MB for more of them
    workers = [word for word in frame["worker"].cat.categories if word not in ("", "-")]
    return frame.assign(worker=frame["worker"].cat.set_categories(workers))


def _parts(folder: RunFolder) -> list[tuple[BinaryIO, int]]:
    """The log, opened at the first line of each part, and how many bytes a part has. A packed one is a single part."""
    path = folder.proxy_log
    if packed(path).exists() and not path.exists():
        return [(cast(BinaryIO, gzip.open(packed(path))), sys.maxsize)]
    logs = [path.open("rb") for _ in range(READERS)]
    for n, log in enumerate(logs[1:], 1):
        log.seek(n * path.stat().st_size // READERS)
        log.readline()  # the part before has it whole
    starts = [*(log.tell() for log in logs), sys.maxsize]
    return [(log, end - start) for log, (start, end) in zip(logs, pairwise(starts), strict=True)]


def _read(part: tuple[BinaryIO, int]) -> list[Any]:
    log, length = part
    with log:
        return [_rows(piece) for piece in _pieces(log, length)]


def _pieces(log: BinaryIO, length: int) -> Iterator[memoryview]:
    """Whole lines. A piece is gone when the next one is asked for: copying 3 GB would take a third of all the time."""
    buffer = bytearray(PIECE_BYTES)
    view, kept = memoryview(buffer), 0
    while read := log.readinto(view[kept : min(PIECE_BYTES, kept + length)]):  # type: ignore[attr-defined]
        length -= read
        end = buffer.rfind(b"\n", 0, kept + read) + 1
        if end:
            yield view[:end]
        kept, rest = kept + read - end, bytes(view[end : kept + read])
        view[:kept] = rest


def _rows(lines: memoryview) -> Any:
    try:
        return _typed(_split(lines))
    except (pa.ArrowInvalid, ValueError, KeyError, TypeError):  # something in these lines is damaged
        return _typed(_parse(bytes(lines).decode(errors="replace").splitlines()))


def _split(lines: memoryview) -> Any:
    """Lines split at the quotes of the first, which takes a third of the time that parsing them as JSON takes."""
    first = bytes(lines[:LONGEST_LINE]).partition(b"\n")[0].decode()
    parts, row = first.split('"'), json.loads(first)
    there = [name for name in _FIELDS if name in row or name not in _NEW]
    places = {name: str(parts.index(name) + (2 if isinstance(row[name], str) else 1)) for name in there}
    others: list[str] = []  # with a quote in an address, for instance

    def set_aside(line: Any) -> str:
        others.append(line.text)
        return "skip"

    table = csv.read_csv(
        pa.BufferReader(pa.py_buffer(lines)),
        read_options=csv.ReadOptions(column_names=[str(place) for place in range(len(parts))], use_threads=False),
        parse_options=csv.ParseOptions(delimiter='"', quote_char=False, invalid_row_handler=set_aside),
        convert_options=csv.ConvertOptions(
            include_columns=list(places.values()),
            column_types={place: _FIELDS[name] for name, place in places.items()},
        ),
    ).rename_columns(there)
    for name in _FIELDS:
        if name not in there:
            table = table.append_column(name, pa.nulls(len(table), pa.string()).dictionary_encode())
    table = table.select(list(_FIELDS))
    return pa.concat_tables([table, _parse(others)]) if others else table


def _parse(lines: list[str]) -> Any:
    rows = []
    for line in lines:
        try:
            row = json.loads(line)
            [float(row[name]) for name in ("time", "status", "request_time", "connection")]
            rows.append({name: str(row.get(name, "") if name in _NEW else row[name]) for name in _FIELDS})
        except (ValueError, KeyError, TypeError):
            continue  # a damaged line
    return pa.Table.from_pylist(rows, pa.schema(_FIELDS)) if rows else _empty()


def _empty() -> Any:
    return pa.schema(_FIELDS).empty_table()


def _typed(table: Any) -> Any:
    table = table.filter(pc.equal(pc.binary_length(table["id"]), 16)).combine_chunks()
    ids, is_id = _from_hex(table["id"])
    columns = {
        "request_id": ids,
        "time": _numbers(table["time"]),
        "status": _numbers(table["status"]).astype(np.int16),
        "request_ms": _ms(table["request_time"]),
        "upstream_status": table["upstream_status"],
        "connect_ms": _ms(table["upstream_connect_time"]),
        "upstream_ms": _ms(table["upstream_response_time"]),
        "worker": table["worker"],
        "connection": _numbers(table["connection"]).astype(np.int32),
    }
    typed = pa.table(columns)
    return typed if is_id.all() else typed.filter(is_id)


def _ms(seconds: Any) -> npt.NDArray[np.float32]:
    return (_numbers(seconds, none=("", "-")) * 1000).astype(np.float32)


def _numbers(column: Any, none: Sequence[str] = ()) -> npt.NDArray[np.float64]:
    """Each distinct text is parsed once: of several tries ("0.001, 0.002") the last, and `none` is missing."""
    words = column.combine_chunks()
    if not len(words):
        return np.empty(0)
    last = pc.replace_substring_regex(pc.utf8_trim(words.dictionary, _AROUND), ".*, *", "")
    known = pc.if_else(pc.is_in(last, pa.array(none, _TEXT)), None, last)
    values = known.cast(pa.float64()).to_numpy(zero_copy_only=False)
    numbers: npt.NDArray[np.float64] = values[words.indices.to_numpy()]
    return numbers


def _from_hex(texts: Any) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Numbers of texts of 16 hexadecimal digits, and which of the texts are that."""
    array = texts.combine_chunks()
    if not len(array):
        return np.empty(0, np.uint64), np.empty(0, np.bool_)
    start = np.frombuffer(array.buffers()[1], np.int32)[array.offset]
    data = np.frombuffer(array.buffers()[2], np.uint8)[start : start + 16 * len(array)]
    digits = _NIBBLES[data].reshape(-1, 16)
    pairs = digits[:, ::2] << 4 | digits[:, 1::2]
    return np.ascontiguousarray(pairs).view(">u8").ravel().astype(np.uint64), np.all(digits < 16, axis=1)
