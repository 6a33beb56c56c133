"""What holds of every page, whatever was measured."""

from __future__ import annotations

import re

import pytest

from gatebench.analysis.showing.page.page import REPORT
from tests.analysis.showing.page.cases import EVIL, SYNTHETIC, Case, as_params, document, recorded
from tests.analysis.showing.page.conftest import Made

MOST_BYTES = 2_000_000

RECORDED = ["fair-compose", "article-trials"]


@pytest.fixture(params=as_params([*SYNTHETIC, *RECORDED]))
def case(request: pytest.FixtureRequest, made: Made) -> Case:
    return recorded(request.param) if request.param in RECORDED else made(request.param)


def test_every_tag_is_closed_where_it_must_be(case: Case) -> None:
    assert document(case.html)


def test_every_name_is_there_once_and_every_reference_leads_to_one(case: Case) -> None:
    ids = [one.attributes["id"] for one in case.page.every() if "id" in one.attributes]
    assert len(set(ids)) == len(ids)
    for one in case.page.every():
        for name in ("aria-labelledby", "aria-describedby", "data-step"):
            assert not one.attributes.get(name) or one.attributes[name] in ids
        if one.name == "a":
            assert one.attributes["href"].removeprefix("#") in ids


def test_nothing_is_loaded(case: Case) -> None:
    """Recorded words may name an address; no attribute does, and no style."""
    for one in case.page.every():
        assert not {"src", "srcset", "xlink:href", "action", "background"} & one.attributes.keys()
        for name, value in one.attributes.items():
            assert name != "href" or value == "data:," or value.startswith("#")
            assert not name.startswith("on")
        if one.name in ("style", "script"):
            assert "http" not in one.text
            assert "url(" not in one.text
            assert "@import" not in one.text
    assert {one.name for one in case.page.every()}.isdisjoint({"img", "iframe", "object", "embed", "image", "use"})


def test_only_its_own_script_may_run(case: Case) -> None:
    (script,) = case.page.every("script")
    (policy,) = (one for one in case.page.every("meta") if "http-equiv" in one.attributes)
    assert policy.attributes["content"].startswith("default-src 'none';")
    assert "script-src 'sha256-" in policy.attributes["content"]
    assert "alert" not in script.text


def test_it_is_small(case: Case) -> None:
    assert len(case.html.encode()) < MOST_BYTES


def test_the_sections_stand_in_their_order(case: Case) -> None:
    ids = [one.attributes["id"] for one in case.page.every("section")]
    order = ["gates", "failed", "latency", "updates", "throughput", "cpu", "steps", "causes", "seconds", "validity",
             "fairness", "ledger", "again"]  # fmt: skip
    assert len(order) == len(REPORT)
    assert ids == [name for name in order if name in ids]
    assert {"failed", "causes", "validity", "fairness", "ledger", "again"} <= set(ids)
    nav = [one.attributes["href"] for one in next(case.page.every("nav")).every("a")]
    assert nav == [f"#{name}" for name in ids]


def test_every_chart_is_drawn_for_paper_and_for_a_phone_and_says_what_it_shows(case: Case) -> None:
    for one in case.page.every("svg"):
        assert one.attributes["role"] == "group"
        title, description = (next(one.every(name)).text for name in ("title", "desc"))
        assert title
        assert description.endswith(".")
        assert float(one.attributes["viewbox"].split()[2]) == (720 if one.attributes["class"] == "wide" else 344)
    drawn = [one.attributes["class"] for one in case.page.every("svg")]
    assert drawn.count("wide") == drawn.count("narrow")


def test_no_number_is_drawn_that_is_none(case: Case) -> None:
    for one in case.page.every("svg"):
        for part in one.every():
            for value in part.attributes.values():
                assert not re.search(r"\b(nan|inf|None|<NA>)\b", value), (part.name, part.attributes)
    assert "nan" not in re.findall(r"\w+", " ".join(one.text for one in case.page.every("main")))


def test_colours_are_the_style_sheet_s(case: Case) -> None:
    """Dark mode and print are style alone."""
    for one in case.page.every():
        assert not {"fill", "stroke", "color", "style"} & one.attributes.keys()


def test_a_step_that_can_be_pointed_at_tells_its_values_in_words(case: Case) -> None:
    for one in case.page.every("g", "step"):
        assert one.attributes["aria-label"]
        assert one.attributes["tabindex"] == "0"


def test_markup_in_a_name_is_a_name(made: Made) -> None:
    html = made("markup").html
    assert html.count("<script>") == 1
    assert EVIL in made("markup").page.text
    assert not re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff]", html)
