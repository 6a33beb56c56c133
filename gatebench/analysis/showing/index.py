"""results/index.html: every run and campaign of a results folder, the newest first, and how sides did over time.

Made of run.json and steps.csv alone, so that a thousand runs take a second. What an analysis found beyond that, its
sentence, stays in reports.json beside the page.
"""

from __future__ import annotations

import csv
import json
import math
import os
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from scipy.special import stdtrit

from gatebench.analysis.comparing.ratio import SAME
from gatebench.analysis.comparing.settings import configuration
from gatebench.analysis.comparing.sides import Side, all_runs, every_side
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.showing.export import save_text
from gatebench.analysis.steps.objective import Objective
from gatebench.analysis.words import MISSING, number
from gatebench.errors import RunFolderError
from gatebench.records import Outcome, Run
from gatebench.run_folder import RunFolder

STYLE = Path(__file__).with_name("index.css")

LEAST_SITTINGS = 4
"""Of a trend: three whose spread is the noise, and one that is held against it."""

MOST_TRENDS = 6
"""Shown at once: those that were measured last."""

SAID = {
    Outcome.RUNNING: "Has no end: the runner was killed, or is still at work.",
    Outcome.INTERRUPTED: "Interrupted.",
    Outcome.FAILED: "Failed.",
}


@dataclass(frozen=True, slots=True)
class StepRow:
    """What the page needs of a row of steps.csv."""

    users: int
    requests: int
    failure_pct: float
    p95_ms: float  # not a number where nothing succeeded, as rps
    update_p95_ms: float  # not a number where nothing is pushed
    rps: float
    valid: bool
    reason: str

    def keeps(self, objective: Objective) -> bool:
        """As Objective.kept of a frame."""
        in_time = self.p95_ms <= objective.p95_ms and not self.update_p95_ms > objective.p95_ms
        return self.failure_pct < objective.failures_pct and in_time


@dataclass(frozen=True, slots=True)
class Entry:
    """A run. `steps` is empty until it is analysed."""

    folder: str  # from the results folder
    run: Run
    steps: tuple[StepRow, ...]

    @property
    def label(self) -> str:
        return self.run.label


@dataclass(frozen=True, slots=True)
class Damaged:
    """A folder that cannot be read, and why."""

    folder: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """What an analysis left: where, and its sentence. Paths are from the results folder."""

    path: str
    made: float
    runs: tuple[str, ...]
    sentence: str  # empty where nothing was compared


def write_index(results: Path, sides: Sequence[Side], verdicts: Sequence[Verdict], out: Path) -> Path:
    """The page's path; raises MachineError when it cannot write."""
    made = next((path for path in (out / "report.html", out / "report.md") if path.exists()), out)
    new = Report(
        path=os.path.relpath(made, results),
        made=time.time(),
        runs=tuple(sorted(os.path.relpath(run.folder.path, results) for run in all_runs(sides))),
        sentence=" ".join([every_side(sides), *(verdict.sentence for verdict in verdicts)]).strip() if verdicts else "",
    )
    reports = [*(one for one in read_reports(results) if one.runs != new.runs), new]
    save_text(json.dumps([asdict(one) for one in reports], indent=1) + "\n", results / "reports.json")
    entries, damaged = read_entries(results)
    save_text(page(entries, damaged, reports, results), results / "index.html")
    return results / "index.html"


def read_reports(results: Path) -> list[Report]:
    """Oldest first; none where the file is missing or damaged: the next analysis makes it again."""
    try:
        found = json.loads((results / "reports.json").read_text())
        return [Report(**{**one, "runs": tuple(one["runs"])}) for one in found]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def read_entries(results: Path) -> tuple[list[Entry], list[Damaged]]:
    """The newest first. A folder is a run's when it has run.json or a folder logs/."""
    entries, damaged = [], []
    for path in sorted(results.iterdir()):
        if not (path / "run.json").exists() and not (path / "logs").is_dir():
            continue
        folder = RunFolder(path)
        try:
            entries.append(Entry(path.name, folder.read_run(), tuple(_steps(folder))))
        except RunFolderError as error:
            damaged.append(Damaged(path.name, str(error)))
    return sorted(entries, key=lambda entry: -entry.run.started), damaged


