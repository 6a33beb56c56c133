"""The charts: latency, throughput and CPU by users, and what each step opens into."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.page import plot
from gatebench.analysis.showing.page.by_users import Columns, Lines, Series, Stack, series_of, users_of
from gatebench.analysis.showing.page.html import Content, Markup, tag
from gatebench.analysis.showing.page.lanes import NAMES
from gatebench.analysis.showing.page.looks import MOST_NAMED, Look
from gatebench.analysis.showing.page.remarks import bullet_list
from gatebench.analysis.showing.page.step_charts import Percentiles, Seconds, milliseconds
from gatebench.analysis.showing.page.subject import Part, Subject, each, figure
from gatebench.analysis.showing.page.tables import chart_numbers, numbers_of, table_of
from gatebench.analysis.showing.text_tables import Table, capacity_text
from gatebench.analysis.steps.capacity import users_held
from gatebench.analysis.words import MISSING, count, number
from gatebench.records import PGBOUNCER, ROLES, SERVICE, SOME_ROLES

MOST_SAID = 24
"""Columns that the description of a chart has in words."""

MOST_OPENED = 40
"""Steps that open into their details."""

ROLE_CSS = dict(zip((*ROLES, *SOME_ROLES), ("bar", "r1", "r2", "r3", "r4", "r5"), strict=True))
ROLE_WORDS = {
    "app": "app", "nginx": "Nginx", "postgres": "PostgreSQL", "generator": "load", SERVICE: SERVICE,
    PGBOUNCER: "PgBouncer",
}  # fmt: skip
"""Where there is little room."""

ROLE_NAMES = {
    "app": "app server", "nginx": "Nginx", "postgres": "PostgreSQL", "generator": "load generator", SERVICE: SERVICE,
    PGBOUNCER: "PgBouncer",
}  # fmt: skip


def roles_of(looks: Sequence[Look]) -> list[str]:
    """Few have more than the usual ones."""
    there = {role for look in looks for role in look.side.resources["role"]}
    return [*ROLES, *(role for role in SOME_ROLES if role in there)]


def opened(about: Subject) -> list[int]:
    users = users_of(about.looks)
    return [int(n) for n in plot.some_of([float(n) for n in users], MOST_OPENED)]


def _band(about: Subject) -> list[Content]:
    how: list[Content] = []
    if about.several_trials:
        how.append("Line: median of the trials. Band: the lowest to the highest of them.")
    if any(not valid for look in about.looks for valid in look.side.steps["valid"]):
        how.append(["A hollow mark is a step that is ", tag("a", "not valid", href="#not-valid"), "."])
    if len(about.looks) > MOST_NAMED:
        how.append("Grey: all other sides. Their numbers are below.")
    return how


def _known(series: Sequence[Series]) -> bool:
    return any(math.isfinite(value) for one in series for value in one.values)


def latency(about: Subject) -> Part | None:
    series = [series_of(look, "p95_ms") for look in about.looks]
    if not _known(series):
        return None
    objectives = dict.fromkeys(side.objective.p95_ms for side in about.sides)
    chart = Lines(
        "latency", "p95 latency by users", _told(series, "ms"), series, number, milliseconds, " ms", True,
        limits=[(ms, f"objective: {milliseconds(ms)}") for ms in objectives], steps=opened(about),
    )  # fmt: skip
    how = [
        [tag("strong", "p95: "), "of 100 successful requests, 95 took no longer. The axis is logarithmic."],
        *_band(about),
    ]
    table = about.table("Latency")
    measures = [(f"{name}, ms", f"{name}_ms", number) for name in ("p50", "p95", "p99", "max")]
    numbers = chart_numbers(about.looks, measures, table, about.verdict)
    finding = each(about.looks, _kept) or "How long an answer took, by users"
    return Part("latency", "Latency", finding, [figure("latency", how, *chart.drawn(), numbers)])


def _kept(look: Look) -> str:
    """As the capacity table has it."""
    kept = users_held(look.side.capacity)
    if pd.notna(kept.users) and not look.measured:
        return "has no valid step"
    if pd.isna(kept.users):
        return "never kept the objective" if not kept.ramp_ended else "was not measured"
    words = capacity_text(kept)
    if kept.ramp_ended:
        return f"kept the objective up to the end of the ramp, {words.replace(' (end of the ramp)', '')} users"
    return f"kept the objective up to {words} users"


def updates(about: Subject) -> Part | None:
    """None where nothing was sent unasked."""
    told = about.told.get("Updates")
    if told is None:
        return None
    table = table_of(told.tables[0][1], "Updates", hidden=True)
    return Part("updates", "Updates", "How late news arrived, by users", [tag("p", told.intro, class_="small"), table])


def throughput(about: Subject) -> Part | None:
    series = [series_of(look, "rps") for look in about.looks]
    if not _known(series) or not any((side.steps["requests"] > 0).any() for side in about.sides):
        return None
    asked = _asked(about)
    chart = Lines(
        "throughput", "Successful requests a second by users", _told(series, "a second"), series, number,
        lambda value: f"{value:,g}", asked=asked, steps=opened(about), height=330,
    )  # fmt: skip
    how: list[Content] = [[tag("strong", "Successful requests a second. "), "A failure is no throughput."]]
    if len(asked) > 1:
        how.append(
            "Dashed grey: what the users would ask for if every answer came at once. They wait for an answer before "
            "they go on, so a slow site is asked for less: the curve goes flat and does not fall."
        )
    measures = [("Requests/s", "rps", number), ("Requests", "requests", _whole)]
    numbers = chart_numbers(about.looks, measures, about.table("Throughput"), about.verdict)
    finding = each(about.looks, lambda look: _most(look, "rps")) or "Successful requests a second, by users"
    return Part(
        "throughput", "Throughput", finding, [figure("throughput", [*how, *_band(about)], *chart.drawn(), numbers)]
    )


def _whole(value: Any) -> str:
    """A median of counts may end in a half."""
    return MISSING if pd.isna(value) else f"{value:,.0f}"


def _most(look: Look, column: str) -> str | None:
    """The highest of its table, of valid steps where there are any."""
    valid = look.side.steps[look.side.steps["valid"].astype(bool)]
    values = (valid if len(valid) else look.side.steps)[column].dropna()
    return f"served up to {number(values.max())} a second" if len(values) else None


def _asked(about: Subject) -> list[tuple[int, float]]:
    """By users, where every side was asked for the same but for a twentieth: one line stands for all."""
    found = []
    for users in users_of(about.looks):
        values = [float(look.steps[users].asked_rps) for look in about.looks if users in look.steps]
        values = [value for value in values if math.isfinite(value)]
        if values and max(values) <= 1.05 * min(values):
            found.append((users, max(values)))
    return found


def cpu(about: Subject) -> Part | None:
    looks = about.looks if len(about.looks) <= MOST_NAMED else about.named
    stacks = [one for look in looks for one in _stacks(look)]
    if not stacks:
        return None
    said = "; ".join(f"{one.users:,} users, {one.words}" for one in stacks[:MOST_SAID])
    chart = Columns(
        "cpu", "CPU milliseconds per request by role and users", f"{said}.", stacks, lambda value: f"{value:g} ms",
        [(ROLE_CSS[role], ROLE_NAMES[role], ROLE_WORDS[role]) for role in roles_of(looks)], steps=opened(about),
    )  # fmt: skip
    how: list[Content] = [
        [
            tag("strong", "CPU milliseconds per request. "),
            "The app server is in its side's colour, with its number; the rest is grey.",
        ],
        *(["Whisker: the app server's lowest to highest trial."] if about.several_trials else []),
        *(["Hollow: the step is not valid."] if any(not one.valid for one in stacks) else []),
        *(["Of the many sides, the two in colour."] if len(looks) < len(about.looks) else []),
    ]
    told = about.told["Resources"]
    body = [
        figure(
            "cpu",
            how,
            *chart.drawn(),
            numbers_of(
                "The numbers, and peaks of memory, threads and connections",
                [tag("p", told.intro, class_="small"), *_tables(about)],
            ),
        ),
        bullet_list(told.remarks, "small plain-list"),
    ]
    finding = _app_cpu(looks) or "What a request cost, by role"
    return Part("cpu", "CPU per request", finding, body)


def _tables(about: Subject) -> Iterator[Markup]:
    for title, table in about.told["Resources"].tables:
        yield table_of(table, title)


def _stacks(look: Look) -> Iterator[Stack]:
    roles = roles_of([look])
    wide = look.side.resources.pivot(index="users", columns="role", values="cpu_ms_per_request").reindex(columns=roles)
    for users, of_roles in wide.iterrows():
        row = look.steps.get(int(str(users)))
        if row is None or of_roles.isna().all():
            continue
        parts = [(ROLE_CSS[role], 0.0 if pd.isna(of_roles[role]) else float(of_roles[role])) for role in roles]
        star = "" if row.valid else "*"
        words = f"{look.short} {', '.join(f'{ROLE_WORDS[role]} {number(of_roles[role])}' for role in roles)}{star}"
        low, high = (getattr(row, f"cpu_ms_per_request_app_{end}", math.nan) for end in ("low", "high"))
        whisker = (float(low), float(high)) if look.side.spread and pd.notna(low) and low < high else None
        yield Stack(int(row.users), look, parts, words, number(of_roles["app"]), whisker=whisker, valid=bool(row.valid))


def _app_cpu(looks: Sequence[Look]) -> Content:
    """At the most users of which every side has a valid step with a figure."""
    known = [{n for n, row in look.steps.items() if row.valid and row.cpu_ms_per_request_app > 0} for look in looks]
    users = max(set.intersection(*known), default=None)
    if users is None:
        return None
    said = each(looks, lambda look: f"took {number(look.steps[users].cpu_ms_per_request_app)} ms")
    return said and [said, f" of the app server's CPU, at {users:,} users"]


def steps(about: Subject) -> Part | None:
    """Each step's details, which a click on it in a chart opens."""
    found = [_opened(about, users) for users in opened(about)]
    if not found:
        return None
    every = users_of(about.looks)
    some = "" if len(found) == len(every) else f" {len(found)} of the {len(every)} steps are here."
    intro = f"A click on a step in a chart opens it here, and so does Enter.{some} Percentiles are of successes."
    return Part(
        "steps",
        "Step by step",
        "Percentiles, causes and seconds of each step",
        [tag("p", intro, class_="small"), *found],
    )


