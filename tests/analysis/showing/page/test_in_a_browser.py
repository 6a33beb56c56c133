"""The page in Chromium, without a network: accessible, quiet, whole on a phone, and worked by keyboard."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from tests.analysis.showing.page.cases import recorded
from tests.analysis.showing.page.conftest import Made
from tests.analysis.showing.page.test_guide import page as guide_page

CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first takes half the processor time of the others, which draw the windows of a browser as well."""

CHROMIUM = next((path for name in CHROMIUMS if (path := shutil.which(name))), None)

if CHROMIUM is None:
    pytest.skip("There is no Chromium here: `apt-get install chromium` brings one.", allow_module_level=True)
playwright_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: `make test` installs it."
)
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed: see above.")

pytestmark = pytest.mark.whole

PAGES = ["one run", "a pair", "five trials", "five servers", "without requests", "markup", "article-trials"]

WIDE, PHONE = {"width": 1200, "height": 900}, {"width": 380, "height": 800}


FONTS = {
    "DejaVu": "DejaVu*",
    "Liberation": "Liberation*",
    "Noto": "Noto*",
    "one of fixed width": "DejaVuSansMono.ttf",
}
"""The fonts that a machine has -> the names of their files. Chromium itself brings none, and does not start without."""

FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path(matplotlib.get_data_path()) / "fonts")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    with playwright_api.sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Any) -> Iterator[Any]:
    started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield started
    started.close()


@pytest.fixture(params=FONTS)
def browser_with_fonts(request: pytest.FixtureRequest, playwright: Any, tmp_path: Path) -> Iterator[Any]:
    """A browser that sees these fonts of the machine's and no others."""
    files = FONTS[request.param]
    if not any(next(folder.rglob(files), None) for folder in FONT_FOLDERS):
        pytest.skip(f"There are no {request.param} fonts here: `apt-get install fonts-liberation fonts-noto-core`.")
    configuration = tmp_path / "fonts.conf"
    configuration.write_text(
        f"""<?xml version="1.0"?>
        <!DOCTYPE fontconfig SYSTEM "fonts.dtd">
        <fontconfig>
          {"".join(f"<dir>{folder}</dir>" for folder in FONT_FOLDERS)}
          <cachedir>{tmp_path / "fonts"}</cachedir>
          <selectfont>
            <rejectfont><glob>*.?t?</glob><glob>*.?f?</glob><glob>*.gz</glob></rejectfont>
            <acceptfont><glob>*/{files}</glob></acceptfont>
          </selectfont>
        </fontconfig>"""
    )
    started = playwright.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox"], env={**os.environ, "FONTCONFIG_FILE": str(configuration)}
    )
    yield started
    started.close()


