"""What `analyze.py --why` does: why.html, why.md and tables of the ladder that the newest campaign with rungs measured,
or that named ones did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from gatebench.analysis.analysed_run import analyse, kept, write_steps
from gatebench.analysis.choosing import of_campaigns
from gatebench.analysis.comparing.ladder import (
    counts_table,
    ladder_runs,
    ladder_steps,
    ladder_table,
    remedies_table,
    rungs_of,
)
from gatebench.analysis.showing.basis import basis, counted
from gatebench.analysis.showing.charts import save_ladder_chart
from gatebench.analysis.showing.export import save_frames, save_text
from gatebench.analysis.showing.ladder import TITLE, sections
from gatebench.analysis.showing.page.ladder import ladder_page
from gatebench.analysis.showing.render import markdown
from gatebench.analysis.showing.report import Section
from gatebench.errors import UsageError
from gatebench.records import Outcome, Run
from gatebench.run_folder import RunFolder, counting, recorded

Measured = tuple[Run, pd.DataFrame]
"""A run and its steps table."""

VERSIONS = ("python", "django", "asgiref", "psycopg")


def write_why(results: Path, campaigns: str | None, out: Path) -> list[Section]:
    """Raises UsageError where no ladder is recorded. Returns what the terminal shows."""
    found = [_steps_of(folder) for folder in _chosen(results, campaigns)]
    runs = [run for run, _ in found]
    rungs = rungs_of(runs)
    of_runs = ladder_runs(found)
    table, steps, remedies = (of(of_runs, rungs) for of in (ladder_table, ladder_steps, remedies_table))
    counts = counts_table([run for run in counting(results) if _campaign(run) in set(map(_campaign, runs))], rungs)
    frames = {"runs": of_runs, "ladder": table, "counts": counts, "loads": steps, "remedies": remedies}
    save_frames(frames, out / "tables")
    chart = save_ladder_chart(table, out / "charts").relative_to(out)
    shown = sections(table, steps, counts, remedies, list(_notes(found)), chart)
    save_text(markdown(TITLE, shown), out / "why.md")
    save_text(ladder_page(table, shown, runs), out / "why.html")
    return shown


def _chosen(results: Path, campaigns: str | None) -> list[RunFolder]:
    """The complete runs of the campaigns that are named, else of the newest ladder's."""
    found = [(run, folder) for run, folder in recorded(results) if run.trial and run.config.get("rung")]
    if not found:
        raise UsageError(f"There is no ladder in {results}: `make why` measures one.")
    if campaigns:
        ladders = {folder.path for _, folder in found}
        return [folder for folder in of_campaigns(campaigns, results).folders if folder.path in ladders]
    newest = _campaign(found[-1][0])
    complete = [folder for run, folder in found if run.outcome is Outcome.COMPLETE and _campaign(run) == newest]
    if not complete:
        raise UsageError(f"Campaign {newest} has no complete run yet: `make why RESUME={newest}` goes on with it.")
    return complete


def _campaign(run: Run) -> str | None:
    return run.trial.campaign if run.trial else None


def _steps_of(folder: RunFolder) -> Measured:
    """Of what is kept as its steps table alone, that."""
    if not folder.requests.exists():
        return kept(folder)
    analysed = analyse(folder)
    write_steps(analysed)
    return analysed.run, analysed.steps


def _notes(found: Sequence[Measured]) -> Iterator[str]:
    yield from basis(found, f"of {counted(len({_campaign(run) for run, _ in found}), 'campaign')}")
    versions = found[0][0].versions
    yield f"Versions: {', '.join(f'{name} {versions[name]}' for name in VERSIONS if name in versions)}."
