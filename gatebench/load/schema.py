"""The columns of requests.arrows, in their order, with their types: those of records.Request."""

from __future__ import annotations

import pyarrow as pa

WORD = pa.dictionary(pa.int16(), pa.string())
MOST_WORDS = 2**15
SCHEMA = pa.schema(
    [
        pa.field("started", pa.float64(), nullable=False),
        pa.field("elapsed_ms", pa.float32(), nullable=False),
        pa.field("name", WORD, nullable=False),
        pa.field("method", WORD, nullable=False),
        pa.field("status", pa.int16()),
        pa.field("cause", WORD),
        pa.field("step", pa.int16(), nullable=False),
        pa.field("users", pa.int32(), nullable=False),
        pa.field("request_id", pa.uint64(), nullable=False),
        pa.field("bytes", pa.int32()),
    ]
)
