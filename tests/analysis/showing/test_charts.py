"""The charts of runs that are hard to draw: nothing falls over, nothing is hidden, every run has its name on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from matplotlib.colors import to_hex

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.sides import sides_of
from gatebench.analysis.showing import charts
from gatebench.analysis.showing.spacing import spread
from gatebench.records import ROLES, Outcome, Trial
from tests.analysis.synthetic import Recorded, requests, role_samples, step

Analysed = Callable[..., AnalysedRun]

pytestmark = pytest.mark.whole  # drawing takes a second


def run_with(analysed: Analysed, label: str, *failed: int, **recorded: object) -> AnalysedRun:
    """A run with so many failures of a hundred, a step each."""
    rows = [row for n, f in enumerate(failed, start=1) for row in requests(n, ok=100 - f, failed=f)]
    steps = [step(n) for n in range(1, len(failed) + 1)]
    return analysed(Recorded(rows, steps, config={"label": label}, **recorded), label)  # type: ignore[arg-type]


def labels(figure: charts.Figure) -> list[str]:
    """The names at the ends of lines."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_every_run_has_its_name_at_its_line_s_end(analysed: Analysed) -> None:
    runs = [run_with(analysed, "WSGI gunicorn", 0, 5), run_with(analysed, "ASGI uvicorn", 0, 0)]
    assert labels(charts.failures(runs)) == ["WSGI gunicorn", "ASGI uvicorn"]
    assert labels(charts.throughput(runs)) == ["WSGI gunicorn", "ASGI uvicorn"]


def test_each_run_has_a_colour_a_marker_and_dashes_of_its_own(analysed: Analysed) -> None:
    runs = [run_with(analysed, f"run {n}", 0, 0) for n in range(7)]
    (axes,) = charts.failures(runs).axes
    lines = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    assert len({line.get_color() for line in lines}) == 7
    markers = {line.get_marker() for line in axes.get_lines() if line.get_linestyle() == "None"}
    assert len(markers) == 7


def test_a_step_that_is_not_valid_is_hollow(analysed: Analysed) -> None:
    run = analysed(Recorded([*requests(1, ok=2), *requests(2, ok=2)], [step(1), step(2, users_running=1)]))
    (axes,) = charts.throughput([run]).axes
    faces = {
        tuple(line.get_xdata()): line.get_markerfacecolor()
        for line in axes.get_lines()
        if line.get_linestyle() == "None"
    }
    assert faces == {(100.0,): charts.STYLES[0].colour, (200.0,): "white"}
    assert axes.get_xlabel() == "users (hollow: the step is not valid)"


def test_trials_of_a_single_step_have_a_bar_where_a_band_would_have_no_width(analysed: Analysed) -> None:
    sides = sides_of([run_of_a_trial(analysed, number, failed) for number, failed in enumerate((0, 10, 4), start=1)])
    (axes,) = charts.failures(sides).axes
    bars = [line for line in axes.get_lines() if line.get_label() == "_range"]
    assert [list(line.get_ydata()) for line in bars] == [[0.0, 10.0]]
    assert axes.get_xlabel() == "users (bar: the lowest to the highest trial)"
    assert not axes.collections


def run_of_a_trial(analysed: Analysed, number: int, failed: int) -> AnalysedRun:
    run = {"trial": Trial("c", number, "A")}
    return analysed(Recorded(requests(1, ok=100 - failed, failed=failed), [step(1)], run=run), f"run-{number}")


def test_the_timeline_hatches_a_step_that_is_not_valid(analysed: Analysed) -> None:
    run = analysed(Recorded([*requests(1, ok=2), *requests(2, ok=2)], [step(1), step(2, users_running=1)]))
    users = charts.timeline(run).axes[0]
    assert [fill.get_hatch() for fill in users.collections] == [None, "///"]
    assert "hatched: the step is not valid" in [text.get_text() for text in users.texts]


