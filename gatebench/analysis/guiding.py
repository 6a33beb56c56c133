"""What `analyze.py --guide` does: a report of each workload of the newest guide, and guide.html over all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from gatebench.analysis.analysed_run import analyse, write_steps
from gatebench.analysis.comparing.guide import advise, guide_runs, guide_table
from gatebench.analysis.comparing.sides import sides_of
from gatebench.analysis.comparing.verdict import verdicts
from gatebench.analysis.showing.charts import save_guide_chart
from gatebench.analysis.showing.export import save_frames, save_text
from gatebench.analysis.showing.files import write_report
from gatebench.analysis.showing.guide import TITLE, sections
from gatebench.analysis.showing.index.page import note_report, rewrite_index
from gatebench.analysis.showing.page.guide import guide_page
from gatebench.analysis.showing.render import markdown
from gatebench.analysis.showing.report import Section
from gatebench.errors import RunFolderError, UsageError
from gatebench.records import Outcome, Run
from gatebench.run_folder import RunFolder, recorded

Measured = tuple[Run, pd.DataFrame]
"""A run and its steps table."""


def write_guide(results: Path, out: Path) -> list[Section]:
    """Raises UsageError where no guide is recorded. Returns what the terminal shows."""
    folders = _newest(results)
    found: list[Measured] = []
    for name, of_one in folders.items():
        found += _workload(of_one, results, out / name)
    rewrite_index(results)
    runs = guide_runs(found)
    table, advice, notes = guide_table(runs), advise(runs), list(_notes(found))
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
    return [(whole[one].run, whole[one].steps) if one in whole else _kept(one) for one in folders]


def _kept(folder: RunFolder) -> Measured:
    try:
        return folder.read_run(), pd.read_csv(folder.steps_csv)
    except FileNotFoundError as error:
        raise RunFolderError(f"{folder.path} has neither requests.arrows nor steps.csv: remove it.") from error


def _notes(found: Sequence[Measured]) -> Iterator[str]:
    """What a reader must know of how the numbers came about."""
    runs = [run for run, _ in found]
    steps = pd.concat([table for _, table in found])
    invalid = int((~steps["valid"].astype(bool)).sum())
    trials = max(run.trial.number for run in runs if run.trial)
    config = runs[0].config
    first, last = (time.strftime("%-d %B, %H:%M", time.gmtime(at(run.started for run in runs))) for at in (min, max))
    yield (
        f"{len(runs)} runs in {trials} {'trial' if trials == 1 else 'trials'}, begun from {first} to {last} UTC: "
        f"{config['stack']}, {config['workers']} processes of the app server, steps that settle for "
        f"{config['settle_s']:g} s at the least and are measured for {config['hold_s']:g} s."
    )
    yield f"{invalid} of {len(steps)} steps are not valid, and take no part."
    machine = runs[0].machine
    yield f"Measured on {machine.get('cpu', 'an unknown CPU')}, {machine.get('cores', '?')} cores."
