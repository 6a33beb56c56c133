"""What CPU time is spent on, of stacks whose samples are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatebench.analysis.comparing.spending import CHANGES, OTHER, calls_of, part_of, spending_table, within
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.reading.stacks import read_stacks
from gatebench.analysis.showing.page.flames import Flame
from gatebench.run_folder import RunFolder

RAW = """\
process 7:"python";thread (0x1);run (uvicorn/server.py:41);__call__ (django/core/handlers/asgi.py) 30
process 7:"python";thread (0x2);_worker (concurrent/futures/thread.py) 10
process 8:"python";thread (0x2);_worker (concurrent/futures/thread.py) 10
process 7:"x";run (uvicorn/server.py:41);counted (gatebench_inside/counting.py:28);render (django/template/base.py) 45
process 7:"x";thread (0x3);<module> (runpy.py) 5
process 7:"x";thread (0x3);cut off"""


@pytest.fixture
def stacks(tmp_path: Path) -> dict[tuple[str, ...], int]:
    folder = RunFolder(tmp_path)
    folder.stacks.write_text(RAW)
    found = read_stacks(folder)
    assert found is not None
    return found


def test_stacks_are_read_without_what_is_no_frame(stacks: dict[tuple[str, ...], int]) -> None:
    assert stacks["_worker (concurrent/futures/thread.py)",] == 20
    assert stacks["run (uvicorn/server.py)", "render (django/template/base.py)"] == 45
    assert sum(stacks.values()) == 100


def test_where_nothing_was_sampled_there_is_nothing(tmp_path: Path) -> None:
    assert read_stacks(RunFolder(tmp_path)) is None


def test_a_sample_is_of_the_innermost_part_that_it_is_in() -> None:
    assert part_of(["run (uvicorn/server.py)", "helper (somewhere.py)"]) == "the server"
    assert part_of(["main (runpy.py)"]) == OTHER
    assert part_of(["f (django/db/models/query.py)", "wait (threading.py)"]) == CHANGES


def test_cpu_time_is_shared_out_by_samples(stacks: dict[tuple[str, ...], int]) -> None:
    ms = {row.part: row.ms for row in rows(spending_table({"as shipped": stacks}, {"as shipped": 5.0}))}
    assert ms["templates"] == pytest.approx(2.25)
    assert ms[CHANGES] == pytest.approx(1.0)
    assert sum(ms.values()) == pytest.approx(5.0)


def test_a_tree_has_a_call_s_own_time_and_what_is_below_it(stacks: dict[tuple[str, ...], int]) -> None:
    root = calls_of(stacks, 5.0)
    server = root.calls["run (uvicorn/server.py)"]
    assert server.ms == pytest.approx(3.75)
    assert server.calls["render (django/template/base.py)"].ms == pytest.approx(2.25)
    assert within(stacks, 5.0)["run (uvicorn/server.py)"] == pytest.approx(3.75)


def test_a_flame_graph_is_as_wide_as_its_time_and_coloured_by_what_differs(stacks: dict[tuple[str, ...], int]) -> None:
    root = calls_of(stacks, 5.0)
    plain = Flame("f", "CPU time", root).draw(True)
    assert 'class="frame hop"' in plain
    assert "render (django/template/base.py): 2.25 ms per request" in plain
    differing = Flame("g", "More", root, lambda name: 1.0 if name.startswith("render") else -0.3).draw(False)
    assert 'class="frame more2"' in differing
    assert 'class="frame less1"' in differing
    assert "render (django/template/base.py): 2.25 ms per request, +1.00 ms" in differing