def test_cpu_a_request_is_a_stack_a_step_and_hollow_where_it_is_not_valid(analysed: Analysed) -> None:
    used = [sample for n, role in enumerate(ROLES, start=1) for sample in role_samples(role, 10 * n)]
    rows = [*requests(1, ok=100), *requests(2, ok=50)]
    run = analysed(Recorded(rows, [step(1), step(2, users_running=1)], resources=used))
    (axes,) = charts.resources([run]).axes
    stacks = {
        users: [round(bar.get_height(), 6) for bar in axes.patches if round(bar.get_x() + 0.36) == place]
        for place, users in enumerate((100, 200))
    }
    assert stacks == {100: [10, 20, 30, 40], 200: [20, 40, 60, 80]}
    assert [text.get_text() for text in axes.texts] == ["100", "200"]
    white = [to_hex(bar.get_facecolor()) == "#ffffff" for bar in axes.patches]
    assert white == [False, True] * 4
    assert axes.get_xlabel() == "users (hollow: the step is not valid)"


def test_a_stack_with_a_role_that_is_not_known_has_no_sum(analysed: Analysed) -> None:
    run = analysed(Recorded(requests(1, ok=100), [step(1)], resources=role_samples("app", 10)))
    (axes,) = charts.resources([run]).axes
    assert [text.get_text() for text in axes.texts] == []


def test_without_resources_there_is_no_chart_of_them(analysed: Analysed) -> None:
    run = analysed(Recorded(requests(1, ok=1), [step(1)]))
    stale = run.folder.path / "charts" / "resources.png"
    stale.parent.mkdir()
    stale.write_text("")
    assert "resources" not in charts.save_charts(sides_of([run]), stale.parent)
    assert not stale.exists()


def test_every_panel_says_whose_it_is_and_every_figure_what_it_shows(analysed: Analysed) -> None:
    runs = [run_with(analysed, "WSGI gunicorn", 0, 0), run_with(analysed, "ASGI uvicorn", 0, 0)]
    for figure in (charts.latency(runs), charts.resources(runs)):
        assert [panel.get_title(loc="left") for panel in figure.axes] == ["WSGI gunicorn", "ASGI uvicorn"]
        assert "by users" in figure.get_suptitle() or "and users" in figure.get_suptitle()


def test_no_failure_anywhere_is_said_and_stays_off_the_axis(analysed: Analysed) -> None:
    (axes,) = charts.failures([run_with(analysed, "WSGI gunicorn", 0, 0)]).axes
    assert "no request failed in any step" in [text.get_text() for text in axes.texts]
    assert axes.get_ylim() == (-0.5, 10)


CUT_OFF = replace(step(2), hold_started=None, hold_ended=None)


@pytest.mark.parametrize(
    "recorded",
    [
        Recorded(requests(1, ok=1), [step(1)]),
        Recorded(requests(1, ok=0, failed=3), [step(1)]),
        Recorded(requests(1, ok=3), [step(1), CUT_OFF], run={"outcome": Outcome.RUNNING}),
        Recorded(requests(1, ok=3), [replace(step(1), hold_ended=None)]),
        Recorded([], [step(1)]),
        Recorded(requests(1, ok=3), []),
        Recorded(requests(1, ok=3), [step(1), CUT_OFF], resources=role_samples("app", 10)),
    ],
    ids=[
        "one request",
        "failures only",
        "cut off while settling",
        "cut off while held",
        "no request",
        "no step",
        "resources of one role and step",
    ],
)
def test_every_run_can_be_drawn(analysed: Analysed, recorded: Recorded) -> None:
    run = analysed(recorded)
    saved = charts.save_charts(sides_of([run]), run.folder.path / "charts")
    assert set(saved) >= {"failures", "throughput", "latency"}
    assert all(path.stat().st_size > 1000 for paths in saved.values() for path in paths)


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([0.5], [0.5]),
        ([0.0, 0.0, 0.0], [0.0, 0.1, 0.2]),
        ([0.9, 0.1], [0.9, 0.1]),
        ([1.0, 1.0], [0.9, 1.0]),
        ([0.5, 0.45], [0.55, 0.45]),
    ],
)
def test_labels_move_apart_and_keep_their_order(heights: list[float], expected: list[float]) -> None:
    assert spread(heights, 0.1) == pytest.approx(expected)
