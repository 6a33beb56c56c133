"""Makes the reports in results/recorded anew from the runs beside them, with the analysis as it is today.

    python benchmarks/renew.py [results/recorded/campaigns …]

Each folder whose runs were kept whole gets report.md with its charts, report.html, and a new steps.csv in every run
folder. The charts are PNG files of 64 colours, a third of their size; the tables are left out, for they can be made
again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.analysis.cli import main as analyze  # noqa: E402
from gatebench.command import guarded  # noqa: E402
from gatebench.errors import RunFolderError  # noqa: E402

RECORDED = ROOT / "results" / "recorded"
COLOURS = 64


def renew(recorded: Path) -> None:
    """Raises RunFolderError where there is no run, or where the analysis ends with an error."""
    runs = sorted(path.parent for path in recorded.glob("*/run.json"))
    if not runs:
        raise RunFolderError(f"{recorded} holds no run: name a folder of results/recorded.")
    with tempfile.TemporaryDirectory() as made:
        out = Path(made)
        if analyze([*map(str, runs), "--out", made, "--results", made]):
            raise RunFolderError(f"{recorded} was left as it is: mend what is said above.")
        for kept in (recorded / "charts", recorded / "report.md", recorded / "report.html"):
            shutil.rmtree(kept) if kept.is_dir() else kept.unlink(missing_ok=True)
        (recorded / "charts").mkdir()
        for chart in sorted((out / "charts").glob("*.png")):
            image = Image.open(chart).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            image.save(recorded / "charts" / chart.name, optimize=True)
        for report in ("report.md", "report.html"):
            shutil.copy(out / report, recorded)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "folders", nargs="*", type=Path, help="of results/recorded; where none is named, all that have requests"
    )
    with_requests = sorted({path.parent.parent for path in RECORDED.glob("*/*/requests.arrows")})
    folders = parser.parse_args(argv).folders or with_requests
    for folder in folders:
        renew(folder)
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, interrupted="Interrupted: the folder that was being renewed is as it was."))
