"""The failure table and the late-or-failed table, with a heat scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gatebench.analysis.comparing import article
from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.looks import Look
from gatebench.analysis.showing.page.remarks import NOT_VALID, bullet_list, gathered_list
from gatebench.analysis.showing.page.subject import Part, Subject, each
from gatebench.analysis.showing.page.tables import HeatRow, bounds_of, heat_table, scale_key
from gatebench.analysis.showing.text_tables import INVALID, Table, all_users

NONE_OF_MANY = (
    "0% is what was seen. No failure in n requests leaves a rate of up to 3/n, with 95 % confidence: of 3,000 requests "
    "0.1%."
)


def failed(about: Subject) -> Part:
    users = all_users(about.sides)
    bounds = bounds_of(min((side.objective.failures_pct for side in about.sides), default=1.0))
    told = about.told["Failures"]
    failures = [
        *_published(told.tables[0][1], len(about.looks)),
        *_lines(about.looks, told.tables[0][1], "failure_pct"),
    ]
    late = _lines(about.looks, about.table("Late or failed"), "late_or_failed_pct")
    median = ", median of the trials" if about.several_trials else ""
    body = [
        *heat_table("Failed", f"share of requests{median}", users, failures, bounds),
        *heat_table(
            "Late or failed",
            about.told["Late or failed"].intro[0].lower() + about.told["Late or failed"].intro[1:],
            users,
            late,
            bounds,
        ),
        scale_key(bounds),
        bullet_list([remark for remark in told.remarks if not remark.startswith(INVALID)], "small plain-list"),
        tag("p", NONE_OF_MANY, class_="small"),
        *_reasons(about, told.remarks),
    ]
    return Part("failed", "Failures", _finding(about), body if users else [])


def _reasons(about: Subject, remarks: Sequence[str]) -> Iterator[Markup]:
    """Why steps are not valid: where every asterisk leads to."""
    if reasons := [remark.removeprefix(f"{INVALID} ") for remark in remarks if remark.startswith(INVALID)]:
        heading = tag("p", tag("strong", f"{INVALID} Not valid"))
        yield tag("div", heading, *gathered_list(reasons, about.sides), id=NOT_VALID, class_="notice")


def _lines(looks: Sequence[Look], table: Table, column: str) -> list[HeatRow]:
    """The words are those of the report's table, whose last rows are a side each."""
    users = [int(one) for one in table.header[1:]]
    lines = []
    for look, line in zip(looks, table.rows[-len(looks) :], strict=True):
        percents = {int(row.users): float(getattr(row, column)) for row in look.steps.values()}
        cells = {n: (words, percents.get(n)) for n, words in zip(users, line[1:], strict=True)}
        lines.append(HeatRow(look.html(), cells))
    return lines


def _published(table: Table, sides: int) -> list[HeatRow]:
    """Rows that the article published, where the report has them above its own."""
    users = [int(one) for one in table.header[1:]]
    lines = []
    for line, percents in zip(table.rows[:-sides], article.FAILURE_PCT.values(), strict=False):
        known = dict(zip(article.USERS, percents, strict=True))
        cells = {n: (words, float(known[n]) if n in known else None) for n, words in zip(users, line[1:], strict=True)}
        lines.append(HeatRow(line[0].removesuffix(" failures"), cells))
    return lines


def _finding(about: Subject) -> Content:
    looks = about.looks
    if not any((look.side.steps["requests"] > 0).any() for look in looks):
        return "No request was measured"
    in_tables = any(_first(look, "failure_pct") for look in looks)
    late = _late(looks)
    if any(_fails(look) for look in looks):
        many = sum(_fails(look) is not None for look in looks)
        said = each(looks, lambda look: _fails(look) or _none(look)) or f"{many} of {len(looks)} sides had failures"
        return said if in_tables or late is None else [said, "; ", late]
    unknown = [look for look in looks if not look.measured]
    if unknown and late is None:
        return each(looks, _none) or f"{len(unknown)} of {len(looks)} sides have no valid step"
    return ["No request failed; ", late] if late is not None else "No request failed or was late"


def _late(looks: Sequence[Look]) -> Content:
    late = [look for look in looks if _first(look, "late_or_failed_pct")]
    if not late:
        return None
    some = each(late, lambda look: f"had late answers from {_first(look, 'late_or_failed_pct'):,} users on")
    return some or f"{len(late)} of {len(looks)} sides had late answers"


def _none(look: Look) -> str:
    return "did not fail" if look.measured else "has no valid step"


def _fails(look: Look) -> str | None:
    """A median of 0 hides a failure of a single trial."""
    if users := _first(look, "failure_pct"):
        return f"first failed at {users:,} users"
    failing = [run for run in look.side.runs if (run.steps.loc[run.steps["valid"], "failures"] > 0).any()]
    return f"failed in {len(failing)} of {len(look.side.runs)} trials" if failing else None


def _first(look: Look, column: str) -> int | None:
    """The users of the first step in which it is not 0."""
    return next((users for users, row in look.steps.items() if getattr(row, column) > 0), None)
