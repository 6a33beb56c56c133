"""The top of the page: the answer as its heading, how sure it is, one picture, and the measures beside it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from gatebench.analysis.comparing.ratio import Ratio
from gatebench.analysis.comparing.sentences import in_words, spoken
from gatebench.analysis.comparing.sides import said_once
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.by_users import Columns, Stack
from gatebench.analysis.showing.page.html import Content, Markup, prose, tag
from gatebench.analysis.showing.page.looks import Look
from gatebench.analysis.showing.page.pictures import Held, Ranking, Ratios, shorter
from gatebench.analysis.showing.page.remarks import bullet_list
from gatebench.analysis.showing.page.subject import Subject, figure
from gatebench.analysis.showing.page.tables import asterisk
from gatebench.analysis.showing.remarks import by_weight, gathered
from gatebench.analysis.showing.report import EACH_BY_ITSELF, MORE_DIFFERS, ONE_SAMPLE, TOGETHER, held
from gatebench.analysis.showing.text_tables import INVALID, held_text, invalid_steps, inverted, objectives
from gatebench.analysis.steps.capacity import NO_FAILURE, OBJECTIVE_MET, users_held
from gatebench.analysis.words import MISSING, number, percent
from gatebench.records import Outcome

MOST_COLUMNS = 2
"""Sides that are columns of the table of measures. Of more, each is a row: their names are long."""

MOST_RANKED = 6
"""Sides of a ranking that the heading has room for."""

MOST_UNBROKEN = 18
"""Letters of a name in the heading that stay on one line."""

MOST_FIRST = 6
"""Remarks above the fold."""

_SPACE = "\N{NO-BREAK SPACE}"

MOST_ROWS = 12
"""Sides, or campaigns, that the picture has a row for."""


def answer(about: Subject) -> list[Markup]:
    return [
        tag("p", kicker(about), class_="kicker"),
        tag("h1", coloured(headline(about) + ".", about.looks)),
        *(tag("p", prose(one), class_="lede") for one in _doubts(about)),
        *_picture(about),
        *_measures(about),
        *_read_beside(about),
    ]


def kicker(about: Subject) -> str:
    """What this is a report of: how many runs, of which app, with what that all sides have, and when."""
    runs = about.runs
    days = sorted(
        {time.strftime("%-d %B %Y", time.gmtime(run.run.started)): run.run.started for run in runs}.items(),
        key=lambda one: one[1],
    )
    when = days[0][0] if len(days) == 1 else f"{days[0][0]} to {days[-1][0]}"
    apps = dict.fromkeys(str(run.run.config.get("app") or "") for run in runs)
    shared = said_once([side.label_in_full for side in about.sides])
    what = [f"{len(runs)} runs" if len(runs) > 1 else "one run", *(app for app in apps if app), *shared]
    return f"Gatebench report · {' · '.join(what)} · {when}"


def headline(about: Subject) -> str:
    """The verdict's claim; without a verdict what the one side held, or that sides were not compared."""
    if about.verdicts:
        first = about.verdicts[0]
        return _ranking(first) or first.claim or first.sentence.removesuffix(".")
    if len(about.sides) > 1:
        return f"{len(about.sides)} sides were measured, and are not compared"
    (look,) = about.looks
    kept = users_held(look.side.capacity)
    if pd.notna(kept.users) and not look.measured:
        return f"{spoken(look.name)} was not measured: none of its steps is valid"
    if pd.notna(kept.users):
        how = ", the most that were tried" if kept.ramp_ended else ""
        how = ", but a step that decides this is not valid" if pd.notna(kept.invalid_reason) else how
        return f"{spoken(look.name)} held {int(kept.users):,} users within the objective{how}"
    if kept.ramp_ended:
        return f"{spoken(look.name)} was not measured: no step has a request"
    return f"{spoken(look.name)} missed the objective at every step"


