"""What the programs behind the address wrote down: Nginx's access log and error log, and the app's errors."""

from __future__ import annotations

import calendar
import io
import json
import re
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from gatebench.run_folder import RunFolder

PIECE_BYTES = 32 * 2**20
"""How much of proxy.log is in memory at once: ten million requests are 3 GB of it."""

PROXY_FIELDS = ("time", "id", "status", "request_time", "upstream_status", "upstream_connect_time", "connection")
_WORD = pa.dictionary(pa.int32(), pa.string())
_PROXY_TYPES = {name: pa.string() if name in ("id", "time") else _WORD for name in PROXY_FIELDS}


def read_proxy_log(folder: RunFolder) -> pd.DataFrame | None:
    """A row a line that carries a request id, or None without a log.

    Columns: request_id, time (s, when it was answered), status, request_ms, upstream_status ("-" when no app server
    answered), upstream_connected, connection. Lines that are damaged are left out.
    """
    try:
        with folder.proxy_log.open("rb") as log:
            pieces = [_proxy_piece(piece) for piece in _pieces(log)]
    except FileNotFoundError:
        return None
    return pd.concat(pieces, ignore_index=True) if pieces else _proxy_frame(_empty_proxy_table())


def _pieces(log: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while piece := log.read(PIECE_BYTES):
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        if newline:
            yield whole + newline
    # What is left has no line end: Nginx was still writing it.


def _proxy_piece(lines: bytes) -> pd.DataFrame:
    """Split at the quotes, which takes a quarter of a JSON parser's time; a line that does not fit is parsed as JSON."""
    odd: list[str] = []

    def set_aside(row: Any) -> str:
        odd.append(row.text)
        return "skip"

    places = _places(lines)
    if places is None:
        return _proxy_frame(_json_table(lines.decode(errors="replace").splitlines()))
    table = csv.read_csv(
        pa.BufferReader(lines),
        read_options=csv.ReadOptions(column_names=[str(place) for place in range(places.pop("") + 1)]),
        parse_options=csv.ParseOptions(delimiter='"', quote_char=False, invalid_row_handler=set_aside),
        convert_options=csv.ConvertOptions(
            include_columns=[str(places[name]) for name in PROXY_FIELDS],
            column_types={str(places[name]): kind for name, kind in _PROXY_TYPES.items()},
        ),
    ).rename_columns(list(PROXY_FIELDS))
    frame = _proxy_frame(table)
    return pd.concat([frame, _proxy_frame(_json_table(odd))], ignore_index=True) if odd else frame


def _places(lines: bytes) -> dict[str, int] | None:
    """Which part of a line, split at its quotes, holds each field's value; "" is the last part. None if it has none."""
    first = lines[: lines.index(b"\n")].decode(errors="replace")
    parts = first.split('"')
    try:
        row = json.loads(first)
        keys = {name: parts.index(name) for name in PROXY_FIELDS}
        return {name: key + (2 if isinstance(row[name], str) else 1) for name, key in keys.items()} | {
            "": len(parts) - 1
        }
    except (ValueError, KeyError, TypeError):
        return None


def _json_table(lines: list[str]) -> Any:
    rows = []
    for line in lines:
        try:
            row = json.loads(line)
            rows.append({name: str(row[name]) for name in PROXY_FIELDS})
        except (ValueError, KeyError, TypeError):
            continue
    return pa.Table.from_pylist(rows, pa.schema(_PROXY_TYPES)) if rows else _empty_proxy_table()


def _empty_proxy_table() -> Any:
    return pa.schema(_PROXY_TYPES).empty_table()


def _proxy_frame(table: Any) -> pd.DataFrame:
    table = table.filter(pc.equal(pc.binary_length(table["id"]), 16)).combine_chunks()
    ids, is_id = _from_hex(table["id"])
    upstream = _words(table["upstream_status"], lambda text: text or "-")
    connect = _words(table["upstream_connect_time"], lambda text: text not in ("", "-"))
    frame = pd.DataFrame(
        {
            "request_id": ids,
            "time": _numbers(table["time"]),
            "status": _words(table["status"], lambda text: int(_bare(text))).astype("int16"),
            "request_ms": _words(table["request_time"], lambda text: float(_bare(text)) * 1000).astype("float32"),
            "upstream_status": pd.Categorical(upstream),
            "upstream_connected": connect.astype(bool),
            "connection": _words(table["connection"], lambda text: int(_bare(text))).astype("int64"),
        },
        copy=False,
    )
    return frame if is_id.all() else frame[is_id]