def _steps(folder: RunFolder) -> Iterator[StepRow]:
    if not folder.steps_csv.exists():
        return
    try:
        with folder.steps_csv.open(newline="") as file:
            for row in csv.DictReader(file):
                if None in row.values():
                    raise ValueError("a row is cut short")
                yield StepRow(
                    users=int(row["users"]),
                    requests=int(row["requests"]),
                    failure_pct=_number(row["failure_pct"]),
                    p95_ms=_number(row["p95_ms"]),
                    update_p95_ms=_number(row.get("update_p95_ms", "")),
                    rps=_number(row["rps"]),
                    valid=row["valid"] == "True",
                    reason=row["invalid_reason"],
                )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunFolderError(
            f"{folder.steps_csv} is damaged ({type(error).__name__}: {error}): analyse this run again."
        ) from error


def _number(text: str) -> float:
    return float(text) if text else math.nan


# The table


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: a run, or a campaign with its runs. Cells are HTML."""

    started: float
    what: str
    found: str
    valid: str
    code: str
    report: str


def lines(entries: Sequence[Entry], reports: Sequence[Report], results: Path) -> list[Line]:
    """The newest first; a campaign stands where its first run does."""
    links = {run: report.path for report in _still_there(reports, results) for run in report.runs}
    campaigns: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.run.trial:
            campaigns.setdefault(entry.run.trial.campaign, []).append(entry)
    sentences = {report.runs: report.sentence for report in reports}
    found = [_run_line(entry, links) for entry in entries if not entry.run.trial]
    found += [_campaign_line(runs[::-1], sentences, links) for runs in campaigns.values()]
    return sorted(found, key=lambda line: -line.started)


def _still_there(reports: Iterable[Report], results: Path) -> list[Report]:
    """The oldest first. A later one in the same place has taken an earlier one's."""
    newest = {report.path: report for report in reports}
    there = (report for report in newest.values() if (results / report.path).is_file())
    return sorted(there, key=lambda report: report.made)


