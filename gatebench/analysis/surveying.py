"""What `analyze.py --matrix` does: matrix.html, matrix.md and tables of the newest campaign of several sides, or of the
one that is named.
"""

from __future__ import annotations

from pathlib import Path

from gatebench.analysis.analysed_run import Measured, steps_of
from gatebench.analysis.choosing import of_campaigns
from gatebench.analysis.comparing.matrix import matrix_of
from gatebench.analysis.showing.basis import basis, counted, versions
from gatebench.analysis.showing.charts import save_matrix_chart
from gatebench.analysis.showing.export import save_frames, save_text
from gatebench.analysis.showing.matrix import TITLE, sections
from gatebench.analysis.showing.page.matrix import matrix_page
from gatebench.analysis.showing.render import markdown
from gatebench.analysis.showing.report import Section
from gatebench.errors import UsageError
from gatebench.run_folder import recorded


def write_matrix(results: Path, campaign: str | None, out: Path) -> list[Section]:
    """Raises UsageError where no campaign of several sides is recorded. Returns what the terminal shows."""
    found, notes = measured(results, campaign)
    matrix = matrix_of(found)
    save_frames({"runs": matrix.runs, "matrix": matrix.table, "changes": matrix.changes}, out / "tables")
    chart = save_matrix_chart(matrix.table, out / "charts").relative_to(out)
    shown = sections(matrix, notes, chart)
    save_text(markdown(TITLE, shown), out / "matrix.md")
    save_text(matrix_page(matrix, notes, [run for run, _ in found]), out / "matrix.html")
    return shown


def measured(results: Path, campaign: str | None) -> tuple[list[Measured], list[str]]:
    """The complete runs of a campaign with their steps tables, and what they rest on in sentences."""
    chosen = of_campaigns(campaign or _newest(results), results)
    of_runs = [(folder.read_run(), folder) for folder in chosen.folders]
    if len(campaigns := {run.trial.campaign for run, _ in of_runs if run.trial}) > 1:
        raise UsageError(f"A matrix is of one campaign, and these are {len(campaigns)}: name one with --campaigns.")
    if len({run.label for run, _ in of_runs}) < 2:
        raise UsageError(f"Campaign {campaigns.pop()} has no two sides that differ: name another with --campaigns.")
    found = [steps_of(folder) for _, folder in of_runs]
    trials = max(run.trial.number for run, _ in found if run.trial)
    return found, [*chosen.notes, *basis(found, f"in {counted(trials, 'trial')} of one campaign"), versions(found)]


def _newest(results: Path) -> str:
    """The newest campaign that has sides which differ."""
    labels: dict[str, set[str]] = {}
    for run, _ in recorded(results):
        if run.trial:
            labels.setdefault(run.trial.campaign, set()).add(run.label)
    several = [name for name, sides in labels.items() if len(sides) > 1]
    if not several:
        raise UsageError(f"There is no campaign of several sides in {results}: `make matrix` measures one.")
    return several[-1]