class Opened:
    """A page from disk, without a network. `heard` is what it complained of, and what it asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.context.set_offline(True)
        self.page = self.context.new_page()
        self.heard: list[str] = []
        self.page.on("console", lambda message: self.heard.append(message.text))
        self.page.on("pageerror", lambda error: self.heard.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.goto(path.as_uri())

    def _asked(self, url: str) -> None:
        if not url.startswith("data:") and not url.endswith("report.html"):
            self.heard.append(url)

    def open_all(self) -> None:
        self.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    def focused(self) -> str:
        return str(
            self.page.evaluate(
                "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
            )
        )


Written = Callable[[str], Path]


@pytest.fixture
def written(made: Made, tmp_path: Path) -> Written:
    """Writes the page of a case."""

    def write(name: str) -> Path:
        html = {"guide": guide_page, "article-trials": lambda: recorded(name).html}.get(name, lambda: made(name).html)
        path = tmp_path / "report.html"
        path.write_text(html(), encoding="utf-8")
        return path

    return write


@pytest.fixture
def opened(browser: Any, written: Written) -> Iterator[Any]:
    """Opens the page of a case."""
    contexts = []

    def open_page(name: str, **options: Any) -> Opened:
        one = Opened(browser, written(name), **{"viewport": WIDE, **options})
        contexts.append(one.context)
        return one

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("name", "look"),
    [
        *((name, "light") for name in PAGES),
        *((name, look) for name in ("a pair", "five servers") for look in ("dark", "phone")),
    ],
)
def test_axe_finds_nothing(opened: Any, name: str, look: str) -> None:
    viewport = PHONE if look == "phone" else WIDE
    one = opened(name, color_scheme="dark" if look == "dark" else "light", viewport=viewport)
    one.open_all()
    results = axe.Axe().run(one.page)
    assert results.response["passes"]
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_axe_finds_nothing_in_a_guide(opened: Any, look: str) -> None:
    viewport = PHONE if look == "phone" else WIDE
    one = opened("guide", viewport=viewport, color_scheme="dark" if look == "dark" else "light")
    results = axe.Axe().run(one.page)
    assert results.violations_count == 0, results.generate_report()
    assert one.heard == []
    assert one.page.evaluate("document.documentElement.scrollWidth") == viewport["width"]


@pytest.mark.parametrize("name", ["a pair", "five servers", "markup"])
def test_nothing_leaves_the_page_and_nothing_is_complained_of(opened: Any, name: str) -> None:
    one = opened(name)
    one.open_all()
    one.page.mouse.move(400, 700)
    for step in one.page.locator("svg.wide .step").all()[:3]:
        step.locator(".hit").hover()
    assert one.heard == []


def test_a_phone_does_not_scroll_sideways_whatever_its_fonts_are(browser_with_fonts: Any, written: Written) -> None:
    widths, wide_charts = {}, []
    for name in (*PAGES, "guide"):
        one = Opened(browser_with_fonts, written(name), viewport=PHONE)
        one.open_all()
        widths[name] = one.page.evaluate("document.documentElement.scrollWidth")
        wide_charts += [name for chart in one.page.locator("svg.wide").all() if chart.is_visible()]
        one.context.close()
    assert widths == dict.fromkeys(widths, PHONE["width"])
    assert wide_charts == []


def test_a_chart_is_one_tab_stop_and_the_arrows_go_from_step_to_step(opened: Any) -> None:
    one = opened("a pair")
    steps = one.page.locator("#figure-latency svg.wide .step")
    assert [step.get_attribute("tabindex") for step in steps.all()] == ["0", "-1", "-1"]
    steps.first.focus()
    for key, users in (("ArrowRight", 200), ("End", 300), ("ArrowRight", 300), ("Home", 100), ("ArrowLeft", 100)):
        one.page.keyboard.press(key)
        assert one.focused().startswith(f"{users} users: WSGI ")
    assert (
        one.page.evaluate("getComputedStyle(document.activeElement.querySelector('.readout')).visibility") == "visible"
    )
    one.page.keyboard.press("Escape")
    assert one.page.evaluate("document.activeElement === document.body")


@pytest.mark.parametrize("how", ["Enter", "click"])
def test_a_step_opens_its_details(opened: Any, how: str) -> None:
    one = opened("a pair")
    step = one.page.locator("#figure-throughput svg.wide .step").nth(1)
    assert not one.page.locator("#step-200").evaluate("(one) => one.open")
    if how == "click":
        step.locator(".hit").click()
    else:
        step.focus()
        one.page.keyboard.press("Enter")
    assert one.page.locator("#step-200").evaluate("(one) => one.open")
    assert one.focused() == "200 users"
    assert one.page.locator("#step-200 svg.wide").first.is_visible()


def test_a_series_is_hidden_by_its_own_name(opened: Any) -> None:
    one = opened("a pair")
    name = one.page.locator("#figure-latency svg.wide .end").first
    line = one.page.locator("#figure-latency svg.wide g[data-series=a]")
    assert line.is_visible()
    name.focus()
    one.page.keyboard.press("Enter")
    assert not line.is_visible()
    assert name.get_attribute("aria-pressed") == "false"
    assert one.page.locator("#figure-latency svg.wide g[data-series=b]").is_visible()
    name.click()
    assert line.is_visible()


def test_values_are_told_on_hover(opened: Any) -> None:
    one = opened("a pair")
    step = one.page.locator("#figure-latency svg.wide .step").first
    assert step.locator(".readout").evaluate("(one) => getComputedStyle(one).visibility") == "hidden"
    step.locator(".hit").hover()
    assert step.locator(".readout").evaluate("(one) => getComputedStyle(one).visibility") == "visible"


def test_without_its_script_the_page_is_whole(opened: Any) -> None:
    one = opened("a pair", java_script_enabled=False)
    assert one.page.locator("h1").is_visible()
    steps = one.page.locator("#figure-latency svg.wide .step")
    assert [step.get_attribute("tabindex") for step in steps.all()] == ["0"] * 3
    one.page.locator("#step-300 summary").click()
    assert one.page.locator("#step-300 svg.wide").first.is_visible()


def test_paper_is_light_and_has_everything_open(opened: Any) -> None:
    one = opened("a pair", color_scheme="dark")
    dark = one.page.evaluate("getComputedStyle(document.body).backgroundColor")
    one.page.emulate_media(media="print")
    assert one.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)" != dark
    assert not one.page.locator("nav").is_visible()
    one.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert one.page.locator("#step-100 svg.wide").first.is_visible()
