"""The table of all runs: a row a run or a campaign, with what it found in a sentence. Cells are HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from gatebench.analysis.showing.index.entries import Entry, Report, held, many, settings
from gatebench.analysis.words import MISSING, number
from gatebench.records import Outcome

SAID = {
    Outcome.RUNNING: "Has no end: the runner was killed, or is still at work.",
    Outcome.INTERRUPTED: "Interrupted.",
    Outcome.FAILED: "Failed.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A run, or a campaign with its runs."""

    started: float
    what: str
    found: str
    valid: str
    code: str
    report: str


def lines(entries: Sequence[Entry], reports: Sequence[Report], results: Path) -> list[Line]:
    """The newest first; a campaign stands where its first run does."""
    links = {run: report.path for report in still_there(reports, results) for run in report.runs}
    campaigns: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.run.trial:
            campaigns.setdefault(entry.run.trial.campaign, []).append(entry)
    sentences = {report.runs: report.sentence for report in reports}
    found = [_run_line(entry, links) for entry in entries if not entry.run.trial]
    found += [_campaign_line(runs[::-1], sentences, links) for runs in campaigns.values()]
    return sorted(found, key=lambda line: -line.started)


def still_there(reports: Iterable[Report], results: Path) -> list[Report]:
    """The oldest first. A later one in the same place has taken an earlier one's."""
    newest = {report.path: report for report in reports}
    there = (report for report in newest.values() if (results / report.path).is_file())
    return sorted(there, key=lambda report: report.made)


def _run_line(entry: Entry, links: dict[str, str]) -> Line:
    return Line(
        started=entry.run.started,
        what=f"<b>{escape(entry.label)}</b>{settings(entry.run)}",
        found=escape(_found(entry)),
        valid=_valid([entry]),
        code=_code([entry]),
        report=link(links.get(entry.folder)),
    )


def _campaign_line(runs: Sequence[Entry], sentences: dict[tuple[str, ...], str], links: dict[str, str]) -> Line:
    """`runs` in the order in which they were made."""
    sides: dict[str, list[Entry]] = {}
    for entry in runs:
        assert entry.run.trial
        sides.setdefault(entry.run.trial.side, []).append(entry)
    labels = dict.fromkeys(sides[letter][0].label for letter in sorted(sides))
    whole = tuple(sorted(entry.folder for entry in runs if entry.run.outcome is Outcome.COMPLETE))
    trials = len({entry.run.trial.number for entry in runs if entry.run.trial})
    items = "".join(f"<li>{escape(entry.folder)}: {escape(_found(entry))}</li>" for entry in runs)
    of_all = f"{many(trials, 'trial')}, {many(len(runs), 'run')}"
    of_each = f"<details><summary>{of_all}</summary><ul>{items}</ul></details>"
    return Line(
        started=runs[0].run.started,
        what=f"<b>{'<br>'.join(map(escape, labels))}</b>{settings(runs[0].run)}{of_each}",
        found=escape(sentences[whole]) if sentences.get(whole) else _of_sides(sides),
        valid=_valid(runs),
        code=_code(runs),
        report=link(next((links[entry.folder] for entry in runs if entry.folder in links), None)),
    )


def _found(entry: Entry) -> str:
    """What a run shows, in a sentence."""
    if entry.run.outcome is not Outcome.COMPLETE:
        return entry.run.reason or SAID[entry.run.outcome]
    if not entry.run.steps:
        return "It ended before its first step was held."
    if not entry.steps:
        return "Not analysed yet."
    if held(entry) is None:
        return "No request was recorded while a step was held."
    top = entry.steps[-1]
    return f"Held {_held_in_words(entry)} within the objective. {number(top.rps)} requests/s at {top.users:,} users."


def _held_in_words(entry: Entry) -> str:
    asked = [step for step in entry.steps if step.requests]
    n = held(entry)
    assert n is not None
    users = f"fewer than {asked[0].users:,} users" if n == 0 else f"{asked[n - 1].users:,} users"
    deciding = asked[max(n - 1, 0) : n + 1]
    more = " or more" * (n == len(asked))
    return users + more + ("" if all(step.valid for step in deciding) else " (by a step that is not valid)")


def _of_sides(sides: dict[str, list[Entry]]) -> str:
    """What each side of a campaign held, in the trial in the middle."""
    by_words: dict[str, list[str]] = {}
    for letter in sorted(sides):
        ends = [(n, entry) for entry in sides[letter] if entry.steps and (n := held(entry)) is not None]
        if ends:
            ends.sort(key=lambda pair: pair[0])
            middle = ends[(len(ends) - 1) // 2][1]
            by_words.setdefault(_held_in_words(middle), []).append(f"{letter}, {escape(middle.label)}")
    if not by_words:
        return "Not analysed yet."
    told = [
        f"{'each side' if len(some) == len(sides) > 1 else '; '.join(some)}: {words}"
        for words, some in by_words.items()
    ]
    return "<br>".join(["Held within the objective, in the trial in the middle:", *told])


def _valid(entries: Sequence[Entry]) -> str:
    steps = [step for entry in entries for step in entry.steps]
    wrong = [step for step in steps if not step.valid]
    if not steps:
        return MISSING
    if not wrong:
        return "yes"
    reasons = "".join(f"<li>{step.users:,} users: {escape(step.reason)}</li>" for step in wrong)
    none = "no step" if len(wrong) == len(steps) else f"{len(wrong)} of {len(steps)} not"
    return f"<details><summary>{none}</summary><ul>{reasons}</ul></details>"


def _code(entries: Sequence[Entry]) -> str:
    """Of Gatebench, and of the site where revisions of it were measured."""
    codes = [entry.run.code for entry in entries if entry.run.code.get("revision")]
    ours = [f"{str(code['revision'])[:7]}{' changed' * bool(code.get('changed'))}" for code in codes]
    theirs = [f"site {entry.run.config['revision']}" for entry in entries if entry.run.config.get("revision")]
    return "<br>".join(escape(one) for one in dict.fromkeys([*ours, *theirs])) or MISSING


def link(path: str | None) -> str:
    return f'<a href="{escape(path)}">report</a>' if path else MISSING
