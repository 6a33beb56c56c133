"""What a batch of the record brought, by step: counted a second at a time, so that a request costs nothing more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gatebench.records import BIN_GROWTH


def without(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """The rows that have none of these names."""
    if not names:
        return batch
    return batch.filter(pc.invert(pc.is_in(batch["name"].cast(pa.string()), pa.array(names, pa.string()))))


def counted(
    batch: pa.RecordBatch, held_since: Mapping[int, float], late_ms: float, paced: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """Of each step those requests that began in its hold, and those that began before it. Those whose names are `paced`
    by their client are neither late nor timed.
    """
    for step in pc.unique(batch["step"]).to_pylist():
        of_step = batch.filter(pc.equal(batch["step"], step))
        held = pc.greater_equal(of_step["started"], held_since.get(step, math.inf))
        for is_held, chosen in ((False, pc.invert(held)), (True, held)):
            if (part := of_step.filter(chosen)).num_rows:
                yield {"step": step, "held": is_held, **_counts(part, late_ms, paced)}


def _counts(part: pa.RecordBatch, late_ms: float, paced: Sequence[str]) -> dict[str, Any]:
    answered = without(part.filter(pc.is_null(part["cause"])), paced)
    took_ms = answered["elapsed_ms"]
    bins = pc.floor(pc.logb(pc.max_element_wise(took_ms, 1.0), BIN_GROWTH)).cast(pa.int16())
    return {
        "requests": part.num_rows,
        "late": pc.sum(pc.greater(took_ms, late_ms)).as_py() or 0,
        "causes": _by_value(part["cause"].cast(pa.string()).drop_null()),
        "ms": _by_value(bins),
    }


def _by_value(values: pa.Array) -> dict[Any, int]:
    return {one["values"]: one["counts"] for one in pc.value_counts(values).to_pylist()}