def _run_line(entry: Entry, links: dict[str, str]) -> Line:
    return Line(
        started=entry.run.started,
        what=f"<b>{escape(entry.label)}</b>{_settings([entry])}",
        found=escape(_found(entry)),
        valid=_valid([entry]),
        code=_code([entry]),
        report=_link(links.get(entry.folder)),
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
    of_all = f"{_many(trials, 'trial')}, {_many(len(runs), 'run')}"
    of_each = f"<details><summary>{of_all}</summary><ul>{items}</ul></details>"
    return Line(
        started=runs[0].run.started,
        what=f"<b>{'<br>'.join(map(escape, labels))}</b>{_settings(runs)}{of_each}",
        found=escape(sentences[whole]) if sentences.get(whole) else _of_sides(sides),
        valid=_valid(runs),
        code=_code(runs),
        report=_link(next((links[entry.folder] for entry in runs if entry.folder in links), None)),
    )


def _settings(entries: Sequence[Entry]) -> str:
    config = entries[0].run.config
    users = config.get("users") or [0]
    app = config.get("workload", {}).get("name") or config.get("app")
    workers = config.get("workers")
    told = [app, config.get("profile"), config.get("stack"), config.get("db"), workers and _many(workers, "worker")]
    told.append(f"{users[0]:,} to {users[-1]:,} users" if len(users) > 1 else f"{users[0]:,} users")
    return f"<small>{escape(' · '.join(str(one) for one in told if one))}</small>"


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


def held(entry: Entry) -> int | None:
    """How many of the steps, from the first on, kept the objective; None when no step had a request."""
    objective = Objective.of(entry.run)
    kept = [step.keeps(objective) for step in entry.steps if step.requests]
    return ([*kept, False]).index(False) if kept else None


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


def _link(path: str | None) -> str:
    return f'<a href="{escape(path)}">report</a>' if path else MISSING


# Trends


@dataclass(frozen=True, slots=True)
class Trend:
    """Requests/s of one side at one number of users, a value a sitting: a campaign's median, or a single run's."""

    label: str
    settings: str
    machine: str
    users: int
    started: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def band(self) -> tuple[float, float]:
        """Where the newest lies in 95 of 100 when nothing has changed, by how the earlier ones vary."""
        logs = [math.log(value) for value in self.values[:-1]]
        n, spread = len(logs), max(statistics.stdev(logs), SAME)
        reach = float(stdtrit(n - 1, 0.975)) * spread * math.sqrt(1 + 1 / n)
        return math.exp(statistics.fmean(logs) - reach), math.exp(statistics.fmean(logs) + reach)

    @property
    def finding(self) -> str:
        low, high = self.band
        newest = self.values[-1]
        if low <= newest <= high:
            return "The newest lies within the noise of the earlier ones."
        usual = math.exp(statistics.fmean(map(math.log, self.values[:-1])))
        way = "below" if newest < low else "above"
        return f"The newest lies {abs(100 * (newest / usual - 1)):.0f}% {way} the earlier ones: more than their noise."


def trends(entries: Sequence[Entry]) -> list[Trend]:
    """Of each side that was measured in LEAST_SITTINGS or more on one machine; the one measured last comes first."""
    groups: list[tuple[dict[str, str], list[Entry]]] = []
    by_key: dict[frozenset[tuple[str, str]], list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.run.started):
        if entry.steps and entry.run.outcome is Outcome.COMPLETE:
            asked = {**configuration(entry.run), "machine": str(entry.run.machine.get("id"))}
            key = frozenset(asked.items())
            if key not in by_key:
                by_key[key] = _group(asked, groups)
            by_key[key].append(entry)
    found = [trend for _, runs in groups if (trend := _trend(runs)) is not None]
    return sorted(found, key=lambda trend: -trend.started[-1])


def _group(asked: dict[str, str], groups: list[tuple[dict[str, str], list[Entry]]]) -> list[Entry]:
    """What an older Gatebench did not record is not known to differ."""
    for known, runs in groups:
        if all(known[name] == asked[name] for name in known.keys() & asked.keys()):
            return runs
    groups.append((asked, []))
    return groups[-1][1]


def _trend(runs: Sequence[Entry]) -> Trend | None:
    sittings: dict[str, list[Entry]] = {}
    for entry in runs:
        sittings.setdefault(entry.run.trial.campaign if entry.run.trial else entry.folder, []).append(entry)
    by_users: dict[int, list[tuple[float, float]]] = {}
    for of_one in sittings.values():
        for users in {step.users for entry in of_one for step in entry.steps}:
            rates = [step.rps for entry in of_one for step in entry.steps if step.users == users and _counts(step)]
            if rates:
                by_users.setdefault(users, []).append((of_one[0].run.started, statistics.median(rates)))
    if not by_users:
        return None
    users, points = max(by_users.items(), key=lambda pair: (len(pair[1]), pair[0]))
    if len(points) < LEAST_SITTINGS:
        return None
    machine = runs[-1].run.machine
    return Trend(
        label=runs[-1].label,
        settings=_settings(runs[-1:]),
        machine=f"{machine.get('cpu', 'a machine')}, {machine.get('cores', '?')} cores",
        users=users,
        started=tuple(started for started, _ in points),
        values=tuple(value for _, value in points),
    )


def _counts(step: StepRow) -> bool:
    return step.valid and step.rps > 0


WIDE, HIGH, LEFT, TOP, FOOT = 344, 132, 44, 10, 22


def chart(trend: Trend, place: int) -> str:
    """The sittings from left to right, equally far apart, and the band of their noise."""
    low, high = trend.band
    least, most = min(low, *trend.values), max(high, *trend.values)
    span = (most - least) or most

    def y(value: float) -> float:
        return TOP + (HIGH - TOP - FOOT) * (most - value) / span

    def x(n: int) -> float:
        return LEFT + 8 + (WIDE - LEFT - 16) * n / (len(trend.values) - 1)

    points = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in enumerate(trend.values))
    marks = "".join(
        f'<circle class="point" cx="{x(n):.1f}" cy="{y(value):.1f}" r="2.5">'
        f"<title>{_day(trend.started[n])}: {number(value)} requests/s</title></circle>"
        for n, value in enumerate(trend.values)
    )
    newest = len(trend.values) - 1
    least_told, most_told = number(min(trend.values)), number(max(trend.values))
    told = (
        f"{newest + 1} sittings, from {least_told} to {most_told} requests/s; the newest has "
        f"{number(trend.values[-1])}. {trend.finding}"
    )
    band_height = max(1.0, y(low) - y(high))
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-labelledby="t{place} d{place}">'
        f'<title id="t{place}">{escape(trend.label)}: requests/s at {trend.users:,} users, by date</title>'
        f'<desc id="d{place}">{escape(told)}</desc>'
        f'<rect class="band" x="{LEFT}" y="{y(high):.1f}" width="{WIDE - LEFT}" height="{band_height:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y(high) + 4:.1f}" text-anchor="end">{number(high)}</text>'
        f'<text x="{LEFT - 6}" y="{y(low) + 4:.1f}" text-anchor="end">{number(low)}</text>'
        f'<polyline class="line" points="{points}"/>{marks}'
        f'<circle class="newest" cx="{x(newest):.1f}" cy="{y(trend.values[-1]):.1f}" r="4.5"/>'
        f'<text x="{LEFT}" y="{HIGH - 5}">{_day(trend.started[0])}</text>'
        f'<text x="{WIDE}" y="{HIGH - 5}" text-anchor="end">{_day(trend.started[-1])}</text></svg>'
    )