def _opened(about: Subject, users: int) -> Markup:
    looks = about.named
    of_side = [(look, look.steps[users]) for look in looks if users in look.steps]
    percentiles = Percentiles(
        users,
        [(look, row) for look, row in of_side if pd.notna(row.p50_ms)],
        [*dict.fromkeys(look.side.objective.p95_ms for look in looks)],
    )
    seconds = Seconds(users, [(look, look.side.runs[0], _seconds(look, users)) for look, _ in of_side])
    content: list[Content] = []
    if percentiles.known:
        content += plot.twice(percentiles.draw)
    content.append(_failures_of(looks, users))
    if seconds.known:
        first = " Of each side's trials, the first is shown." if about.several_trials else ""
        content += [
            tag(
                "p",
                f"Successful requests that began in each second of the hold. Cross: a second with a failure.{first}",
                class_="small",
            ),
            *plot.twice(seconds.draw),
        ]
    return tag("details", tag("summary", f"{users:,} users"), content, id=f"step-{users}", class_="opened")


def _seconds(look: Look, users: int) -> pd.DataFrame:
    """Those that lie in the hold whole."""
    run = look.side.runs[0]
    ends = {step.number: step.hold_ended for step in run.run.steps if step.users == users and step.hold_ended}
    held = run.timeline[run.timeline["step"].isin(list(ends))]
    return held[held["time"] + 1 <= held["step"].map(ends).astype("float64")]


