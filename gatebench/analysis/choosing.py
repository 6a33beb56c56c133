"""Which recorded runs are analysed when none are named, or campaigns are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gatebench.analysis.comparing.sides import SideKey, side_keys
from gatebench.analysis.words import NOT_NEWEST
from gatebench.errors import UsageError
from gatebench.records import Outcome, Run
from gatebench.run_folder import RunFolder, passed_over, recorded

Recorded = list[tuple[Run, RunFolder]]

INTERFACES = ("wsgi", "asgi")
ALL = "all"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Run folders, and what to say of runs that are not among them."""

    folders: Sequence[RunFolder]
    notes: Sequence[str] = ()


def newest(results: Path) -> Chosen:
    """The runs of the newest campaign, when the newest run is of one with several sides; else, of its workload, each
    interface's newest run with the other trials of its side. Raises UsageError when there is no run.
    """
    runs = recorded(results)
    if not runs:
        raise UsageError(f"There is no run in {shown(results)}: `make bench-wsgi` and `make bench-asgi` make one each.")
    campaign = _of(runs, _campaign(runs[-1][0]))
    if len({_side(run) for run, _ in campaign}) > 1 and any(run.outcome is Outcome.COMPLETE for run, _ in campaign):
        chosen = _chosen(campaign)
        chosen = replace(chosen, notes=[*chosen.notes, *_others(runs, _campaign(runs[-1][0]), results)])
    else:
        chosen = _newest_of_each(runs)
    return replace(chosen, notes=[*_newer(results, runs[-1][1]), *chosen.notes])


def _newer(results: Path, newest: RunFolder) -> list[str]:
    """Why folders that were made after the newest run here are not looked at. Their names begin with their time."""
    newer = [why for folder, why in passed_over(results) if folder.path.name > newest.path.name]
    return [f"{NOT_NEWEST}: a newer one is passed over. {why}" for why in newer]


def of_campaigns(names: str, results: Path) -> Chosen:
    """The runs of the campaigns that are named, with spaces or commas between; `all` are those that measured the sides
    of the newest one. Raises UsageError for a name that no campaign has.
    """
    runs = [(run, folder) for run, folder in recorded(results) if run.trial]
    if names == ALL:
        return _chosen(_of_the_newest_sides(runs, results))
    known = list(dict.fromkeys(_campaign(run) for run, _ in runs))
    given = names.replace(",", " ").split()
    if unknown := [name for name in given if name not in known]:
        has = f"it has {', '.join(map(str, known))}" if known else "it has none, `make bench TRIALS=5` makes one"
        raise UsageError(f"There is no campaign {unknown[0]} in {shown(results)}: {has}.")
    return _chosen([pair for name in dict.fromkeys(given) for pair in _of(runs, name)])


def _of_the_newest_sides(runs: Recorded, results: Path) -> Recorded:
    """Of every campaign that measured the sides of the newest one that has several."""
    sides = _sides_by_campaign(runs)
    several = [name for name, keys in sides.items() if len(keys) > 1]
    if not several:
        raise UsageError(
            f"No campaign in {shown(results)} has several sides: `make bench TRIALS=5` makes one that has."
        )
    wanted = sides[several[-1]]
    keys = side_keys([run for run, _ in runs])
    return [pair for pair, key in zip(runs, keys, strict=True) if key in wanted and wanted <= sides[_campaign(pair[0])]]


def shown(path: Path) -> str:
    """Relative where that is shorter to read."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _chosen(runs: Recorded) -> Chosen:
    """Those that came to their end."""
    whole = [folder for run, folder in runs if run.outcome is Outcome.COMPLETE]
    if not whole:
        raise UsageError("None of these runs came to its end: measure again, or name run folders with RUNS=.")
    if len(whole) == len(runs):
        return Chosen(whole)
    whose = "campaign's" if len({_campaign(run) for run, _ in runs}) == 1 else "campaigns'"
    n = len(runs) - len(whole)
    return Chosen(whole, [f"Left out, because they did not come to their end: {n} of the {whose} {len(runs)} runs."])


def _others(runs: Recorded, newest: str | None, results: Path) -> list[str]:
    sides = _sides_by_campaign(runs)
    alike = [name for name in sides if name != newest and sides[newest] <= sides[name]]
    if not alike:
        return []
    there_are = "There is 1 more campaign" if len(alike) == 1 else f"There are {len(alike)} more campaigns"
    return [f"{there_are} of these sides in {shown(results)}: `make analyze CAMPAIGNS=all` combines them all."]


def _sides_by_campaign(runs: Recorded) -> dict[str | None, set[SideKey]]:
    sides: dict[str | None, set[SideKey]] = {}
    for (run, _), key in zip(runs, side_keys([run for run, _ in runs]), strict=True):
        if run.trial:
            sides.setdefault(_campaign(run), set()).add(key)
    return sides


def _newest_of_each(runs: Recorded) -> Chosen:
    folders, notes = [], []
    workload = _workload(runs[-1][0])
    for interface in INTERFACES:
        of_any = [pair for pair in runs if pair[0].config.get("interface") == interface]
        own = [pair for pair in of_any if _workload(pair[0]) == workload]
        if not own:
            of, more = (f" of {workload}", f" WORKLOAD={workload}") if of_any else ("", "")
            notes.append(f"There is no {interface.upper()} run{of} yet: `make bench-{interface}{more}` makes one.")
            continue
        newest, folder = own[-1]
        trials = [pair for pair in _of(own, _campaign(newest)) if _side(pair[0]) == _side(newest)]
        folders += [path for run, path in trials if run.outcome is Outcome.COMPLETE] or [folder]
    return Chosen(folders, notes)


def _of(runs: Iterable[tuple[Run, RunFolder]], campaign: str | None) -> Recorded:
    """Those of the runs that were made in a campaign; none when there is no such."""
    return [(run, folder) for run, folder in runs if campaign and _campaign(run) == campaign]


def _campaign(run: Run) -> str | None:
    return run.trial.campaign if run.trial else None


def _workload(run: Run) -> str:
    """Its name; of a run that was recorded when there was one alone, that."""
    return str(run.config.get("workload", {}).get("name", "vote"))


def _side(run: Run) -> str | None:
    return run.trial.side if run.trial else None