def _ranking(verdict: Verdict) -> str | None:
    """Of a long ranking its beginning: the picture has all of it."""
    ranked_by, colon, _ = verdict.claim.partition(": ")
    if len(verdict.ranks) <= MOST_RANKED or not colon:
        return None
    order = ", ".join(f"{rank} {spoken(rank.label)}" for rank in verdict.ranks[:MOST_RANKED])
    return f"{ranked_by}: {order} and {len(verdict.ranks) - MOST_RANKED} more"


def coloured(words: str, looks: Sequence[Look]) -> Content:
    """The sides' names in their colours. These, and ranges of ranks, are not broken where they have room on a line."""
    by_name = {spoken(look.name): look for look in looks} | {look.name: look for look in looks}
    names = sorted(by_name, key=len, reverse=True)
    parts = re.split(f"({'|'.join(map(re.escape, names))}|\\d+–\\d+)", words)
    return [_unbroken(part, by_name) if n % 2 else part for n, part in enumerate(parts)]


def _unbroken(part: str, by_name: Mapping[str, Look]) -> Markup:
    colour = [by_name[part].mark] if part in by_name else []
    return tag("span", part, class_=" ".join([*colour, *["whole"] * (len(part) <= MOST_UNBROKEN)]))


def _doubts(about: Subject) -> Iterator[str]:
    """How the one run ended, if not well; how sure the verdict is; further verdicts; what was asked of each side."""
    yield from _ended(about)
    for n, one in enumerate(about.verdicts):
        said = (
            [f"{one.doubt[:1].upper()}{one.doubt[1:]}." if one.doubt else "", one.beside]
            if n == 0
            else [one.sentence, one.beside]
        )
        if words := " ".join(part for part in said if part):
            yield words
    objective = objectives(about.sides).replace(" ≤ ", f"{_SPACE}≤{_SPACE}").replace(" s", f"{_SPACE}s")
    sure = [ONE_SAMPLE] * (ONE_SAMPLE in held(about.sides, about.verdicts))
    yield " ".join([*_uncompared(about), f"The objective is {objective}.", *sure])


def _ended(about: Subject) -> Iterator[str]:
    """Of a single run: how it ended, and why it has no valid step."""
    if len(about.runs) > 1:
        return
    (run,) = about.runs
    if run.run.outcome is not Outcome.COMPLETE:
        yield run.notes[0]
    if len(run.steps) and not about.looks[0].measured:
        yield next(invalid_steps([run])).removeprefix(f"{INVALID} ")


def _uncompared(about: Subject) -> Iterator[str]:
    """Why more than two sides have no verdict."""
    if len(about.sides) > 2 and not about.verdicts:
        differs = next((one for one in about.told["The answer"].remarks if one.startswith(MORE_DIFFERS)), None)
        yield differs or "A ranking needs trials: TRIALS=5 makes them."


def _picture(about: Subject) -> Iterator[Markup]:
    verdict = about.verdict
    decides = None if verdict is None or not len(verdict.ratios) else verdict.ratios[verdict.ratios["decides"]]
    if verdict and decides is not None and len(verdict.sides) == 2 and pd.notna(decides["low"].iloc[0]):
        yield _ratio_figure(verdict)
    elif verdict and decides is not None and verdict.ranks and decides["low"].notna().any():
        ranking = Ranking(about.looks, verdict, verdict.measure)
        tied = any(rank.best < rank.worst for rank in verdict.ranks)
        how = [
            [tag("strong", "What each has of the first one's. "), "Bar: the 95 % interval."],
            "Intervals hold together. A bar that reaches the dotted line is not clearly apart from the first.",
            *(["A rank of 2–4 is any of these: sides that share a rank are not clearly apart."] if tied else []),
        ]
        yield figure("verdict", how, *plot.twice(ranking.draw))
    elif len(about.sides) == 1:
        yield _outcomes(about.looks[0])
    else:
        looks = about.looks if len(about.looks) <= MOST_ROWS else about.named
        how = [
            [
                tag("strong", "Users within the objective. "),
                "Dotted: as many as were tried. The mark across: users without a failure.",
            ],
            *(
                ["The two that held the most and the fewest; the others are grey in the charts."]
                if len(looks) < len(about.looks)
                else []
            ),
        ]
        yield figure("verdict", how, *plot.twice(Held(looks).draw))


