"""How an analysis ends on stdout: the answer in at most 40 lines, all of the report, JSON, or nothing."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from gatebench.analysis.comparing.gates import Judgement
from gatebench.analysis.comparing.sides import Side
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing import text_tables
from gatebench.analysis.showing.remarks import by_weight, gathered
from gatebench.analysis.showing.render import console, show
from gatebench.analysis.showing.report import Section, answer
from gatebench.analysis.showing.text_tables import Table
from gatebench.analysis.words import count
from gatebench.errors import UsageError

LINES = 40
"""Of the answer with the paths below it: a screen of most terminals."""

MOST_SIDES = 6
MOST_CAUSES = 3  # a side
MOST_DOUBTS = 5


class How(StrEnum):
    ANSWER = "ANSWER"
    FULL = "FULL"
    JSON = "JSON"
    QUIET = "QUIET"


def how_of(given: Mapping[str, bool]) -> How:
    """From the switches FULL, JSON and QUIET; raises UsageError for two at once."""
    asked = [name for name in (How.FULL, How.JSON, How.QUIET) if given[name]]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} exclude each other: give one of them.")
    return asked[0] if asked else How.ANSWER


def end(
    how: How,
    sections: Sequence[Section],
    sides: Sequence[Side],
    verdicts: Sequence[Verdict],
    judgements: Sequence[Judgement],
    written: Sequence[str],
) -> None:
    """Prints it. `written` are sentences on where everything is."""
    if how is How.FULL:
        show(sections, console())
        print("", *written, sep="\n", flush=True)
    elif how is How.JSON:
        print(json.dumps(as_json(sides, verdicts, judgements), indent=2), flush=True)
    elif how is How.ANSWER:
        print(*screen(brief(sections, sides, verdicts), console()), "", *written, sep="\n", flush=True)


def open_page(page: Path) -> str | None:
    """A sentence where there is no browser that could show it."""
    return None if webbrowser.open(page.resolve().as_uri()) else f"No browser could be opened: open {page} by hand."


def brief(sections: Sequence[Section], sides: Sequence[Side], verdicts: Sequence[Verdict]) -> list[Section]:
    """What must be known, the most important first: the verdict, failures, causes, then doubts."""
    told = {section.title: section for section in sections}
    failed = _both(text_tables.failure_table(sides), text_tables.late_or_failed_table(sides), sides)
    causes = Section("Causes", remarks=[line for side in sides for line in _causes(side)])
    doubts = gathered(by_weight([*told["The answer"].remarks, *told["Failures"].remarks]), sides)
    found = [
        Section("The answer", answer(sides, verdicts)),
        Section("Failed, and late or failed", tables=[("", failed)]),
    ]
    if "Gates" in told:
        found.insert(1, Section("Gates", tables=told["Gates"].tables))
    if causes.remarks:
        found.append(causes)
    if doubts:
        more = [f"… and {len(doubts) - MOST_DOUBTS} more in the report."] * (len(doubts) > MOST_DOUBTS)
        found.append(Section("Doubts", remarks=[*doubts[:MOST_DOUBTS], *more]))
    return found


def screen(sections: Sequence[Section], to: Console) -> list[str]:
    """The lines, as many as fit."""
    with to.capture() as capture:
        show(sections, to)
    lines = capture.get().strip("\n").splitlines()
    most = LINES - 4  # the paths
    return lines if len(lines) <= most else [*lines[: most - 1], "… FULL=1 shows the rest, and the report has it."]


def _both(failures: Table, late: Table, sides: Sequence[Side]) -> Table:
    """The rows of both, side by side of a name; of many sides the first."""
    published = failures.rows[: len(failures.rows) - len(sides)]
    own = failures.rows[len(published) :]
    pairs = [row for pair in zip(own, late.rows, strict=True) for row in pair][: 2 * MOST_SIDES]
    left = [f"and {len(sides) - MOST_SIDES} others", *[""] * (len(failures.header) - 1)]
    return Table(failures.header, [*published, *pairs, *[left] * (len(sides) > MOST_SIDES)])


def _causes(side: Side) -> list[str]:
    """A line a cause, most frequent first."""
    if side.causes.empty:
        return []
    totals = side.causes.groupby(["failure", "layer"], sort=False)["failures"].sum().reset_index()
    lines = [
        f"{side.label}: {row.failure} ({row.layer}), {count(row.failures)}"
        for row in rows(totals.sort_values("failures", ascending=False))
    ]
    more = [f"{side.label}: {len(lines) - MOST_CAUSES} other causes"] * (len(lines) > MOST_CAUSES)
    return [*lines[:MOST_CAUSES], *more]


def as_json(sides: Sequence[Side], verdicts: Sequence[Verdict], judgements: Sequence[Judgement]) -> dict[str, Any]:
    """For scripts: the numbers of tables/*.csv; what is not known is null."""
    return {
        "verdicts": [
            {"sentence": one.sentence, "beside": one.beside, "remarks": one.remarks, "ratios": _records(one.ratios)}
            for one in verdicts
        ],
        "gates": [
            {
                "gate": one.gate,
                "side": one.side,
                "value": one.value,
                "limit": one.limit,
                "passed": one.passed,
                "why": one.why,
            }
            for one in judgements
        ],
        "sides": [
            {
                "name": side.name,
                "label": side.label,
                "label_in_full": side.label_in_full,
                "runs": [str(run.folder.path) for run in side.runs],
                "steps": _records(side.steps),
                "capacity": _records(side.capacity),
                "causes": _records(side.causes),
            }
            for side in sides
        ],
    }


def _records(frame: pd.DataFrame) -> Any:
    return json.loads(frame.to_json(orient="records", double_precision=6))
