"""guide.html, and guide.md: every number of the tables, readable and whole."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from gatebench.analysis.comparing.guide import advise, guide_table
from gatebench.analysis.showing.charts import save_guide_chart
from gatebench.analysis.showing.guide import TITLE, headline, sections
from gatebench.analysis.showing.page.guide import guide_page
from gatebench.analysis.showing.render import markdown
from gatebench.records import Run, Trial
from tests.analysis.showing.page.cases import document
from tests.analysis.showing.page.document import Element
from tests.analysis.synthetic import BEGAN, guide_of

RUNS = pd.concat(
    [
        guide_of("vote", wsgi=[200, 214, 208], many=[190, 195, 201], sync=[100, 101, 104]),
        guide_of("fanout", wsgi=["none"] * 3, many=[80, 82, 81], sync=[40, 45, 42], asynchronous=["all"] * 3),
        guide_of("cpu", wsgi=[60, 71, 64], sync=[66, 61, 70], asynchronous=["nothing", 62, 68]),
        guide_of("even", wsgi=[60, 60.5, 60.2], sync=[60.1, 60.3, 60.4]),
        guide_of("upload", wsgi=[400, "all", "all"], sync=[90, 91, 92]),
        guide_of("<b>&", wsgi=["nothing"] * 3, sync=[10, 11, "none"]).assign(update_p95_ms=250.0),
    ],
    ignore_index=True,
)


def page() -> str:
    config = {"stack": "native", "workers": 4, "settle_s": 2.0, "hold_s": 4.0, "workload": {"name": "vote"}}
    run = Run("run", config, BEGAN, trial=Trial("g-vote", 3, "WSGI", "g"))
    return guide_page(guide_table(RUNS), advise(RUNS), ["A note."], [run], {"cpu": "cpu/report.html"})


@pytest.fixture(scope="module")
def shown() -> Element:
    return document(page())


def test_the_command_measures_the_same_workloads_with_the_same_knobs(shown: Element) -> None:
    (code,) = shown.with_id("again").every("code")
    assert code.text == "make guide WORKLOAD=vote STACK=native WORKERS=4 SETTLE=2 HOLD=4 TRIALS=3"


def test_a_workload_that_has_a_report_of_its_own_leads_to_it(shown: Element) -> None:
    addresses = [link.attributes["href"] for link in shown.every("a")]
    assert [address for address in addresses if not address.startswith("#")] == ["cpu/report.html"]


def test_the_heading_says_which_interface_for_which(shown: Element) -> None:
    heading = (
        "WSGI for upload and vote; ASGI with async views for fanout; WSGI or ASGI with sync views for even; "
        "not proven for cpu"
    )
    assert headline(advise(RUNS)) == heading
    assert next(shown.every("h1")).text == f"{heading}."


def test_the_one_kind_of_views_that_is_as_good_is_named() -> None:
    runs = guide_of("fanout", wsgi=[10, 11, 10], many=[80, 82, 81], sync=[40, 41, 40], asynchronous=[79, 83, 82])
    assert headline(advise(runs)) == "WSGI with many threads or ASGI with async views for fanout"


def test_every_number_is_that_of_the_table(shown: Element) -> None:
    text = " ".join(one.text for one in shown.every("table"))
    for row in guide_table(RUNS).dropna(subset="low").to_dict("records"):
        assert f"{row['users']:,.0f} {row['low']:,.0f}–{row['high']:,.0f}" in text
    assert {"≥ 500", "≥ 464", "≤ 10"} <= set(re.findall(r"[≥≤] \d+", text))
    assert "< 10" in text
    assert "not valid" in text
    assert "nan" not in text


def test_what_is_clearly_best_is_bold(shown: Element) -> None:
    table = next(one for one in shown.every("table") if "guide" in one.attributes.get("class", ""))
    lines = {next(line.every("th")).text: line for line in list(table.every("tr"))[1:]}
    assert [one.text for one in lines["fanout"].every("b")] == ["≥ 500"]
    assert len(list(lines["even"].every("b"))) == 2
    assert list(lines["cpu"].every("b")) == []
    assert list(lines["<b>&"].every("b")) == []


def test_ids_are_unique_and_nothing_is_drawn_that_is_no_number(shown: Element) -> None:
    ids = [one.attributes["id"] for one in shown.every() if "id" in one.attributes]
    assert len(set(ids)) == len(ids)
    for drawing in shown.every("svg"):
        for part in drawing.every():
            assert not any(re.search(r"\b(nan|inf|None)\b", value) for value in part.attributes.values())


def test_markdown_has_the_advice_and_a_table_a_workload(tmp_path: Path) -> None:
    chart = save_guide_chart(guide_table(RUNS), tmp_path)
    assert chart.with_suffix(".svg").exists()
    text = markdown(TITLE, sections(guide_table(RUNS), advise(RUNS), ["A note."], Path(chart.name)))
    assert "| cpu | 65 (53–80) | – |" in text
    assert "- vote: Take WSGI or WSGI with many threads, which are not clearly apart (" in text
    assert text.count("| Side | Users held |") == 6
    assert "Update p95 ms" in text
    assert "![guide](guide.png)" in text
