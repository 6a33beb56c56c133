"""Every frame has the columns and types that the schema says, with everything recorded and with nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
import pytest

from gatebench.analysis import schema
from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.reading.frames import read_requests
from gatebench.load.schema import SCHEMA
from gatebench.records import ROLES
from tests.analysis.synthetic import (
    Recorded,
    database_samples,
    proxy_line,
    reading,
    requests,
    role_samples,
    step,
    vote,
)

ROWS = [*requests(1, ok=3, failed=1), vote(12)]
WHOLE = Recorded(
    ROWS,
    [step(1)],
    [reading(1, 20, 1)],
    [proxy_line(row) for row in ROWS],
    resources=[sample for role in ROLES for sample in role_samples(role, 10)],
    database=database_samples({12: 3}),
)
FRAMES = {
    "steps": schema.STEPS,
    "validity": schema.VALIDITY,
    "resources": schema.RESOURCES,
    "connections": schema.CONNECTIONS,
    "timeline": schema.TIMELINE,
    "capacity": schema.CAPACITY,
    "ledger": schema.LEDGER,
    "latency": schema.LATENCY,
}


def types(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


@pytest.mark.parametrize("recorded", [WHOLE, Recorded([], [step(1)], proxy_lines=[]), Recorded([], [], proxy_lines=[])])
def test_every_frame_is_as_the_schema_says(analysed: Callable[..., AnalysedRun], recorded: Recorded) -> None:
    run = analysed(recorded)
    found: dict[str, Mapping[str, str]] = {name: types(getattr(run, name)) for name in FRAMES}
    assert found == FRAMES
    assert [list(columns) for columns in found.values()] == [list(columns) for columns in FRAMES.values()]


def test_requests_are_read_as_the_schema_says(analysed: Callable[..., AnalysedRun]) -> None:
    frame = read_requests(analysed(WHOLE).folder).requests
    assert types(frame) == schema.REQUESTS
    assert set(schema.REQUESTS) <= set(SCHEMA.names)