def _failures_of(looks: Sequence[Look], users: int) -> Markup:
    """The causes of the step's failures, a row each, with a column a side."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for look in looks:
        for row in rows(look.side.causes[look.side.causes["users"] == users]):
            counts.setdefault((row.failure, row.layer), {})[look.name] = int(row.failures)
    if not counts:
        measured = [run.steps[run.steps["users"] == users] for look in looks for run in look.side.runs]
        some = any(steps["requests"].any() for steps in measured)
        return tag("p", f"No request {'failed' if some else 'was measured'} in this step.", class_="small")
    lines = [
        [failure, NAMES.get(layer, layer), *(count(of_side.get(look.name, 0)) for look in looks)]
        for (failure, layer), of_side in counts.items()
    ]
    return table_of(
        Table(["Cause", "Layer", *(look.name for look in looks)], lines, text_columns=2),
        f"Failures by cause at {users:,} users",
    )


def _told(series: Sequence[Series], unit: str) -> str:
    """All values of those with a colour, for who cannot see the chart."""
    said = []
    for one in series:
        if one.look.named:
            values = (
                f"{users:,} users {number(value)}"
                for users, value in zip(one.users, one.values, strict=True)
                if math.isfinite(value)
            )
            said.append(f"{one.look.name}, {unit}: {', '.join(values) or MISSING}")
    return f"{'; '.join(said)}."
