"""What `analyze.py --why` does: why.html, why.md and tables of the ladder that the newest campaign with rungs measured,
or that named ones did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gatebench.analysis.analysed_run import Measured, steps_of
from gatebench.analysis.choosing import of_campaigns
from gatebench.analysis.comparing.ladder import Ladder, ladder_of
from gatebench.analysis.reading.stacks import read_stacks
from gatebench.analysis.showing.basis import basis, counted, versions
from gatebench.analysis.showing.charts import save_ladder_chart
from gatebench.analysis.showing.export import save_frames, save_text
from gatebench.analysis.showing.ladder import TITLE, sections
from gatebench.analysis.showing.page.ladder import ladder_page
from gatebench.analysis.showing.render import markdown
from gatebench.analysis.showing.report import Section
from gatebench.errors import UsageError
from gatebench.records import Outcome, Run
from gatebench.run_folder import RunFolder, counting, recorded


def write_why(results: Path, campaigns: str | None, out: Path) -> list[Section]:
    """Raises UsageError where no ladder is recorded. Returns what the terminal shows."""
    found = measured(results, campaigns)
    ladder, notes = read_ladder(results, found), list(basis_of(found))
    frames = {
        "runs": ladder.runs, "ladder": ladder.table, "counts": ladder.counts, "loads": ladder.steps,
        "remedies": ladder.remedies, "spending": ladder.spending,
    }  # fmt: skip
    save_frames(frames, out / "tables")
    chart = save_ladder_chart(ladder.table, out / "charts").relative_to(out)
    shown = sections(ladder, notes, chart)
    save_text(markdown(TITLE, shown), out / "why.md")
    save_text(ladder_page(ladder, notes, [run for run, _ in found]), out / "why.html")
    return shown


def measured(results: Path, campaigns: str | None) -> list[Measured]:
    """The timed runs of the newest ladder, or of the campaigns that are named, with their steps tables."""
    return [steps_of(folder) for folder in _chosen(results, campaigns)]


def read_ladder(results: Path, found: Sequence[Measured]) -> Ladder:
    """Of timed runs, and of what was counted and sampled in their campaigns."""
    campaigns = {_campaign(run) for run, _ in found}
    untimed = [(run, folder) for run, folder in counting(results) if _campaign(run) in campaigns]
    sampled = [(run, stacks) for run, folder in untimed if (stacks := read_stacks(folder))]
    return ladder_of(found, [run for run, _ in untimed], sampled)


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


def basis_of(found: Sequence[Measured]) -> Iterator[str]:
    """What the ladder rests on, in sentences."""
    yield from basis(found, f"of {counted(len({_campaign(run) for run, _ in found}), 'campaign')}")
    yield versions(found)
