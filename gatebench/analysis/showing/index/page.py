"""results/index.html: every run and campaign of a results folder, the newest first, and how sides did over time.

Made of run.json and steps.csv alone, so that a thousand runs take a second. What an analysis found beyond that, its
sentence, stays in reports.json beside the page.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from gatebench.analysis.comparing.sides import Side, all_runs, every_side
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.showing.export import save_text
from gatebench.analysis.showing.index.entries import Damaged, Entry, Report, many, read_entries, read_reports
from gatebench.analysis.showing.index.lines import Line, lines, link, still_there
from gatebench.analysis.showing.index.trends import Trend, chart, day, trends
from gatebench.analysis.words import MISSING

STYLE = Path(__file__).with_name("index.css")

MOST_TRENDS = 6
"""Shown at once: those that were measured last."""


def write_index(results: Path, sides: Sequence[Side], verdicts: Sequence[Verdict], out: Path) -> Path:
    """The page's path, of this analysis too; raises MachineError when it cannot write."""
    note_report(results, sides, verdicts, out)
    return rewrite_index(results)


def note_report(results: Path, sides: Sequence[Side], verdicts: Sequence[Verdict], out: Path) -> None:
    """Into reports.json."""
    made = next((path for path in (out / "report.html", out / "report.md") if path.exists()), out)
    new = Report(
        path=os.path.relpath(made, results),
        made=time.time(),
        runs=tuple(sorted(os.path.relpath(run.folder.path, results) for run in all_runs(sides))),
        sentence=" ".join([every_side(sides), *(verdict.sentence for verdict in verdicts)]).strip() if verdicts else "",
    )
    reports = [*(one for one in read_reports(results) if one.runs != new.runs), new]
    save_text(json.dumps([asdict(one) for one in reports], indent=1) + "\n", results / "reports.json")


def rewrite_index(results: Path) -> Path:
    """The page's path, of what the folder has now."""
    entries, damaged = read_entries(results)
    save_text(page(entries, damaged, read_reports(results), results), results / "index.html")
    return results / "index.html"


def page(entries: Sequence[Entry], damaged: Sequence[Damaged], reports: Sequence[Report], results: Path) -> str:
    """One file, without a script and without anything to load."""
    shown = lines(entries, reports, results)
    sections = (
        _reports_section(still_there(reports, results)),
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
    of_campaigns = f" and {many(campaigns, 'campaign')}" if campaigns else ""
    return f"{many(len(entries), 'run')}{of_campaigns}, the newest of {day(shown[0].started)}"


def _reports_section(there: Sequence[Report]) -> str:
    """The newest first."""
    items = "".join(
        f"<li>{escape(report.sentence or 'Not compared.')} "
        f"<small>{many(len(report.runs), 'run')}, made {_moment(report.made)}: {link(report.path)}</small></li>"
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
        shown += f"<details><summary>{many(len(more), 'other side')}</summary>{others}</details>"
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


def _moment(moment: float) -> str:
    return time.strftime("%-d %b %Y, %H:%M", time.localtime(moment))