# The page


def page(entries: Sequence[Entry], damaged: Sequence[Damaged], reports: Sequence[Report], results: Path) -> str:
    """One file, without a script and without anything to load."""
    shown = lines(entries, reports, results)
    sections = (
        _reports_section(_still_there(reports, results)),
        _trends_section(trends(entries)),
        _table(shown),
        _damaged_section(damaged),
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gatebench: all runs</title>
<link rel="icon" href="data:,">
<style>
{STYLE.read_text()}</style>
</head>
<body>
<header>
<p class="small">Gatebench</p>
<h1>{_heading(entries, shown)}</h1>
<p class="small">Made {_moment(time.time())}, and made again by every analysis.
Runs that are not analysed yet: <code>make analyze RUNS="{escape(os.path.relpath(results))}/…"</code></p>
</header>
<main>
{"".join(sections)}</main>
</body>
</html>
"""


def _heading(entries: Sequence[Entry], shown: Sequence[Line]) -> str:
    if not entries:
        return "No run yet"
    campaigns = len({entry.run.trial.campaign for entry in entries if entry.run.trial})
    of_campaigns = f" and {_many(campaigns, 'campaign')}" if campaigns else ""
    return f"{_many(len(entries), 'run')}{of_campaigns}, the newest of {_day(shown[0].started)}"


def _reports_section(there: Sequence[Report]) -> str:
    """The newest first."""
    items = "".join(
        f"<li>{escape(report.sentence or 'Not compared.')} "
        f"<small>{_many(len(report.runs), 'run')}, made {_moment(report.made)}: {_link(report.path)}</small></li>"
        for report in reversed(there)
    )
    return f'<section><h2>Reports</h2><ul class="plain">{items}</ul></section>\n' if there else ""


def _trends_section(found: Sequence[Trend]) -> str:
    if not found:
        return ""
    figures = [_figure(trend, place) for place, trend in enumerate(found)]
    shown = f'<div class="trends">{"".join(figures[:MOST_TRENDS])}</div>'
    if more := figures[MOST_TRENDS:]:
        others = f'<div class="trends">{"".join(more)}</div>'
        shown += f"<details><summary>{_many(len(more), 'other side')}</summary>{others}</details>"
    return (
        "<section><h2>Over time</h2>"
        '<p class="small">A point a sitting: a campaign’s median, or a single run. The grey band is where the newest '
        "lies in 95 of 100 cases when nothing has changed.</p>"
        f"{shown}</section>\n"
    )


def _figure(trend: Trend, place: int) -> str:
    return (
        f"<figure><figcaption><b>{escape(trend.label)}</b>{trend.settings}{escape(trend.finding)}</figcaption>"
        f"{chart(trend, place)}"
        f'<p class="small">Requests/s at {trend.users:,} users, on {escape(trend.machine)}.</p></figure>'
    )


NOTHING = ' class="nothing"'
COLUMNS = ("Date", "Measured", "Found", "Valid", "Code", "Report")


def _table(shown: Sequence[Line]) -> str:
    if not shown:
        return "<p>There is no run here yet: <code>make bench-wsgi</code> makes one.</p>"
    head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    rows = "\n".join(_row(line) for line in shown)
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    return f"<section><h2>Runs and campaigns</h2>{table}</section>\n"


def _row(line: Line) -> str:
    cells = (line.what, line.found, line.valid, line.code, line.report)
    named = zip(COLUMNS[1:], cells, strict=True)
    rest = "".join(f'<td data-name="{name}"{NOTHING * (cell == MISSING)}>{cell}</td>' for name, cell in named)
    return f'<tr><th scope="row">{_moment(line.started)}</th>{rest}</tr>'


def _damaged_section(damaged: Sequence[Damaged]) -> str:
    if not damaged:
        return ""
    items = "".join(f"<li>{escape(one.why)}</li>" for one in damaged)
    return f"<section><h2>Folders that cannot be read</h2><ul>{items}</ul></section>\n"


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


def _moment(moment: float) -> str:
    return time.strftime("%-d %b %Y, %H:%M", time.localtime(moment))


def _day(moment: float) -> str:
    return time.strftime("%-d %b %Y", time.localtime(moment))
