"""What the drawings show: whose lines, which steps, what is told where."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.lanes import spans_of
from gatebench.analysis.showing.page.looks import Look, drawn_names, looks_of, short_names
from gatebench.analysis.showing.page.timeline import MOST_DRAWN, MOST_TOLD, Timeline
from gatebench.analysis.steps.timeline import binned
from tests.analysis.showing.page.cases import Case
from tests.analysis.showing.page.conftest import Made
from tests.analysis.showing.page.document import Document, Element


def chart(case: Case, name: str, which: str = "wide") -> Element:
    return next(one for one in case.page.with_id(f"figure-{name}").every("svg", which))


def text_of(element: Element, css: str) -> list[str]:
    return [one.text for one in element.every("text", css)]


@pytest.mark.parametrize("name", ["latency", "throughput"])
def test_every_side_has_its_name_at_its_line_s_end(made: Made, name: str) -> None:
    assert text_of(chart(made("a pair"), name), "end") == ["WSGI gunicorn", "ASGI uvicorn"]
    assert text_of(chart(made("a pair"), name, "narrow"), "end") == ["WSGI", "ASGI"]


def test_a_step_that_is_not_valid_is_hollow(made: Made) -> None:
    case = made("a pair")
    for name in ("latency", "throughput"):
        hollow = [one.name for one in chart(case, name).every("", "not")]
        assert hollow == ["circle"]  # WSGI's last step; ASGI has squares
    assert len(list(chart(case, "cpu").every("rect", "not"))) == 4  # a part each role


def test_the_objective_and_what_was_asked_for_have_lines_with_names(made: Made) -> None:
    case = made("a pair")
    assert text_of(chart(case, "latency"), "halo") == ["objective: 1 s"]
    assert len(list(chart(case, "throughput").every("path", "asked"))) == 1
    told = [one.attributes["aria-label"] for one in chart(case, "throughput").every("g", "step")]
    assert [one.rpartition("; ")[2] for one in told] == ["asked for 67", "asked for 134", "asked for 201"]


def test_what_is_told_of_a_step_are_its_numbers(made: Made) -> None:
    told = [one.attributes["aria-label"] for one in chart(made("a pair"), "throughput").every("g", "step")]
    assert told[0] == "100 users: WSGI 60; ASGI 60; asked for 67"
    assert told[2].startswith("300 users: WSGI 100*; ASGI 90")


@pytest.mark.whole
def test_trials_have_a_band_and_one_run_has_none(made: Made) -> None:
    assert len(list(chart(made("five trials"), "latency").every("path", "band"))) == 2
    assert not list(chart(made("a pair"), "latency").every("path", "band"))
    assert "(" in next(chart(made("five trials"), "latency").every("g", "step")).attributes["aria-label"]


@pytest.mark.whole
def test_a_page_of_trials_opens_with_each_trial_and_the_interval(made: Made) -> None:
    picture = chart(made("five trials"), "verdict")
    assert len(list(picture.every("circle", "trial"))) == 5
    assert text_of(picture, "note") == ["each trial", "95 % interval"]
    assert "no difference" in text_of(picture, "tick")
    campaigns = chart(made("campaigns"), "verdict")
    assert text_of(campaigns, "note") == ["campaign 1", "campaign 2", "campaign 3", "95 % interval"]
    assert len(list(campaigns.every("circle", "trial"))) == 6


@pytest.mark.whole
def test_of_more_than_four_sides_two_have_a_colour_and_the_others_are_grey(made: Made) -> None:
    case = made("five servers")
    lines = [
        one.attributes["data-series"] for one in chart(case, "latency").every("g") if "data-series" in one.attributes
    ]
    assert sorted(lines) == ["a", "b", "n", "n", "n"]
    ranks = case.found[0].ranks
    ends = [one.attributes["data-name"] for one in chart(case, "latency").every("text", "end")]
    assert sorted(ends) == sorted([ranks[0].label, ranks[-1].label])
    four = chart(made("four servers"), "latency")
    assert {one.attributes["data-series"] for one in four.every("text", "end")} == set("abcd")


def test_at_a_single_step_the_sides_stand_beside_each_other(made: Made) -> None:
    drawn = chart(made("one step"), "latency")
    wsgi, asgi = (next(one) for one in (drawn.every("circle", "point"), drawn.every("rect", "point")))
    assert float(asgi.attributes["x"]) - float(wsgi.attributes["cx"]) > 20
    assert not list(chart(made("one step"), "throughput").every("path", "asked"))


def test_a_value_stands_at_its_bar_s_end_and_not_at_the_mark_of_another(made: Made) -> None:
    picture = chart(made("a pair"), "verdict")
    bar = list(picture.every("rect", "bar"))[1]
    value = list(picture.every("text", "value"))[1]
    assert value.text == "200"
    assert float(value.attributes["x"]) == pytest.approx(
        sum(float(bar.attributes[name]) for name in ("x", "width")) + 8
    )


def test_the_key_of_the_columns_has_a_colour_each_side(made: Made) -> None:
    for which, names in (("wide", ["ASGI app server", "WSGI app server"]), ("narrow", ["ASGI app", "WSGI app"])):
        drawn = chart(made("a pair"), "cpu", which)
        keys = [one.attributes["class"] for one in drawn.every("rect", "key")]
        assert [key for key in keys if "bar" in key] == ["bar side-b key", "bar side-a key"]
        assert [said for said in text_of(drawn, "tick") if "app" in said] == names
        assert not any("…" in said for said in text_of(drawn, "tick"))


def test_the_line_of_the_objective_is_not_the_foot_of_the_axes(made: Made) -> None:
    drawn = chart(made("invalid"), "latency")
    (limit,) = drawn.every("line", "limit")
    assert limit.attributes["y1"] not in [one.attributes["y1"] for one in drawn.every("line", "base")]


@pytest.mark.whole
def test_a_ranking_is_drawn_in_its_order(made: Made) -> None:
    case = made("five servers")
    names = text_of(chart(case, "verdict"), "name")
    assert names == [f"{rank} {rank.label}" for rank in case.found[0].ranks]


def test_a_step_opens_into_percentiles_causes_and_seconds(made: Made) -> None:
    case = made("a pair")
    opened = case.page.with_id("step-300")
    assert opened.name == "details"
    assert [one.attributes["aria-labelledby"] for one in opened.every("svg", "wide")] == [
        "percentiles-300-wide-t",
        "seconds-300-wide-t",
    ]
    assert "connection refused" in opened.text
    assert "p99.9" in opened.text
    assert case.page.with_id("step-100").text.count("No request failed in this step.") == 1


@pytest.mark.whole
def test_a_failed_request_is_drawn_layer_by_layer(made: Made) -> None:
    case = made("a pair")
    spans = {one.layer: one for one in spans_of(next(case.sides[0].examples.itertuples()))}
    assert spans["nginx"].said == "its access log has no line of it"
    assert spans["app server"].said == "not reached"
    answered = [one for one in case.sides[0].examples.itertuples() if one.logged]
    behind = {one.layer: one for one in spans_of(answered[0])}
    assert behind["app server"].said.startswith("gave 502 after")
    assert behind["client"].end == 900
    assert not list(
        made("two dozen sides").page.with_id("causes").every("svg")
    )  # without a proxy.log there is nothing to draw


def look_of(case: Case) -> Look:
    return looks_of(case.sides, case.found)[0]


def test_a_timeline_of_a_day_has_as_many_points_as_a_screen_can_show(made: Made) -> None:
    case = made("one run")
    (run,) = case.sides[0].runs
    day = pd.concat([run.timeline] * 2000, ignore_index=True)
    day["time"] = run.timeline["time"].iloc[0] + range(len(day))
    drawn = Timeline("day", look_of(case), replace(run, timeline=day)).draw(True)
    drawing = Document(f"<!DOCTYPE html>\n<html>{drawn}</html>").root
    assert len(day) > 50_000
    for line in drawing.every("path", "line"):
        assert line.attributes["d"].count(",") <= MOST_DRAWN
    assert len(list(drawing.every("g", "step"))) <= MOST_TOLD


def test_bins_keep_the_sum_and_the_worst_second() -> None:
    seconds = pd.DataFrame(
        {
            "time": [0.0, 1, 2, 3, 4],
            "ok": [1, 2, 3, 4, 5],
            "failed": [0, 0, 0, 0, 5],
            "p95_ms": [1.0, 9, 2, float("nan"), 3],
            "step": pd.array([None, 1, 1, 1, 2], dtype="Int64"),
        }
    )
    found = binned(seconds, 3)
    assert found["seconds"].tolist() == [2, 2, 1]
    assert (found["ok"] * found["seconds"]).sum() == 15
    assert found["p95_ms"].tolist() == [9, 2, 3]
    assert binned(seconds, 5)["ok"].tolist() == seconds["ok"].tolist()


def test_ticks_are_round_and_reach_around_the_values() -> None:
    assert plot.ticks(561, 10) == [0, 100, 200, 300, 400, 500, 600]
    assert plot.ticks(0, 10) == [0, 1]
    assert plot.log_ticks(8, 3600, 10) == pytest.approx([5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000])
    assert plot.log_ticks(8, 3600, 4) == pytest.approx([1, 10, 100, 1000, 10000])
    assert plot.log_ticks(1000, 1000, 4) == pytest.approx([1000, 10000])


def test_labels_that_would_touch_are_left_out_from_the_right() -> None:
    assert plot.apart([(0, "100"), (10, "200"), (60, "300")]) == [(10, "200"), (60, "300")]


@pytest.mark.whole
def test_the_word_that_tells_sides_apart_has_their_colour(made: Made) -> None:
    for name, words in (("a pair", ["WSGI", "ASGI"]), ("four servers", ["server0", "server1", "server2", "server3"])):
        table = next(one for one in made(name).page.with_id("failed").every("table"))
        assert [one.text for one in table.every("b")] == words


def test_a_side_that_goes_by_a_letter_has_it_in_drawings_and_not_what_all_have() -> None:
    labels = ["WSGI gunicorn (article)", "ASGI uvicorn (article)", "WSGI gunicorn (article, nginx_connections=8192)"]
    assert drawn_names(labels, ["A", "B", "C"]) == [
        "A WSGI gunicorn",
        "B ASGI uvicorn",
        "C WSGI gunicorn (nginx_connections=8192)",
    ]
    assert drawn_names(["WSGI gunicorn", "ASGI uvicorn"], ["WSGI", "ASGI"]) == ["WSGI gunicorn", "ASGI uvicorn"]


@pytest.mark.parametrize(
    ("labels", "short"),
    [
        (["WSGI gunicorn", "ASGI uvicorn"], ["WSGI", "ASGI"]),
        (["ASGI uvicorn", "ASGI daphne"], ["uvicorn", "daphne"]),
        (["WSGI gunicorn", "WSGI gunicorn (article)"], ["A", "B"]),
        (["x"], ["x"]),
    ],
)
def test_short_names_are_words_of_the_label_where_these_tell_sides_apart(labels: list[str], short: list[str]) -> None:
    assert short_names(list(zip("AB", labels, strict=False))) == short