def _ratio_figure(verdict: Verdict) -> Markup:
    """The side that has more comes first, as in the sentence."""
    decides = next(rows(verdict.ratios[verdict.ratios["decides"]]))
    turned = verdict.turned
    shown = inverted(decides) if turned else decides
    value, low, high = shown.ratio, shown.low, shown.high
    first, second = (decides.a, decides.b) if turned else (decides.b, decides.a)
    trials = [
        (campaign, [1 / n if turned else n for n in group["ratio"]])
        for campaign, group in verdict.trials.groupby("campaign")
    ] if len(verdict.trials) else []  # fmt: skip
    if len(trials) > MOST_ROWS:
        trials = [("each trial", [n for _, some in trials for n in some])]
    named = [
        (f"campaign {n}" if len(trials) > 1 else "each trial", some) for n, (_, some) in enumerate(trials, start=1)
    ]
    measure = verdict.measure
    said = "; ".join(f"{name}: {', '.join(f'{one:.2f}' for one in some)}" for name, some in named)
    words, *interval = in_words(Ratio(value, (low, high)))
    ends = " to ".join(interval)
    picture = Ratios(
        f"How many times the {measure} of {second} has {first}?",
        f"{said}. In all {words}, 95 % interval {ends}. 1 would be no difference.",
        named,
        value,
        (low, high),
        words,
    )
    what = "campaigns, of which each is one observation" if len(named) > 1 else "trials"
    how = [
        [tag("strong", f"Times the {measure}. "), "A ring is one trial: both sides, one right after the other. "],
        f"The bar is the 95 % interval over the {what}.",
    ]
    return figure("verdict", how if named else how[1:], *plot.twice(picture.draw))


def _outcomes(look: Look) -> Markup:
    """Of one run: of its requests those in time, late and failed, by users."""
    stacks = []
    for row in look.steps.values():
        if pd.isna(row.failure_pct):
            continue
        late = row.late_or_failed_pct - row.failure_pct
        star = "" if row.valid else "*"
        stacks.append(
            Stack(
                int(row.users),
                look,
                [("bar", 100 - row.late_or_failed_pct), ("late", late), ("fell", row.failure_pct)],
                f"late or failed {percent(row.late_or_failed_pct)}{star}, failed {percent(row.failure_pct)}{star}",
                above=percent(row.late_or_failed_pct),
                valid=bool(row.valid),
            )
        )
    said = "; ".join(f"{one.users:,} users: {one.words}" for one in stacks) or "No request was measured"
    chart = Columns(
        "verdict", "Requests in time, late and failed, by users", f"{said}.", stacks, lambda value: f"{value:g} %",
        (("bar", "in time", "in time"), ("late", "late", "late"), ("fell", "failed", "failed")), 100.0, height=260,
    )  # fmt: skip
    how: list[Content] = [
        [tag("strong", "Of all requests. "), "The number above a column is the share that was late or failed."],
        *(["Hollow: the step is not valid."] if any(not one.valid for one in stacks) else []),
    ]
    return figure("verdict", how, *chart.drawn()) if stacks else tag("p", "No request was measured.")


