"""What `analyze.py --guide` does: a report of each workload of the newest guide, and guide.html over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gatebench.analysis.analysed_run import Measured, analyse, kept, write_steps
from gatebench.analysis.comparing.guide import advise, guide_runs, guide_table
from gatebench.analysis.comparing.sides import sides_of
from gatebench.analysis.comparing.verdict import verdicts
from gatebench.analysis.showing.basis import basis, counted
from gatebench.analysis.showing.charts import save_guide_chart
from gatebench.analysis.showing.export import save_frames, save_text
from gatebench.analysis.showing.files import write_report
from gatebench.analysis.showing.guide import TITLE, sections
from gatebench.analysis.showing.index.page import note_report, rewrite_index
from gatebench.analysis.showing.page.guide import guide_page
from gatebench.analysis.showing.render import markdown
from gatebench.analysis.showing.report import Section
from gatebench.errors import UsageError
from gatebench.records import Outcome
from gatebench.run_folder import RunFolder, recorded


def write_guide(results: Path, out: Path) -> list[Section]:
    """Raises UsageError where no guide is recorded. Returns what the terminal shows."""
    folders = _newest(results)
    found: list[Measured] = []
    for name, of_one in folders.items():
        found += _workload(of_one, results, out / name)
    rewrite_index(results)
    runs = guide_runs(found)
    table, advice, notes = guide_table(runs), advise(runs), list(basis(found, f"in {counted(_trials(found), 'trial')}"))
    save_frames({"runs": runs, "guide": table}, out / "tables")
    chart = save_guide_chart(table, out / "charts").relative_to(out)
    told = sections(table, advice, notes, chart)
    save_text(markdown(TITLE, told), out / "guide.md")
    reports = {name: f"{name}/report.html" for name in folders if (out / name / "report.html").exists()}
    save_text(guide_page(table, advice, notes, [run for run, _ in found], reports), out / "guide.html")
    return told


def _newest(results: Path) -> dict[str, list[RunFolder]]:
    """The complete runs of the newest guide, by workload."""
    runs = [(run.trial, run, folder) for run, folder in recorded(results) if run.trial and run.trial.guide]
    if not runs:
        raise UsageError(f"There is no guide in {results}: `make guide` measures one.")
    newest = runs[-1][0].guide
    found: dict[str, list[RunFolder]] = {}
    for trial, run, folder in runs:
        if trial.guide == newest and run.outcome is Outcome.COMPLETE:
            found.setdefault(str(run.config["workload"]["name"]), []).append(folder)
    if not found:
        raise UsageError(f"The newest guide in {results} has no complete run yet: `make guide` goes on with it.")
    return dict(sorted(found.items()))


def _workload(folders: Sequence[RunFolder], results: Path, out: Path) -> list[Measured]:
    """Of what is kept as its steps table alone, that; of what was recorded whole a report too."""
    whole = {folder: analyse(folder) for folder in folders if folder.requests.exists()}
    for run in whole.values():
        write_steps(run)
    if len(whole) == len(folders):
        sides = sides_of(list(whole.values()))
        told = verdicts(sides)
        write_report(sides, told, out)
        note_report(results, sides, told, out)
    return [(whole[one].run, whole[one].steps) if one in whole else kept(one) for one in folders]


def _trials(found: Sequence[Measured]) -> int:
    return max(run.trial.number for run, _ in found if run.trial)
