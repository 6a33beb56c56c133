"""All files of a report: report.html, report.md, its tables and its charts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gatebench.analysis.comparing.gates import Judgement
from gatebench.analysis.comparing.sides import Side
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.showing.export import save_tables, save_text
from gatebench.analysis.showing.page.page import report_page
from gatebench.analysis.showing.render import markdown
from gatebench.analysis.showing.report import Section, report


def write_report(
    sides: Sequence[Side],
    verdicts: Sequence[Verdict],
    out: Path,
    judgements: Sequence[Judgement] = (),
    notes: Sequence[str] = (),
) -> list[Section]:
    """What they say. Raises MachineError when it cannot write."""
    save_tables(sides, verdicts, out / "tables")
    sections = report(sides, verdicts, judgements, _charts(sides, out), notes)
    save_text(markdown("Gatebench report", sections), out / "report.md")
    save_text(report_page(sides, verdicts, sections), out / "report.html")
    return sections


def _charts(sides: Sequence[Side], out: Path) -> dict[str, list[Path]]:
    """The charts' paths as report.md refers to them."""
    # Imported late: a wrong path on the command line need not wait for matplotlib.
    from gatebench.analysis.showing.charts import save_charts

    return {
        what: [path.relative_to(out) for path in paths] for what, paths in save_charts(sides, out / "charts").items()
    }
