"""`python benchmarks/pictures.py`: the pictures in docs/images, from the pages of recorded runs.

It wants Debian's chromium, and what requirements/dev.txt installs.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.analysis import surveying  # noqa: E402
from gatebench.analysis.analysed_run import analyse  # noqa: E402
from gatebench.analysis.choosing import ALL  # noqa: E402
from gatebench.analysis.comparing.matrix import matrix_of  # noqa: E402
from gatebench.analysis.comparing.sides import sides_of  # noqa: E402
from gatebench.analysis.comparing.verdict import verdicts  # noqa: E402
from gatebench.analysis.explaining import measured, read_ladder  # noqa: E402
from gatebench.analysis.showing.charts import save_ladder_chart, save_matrix_chart  # noqa: E402
from gatebench.analysis.showing.page.page import report_page  # noqa: E402
from gatebench.analysis.showing.report import report  # noqa: E402
from gatebench.run_folder import RunFolder  # noqa: E402

RECORDED = ROOT / "results" / "recorded"
IMAGES = ROOT / "docs" / "images"
MARGIN = 8
COLOURS = 128
"""Few are enough for a page, and keep a picture small."""


def main() -> int:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("There is no chromium here: `apt-get install chromium` brings one.", file=sys.stderr)
        return 3
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1160, "height": 900}, device_scale_factor=1.25)
        show(page, "campaigns", Path(folder))
        take(page, "answer", "header > :not(nav, .notice, details)")
        take(page, "failed", "#failed")
        page.locator("#figure-latency svg.wide .step").nth(1).focus()
        take(page, "latency", "#latency")
        page.locator("#step-300").evaluate("(one) => { one.open = true; }")
        take(page, "step", "#step-300")
        show(page, "article-trials", Path(folder))
        take(page, "request", "#figure-request-0", "#figure-request-0 + p")
        browser.close()
    ladder = read_ladder(RECORDED / "ladder", measured(RECORDED / "ladder", ALL))
    with tempfile.TemporaryDirectory() as made:
        shrink(save_ladder_chart(ladder.table, Path(made)), IMAGES / "ladder.png")
        runs, _ = surveying.measured(RECORDED / "matrix", None)
        shrink(save_matrix_chart(matrix_of(runs).table, Path(made)), IMAGES / "matrix.png")
    return 0


def shrink(picture: Path, into: Path) -> None:
    Image.open(picture).convert("RGB").quantize(COLOURS).save(into, optimize=True)


def show(page: Page, runs: str, folder: Path) -> None:
    found = sorted((RECORDED / runs).glob("*/run.json"))
    sides = sides_of([analyse(RunFolder(run.parent)) for run in found])
    judged = verdicts(sides)
    path = folder / "report.html"
    path.write_text(report_page(sides, judged, report(sides, judged, [], {})), encoding="utf-8")
    page.goto(path.as_uri())


def take(page: Page, name: str, *parts: str) -> None:
    """The smallest rectangle around these parts of the page, with a margin."""
    page.evaluate("scrollTo(0, 0)")  # boxes are counted from what is in view
    boxes = [box for part in parts for one in page.locator(part).all() if (box := one.bounding_box())]
    left, top = (min(box[side] for box in boxes) - MARGIN for side in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes) + MARGIN
    bottom = max(box["y"] + box["height"] for box in boxes) + MARGIN
    path = IMAGES / f"{name}.png"
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    page.screenshot(path=path, clip=clip, full_page=True)  # type: ignore[arg-type]
    shrink(path, path)


if __name__ == "__main__":
    sys.exit(main())
