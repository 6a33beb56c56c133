"""What `analyze.py --guide` does: a report of each workload of the newest guide, and guide.html over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun, analyse, write_steps
from gatebench.analysis.comparing.guide import advise, guide_runs, guide_table
from gatebench.analysis.comparing.sides import sides_of
from gatebench.analysis.comparing.verdict import verdicts
from gatebench.analysis.showing.charts import save_charts, save_guide_chart
from gatebench.analysis.showing.export import save_frames, save_tables, save_text
from gatebench.analysis.showing.guide import TITLE, sections
from gatebench.analysis.showing.page.guide import guide_page
from gatebench.analysis.showing.page.page import report_page
from gatebench.analysis.showing.render import markdown
from gatebench.analysis.showing.report import Section, report
from gatebench.errors import UsageError
from gatebench.records import Outcome, Run
from gatebench.run_folder import RunFolder, packed, recorded

Measured = tuple[Run, pd.DataFrame]
"""A run and its steps table."""


def write_guide(results: Path, out: Path) -> list[Section]:
    """Raises UsageError where no guide is recorded. Returns what the terminal shows."""
    folders = _newest(results)
    found: list[Measured] = []
    for name, of_one in folders.items():
        found += _workload(of_one, out / name)
    runs = guide_runs(found)
    table, advice, notes = guide_table(runs), advise(runs), list(_notes(found))
    save_frames({"runs": runs, "guide": table}, out / "tables")
    chart = save_guide_chart(table, out / "charts").relative_to(out)
    told = sections(table, advice, notes, chart)
    save_text(markdown(TITLE, told), out / "guide.md")
    save_text(guide_page(table, advice, notes, [run for run, _ in found]), out / "guide.html")
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
    return dict(sorted(found.items()))


def _workload(folders: Sequence[RunFolder], out: Path) -> Iterator[Measured]:
    """Of what was recorded whole a report too; of what is kept as its steps table alone, that."""
    whole = [analyse(folder) for folder in folders if folder.requests.exists() or packed(folder.requests).exists()]
    for folder in folders[: 0 if whole else None]:
        yield folder.read_run(), pd.read_csv(folder.steps_csv)
    if whole:
        _report(whole, out)
    for run in whole:
        write_steps(run)
        yield run.run, run.steps


def _report(runs: Sequence[AnalysedRun], out: Path) -> None:
    sides = sides_of(runs)
    found = verdicts(sides)
    save_tables(sides, found, out / "tables")
    charts = {what: [one.relative_to(out) for one in some] for what, some in save_charts(sides, out / "charts").items()}
    told = report(sides, found, [], charts)
    save_text(markdown("Gatebench report", told), out / "report.md")
    save_text(report_page(sides, found, told), out / "report.html")


def _notes(found: Sequence[Measured]) -> Iterator[str]:
    """What a reader must know of how the numbers came about."""
    runs = [run for run, _ in found]
    steps = pd.concat([table for _, table in found])
    invalid = int((~steps["valid"].astype(bool)).sum())
    trials = max(run.trial.number for run in runs if run.trial)
    config = runs[0].config
    yield (
        f"{len(runs)} runs in {trials} {'trial' if trials == 1 else 'trials'} of one sitting, {config['stack']}, "
        f"{config['workers']} processes of the app server, steps that settle for {config['settle_s']:g} s at the least "
        f"and are measured for {config['hold_s']:g} s."
    )
    yield f"{invalid} of {len(steps)} steps are not valid; a side whose last steps are not valid says so."
    machine = runs[0].machine
    yield f"Measured on {machine.get('cpu', 'an unknown CPU')}, {machine.get('cores', '?')} cores."