def _measures(about: Subject) -> Iterator[Markup]:
    """Four numbers of each side; of two sides with their ratio."""
    looks = about.looks
    top = _top(looks)
    columns = [
        ("Users within the objective", [_held_cell(look, OBJECTIVE_MET) for look in looks]),
        ("Users without a failure", [_held_cell(look, NO_FAILURE) for look in looks]),
    ]
    if top is not None:
        columns += [
            (f"Requests/s at {top:,} users", [_number_cell(look, top, "rps") for look in looks]),
            (
                f"App server's CPU, ms per request, at {top:,} users",
                [_number_cell(look, top, "cpu_ms_per_request_app") for look in looks],
            ),
        ]
    caption = tag("caption", "Each side in four measures", class_="vh")
    if len(looks) <= MOST_COLUMNS:
        head = [tag("th", look.html(), scope="col") for look in looks]
        body = [tag("tr", tag("th", name, scope="row"), cells) for name, cells in columns]
        first = "Measure"
    else:
        head = [tag("th", name, scope="col") for name, _ in columns]
        body = [
            tag("tr", tag("th", look.html(), scope="row"), [cells[n] for _, cells in columns])
            for n, look in enumerate(looks)
        ]
        first = "Side"
    table = tag(
        "table",
        caption,
        tag("thead", tag("tr", tag("th", tag("span", first, class_="vh"), scope="col"), head)),
        tag("tbody", body),
        class_="big even" if len(looks) <= MOST_COLUMNS else "big",
    )
    yield (
        table
        if len(looks) <= MOST_ROWS
        else tag("details", tag("summary", f"All {len(looks)} sides in four measures"), table)
    )
    if about.several_trials:
        yield tag("p", "Medians of the trials, with the lowest and the highest.", class_="small")


def _top(looks: Sequence[Look]) -> int | None:
    """The most users at which every side has a valid step."""
    valid = [{users for users, row in look.steps.items() if row.valid} for look in looks]
    return max(set.intersection(*valid), default=None)


def _held_cell(look: Look, measure: str) -> Markup:
    words, or_more = shorter(held_text(look.side, measure))
    none = words.replace("none of its steps", "none")
    beside = "or more" if or_more else "of its steps" if none != words else None
    return tag("td", tag("b", asterisk(none)), [" ", tag("span", beside, class_="range")] if beside else None)


def _number_cell(look: Look, users: int, column: str) -> Markup:
    row = look.steps[users]
    value = number(getattr(row, column))
    if look.side.spread and value != MISSING:
        low, high = number(getattr(row, f"{column}_low")), number(getattr(row, f"{column}_high"))
        return tag("td", tag("b", value), [" ", tag("span", f"{low}–{high}", class_="range")] if low != high else None)
    return tag("td", tag("b", value))


def _read_beside(about: Subject) -> Iterator[Markup]:
    """What the report has beside its answer: alarms, steps that are not valid and damage first, then what the ratio is
    one of.
    """
    remarks = about.told["The answer"].remarks
    ratios = {remark for one in about.verdicts for remark in one.remarks} | {EACH_BY_ITSELF, TOGETHER}
    above = {f"{about.runs[0].label}: {one}" for one in _ended(about)} | {*_uncompared(about)}
    first = merged([one for one in remarks if one not in ratios | above], [look.name for look in about.looks])
    rest = [remark for remark in remarks if remark in ratios]
    if first:
        shown = gathered(first, about.sides)[:MOST_FIRST]
        more = [one for one in first if one not in shown]
        yield tag(
            "div",
            tag("p", tag("strong", "Read first")),
            bullet_list(shown),
            tag("details", tag("summary", f"and {len(more)} more"), bullet_list(more)) if more else None,
            class_="notice",
        )
    if rest:
        yield tag(
            "details",
            tag("summary", "What this was measured with, and what the intervals promise"),
            bullet_list(rest),
        )


def merged(remarks: Sequence[str], names: Sequence[str]) -> list[str]:
    """Alarms first; what is said alike of several sides is said once."""
    about: dict[str, list[str]] = {}
    for remark in by_weight(remarks):
        name = next((one for one in names if remark.startswith(f"{one}: ")), None)
        said = remark.removeprefix(f"{name}: ") if name else remark
        about.setdefault(said, []).extend([name] if name else [])
    return [f"{_all_or(some, names)}: {said}" if some else said for said, some in about.items()]


def _all_or(some: Sequence[str], names: Sequence[str]) -> str:
    return "Every side" if len(some) == len(names) > 1 else ", ".join(some)
