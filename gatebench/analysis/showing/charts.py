"""The charts. Told apart by colour (Okabe and Ito's, safe for the colour-blind), by marker, by dashes and by a label
at the line's end, so that they are read in grey too. A hollow marker is a step that is not valid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation

from gatebench.analysis.analysed_run import AnalysedRun, Shown
from gatebench.analysis.comparing.held import ALL, KNOWN
from gatebench.analysis.comparing.sides import Side
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing.export import cannot_write
from gatebench.analysis.showing.guide import held
from gatebench.analysis.showing.ladder import SHIPPED
from gatebench.analysis.showing.spacing import spread
from gatebench.analysis.words import number
from gatebench.records import GUIDE_COLUMNS, PGBOUNCER, ROLES, SERVICE

Runs = Sequence[Shown]
"""What has a line: a run, or a side with its medians and, around them, a band from the lowest to the highest."""

DPI = 150
GREY = "0.45"
LABEL_PT = 9.0
DODGE_PT, MOST_DODGE_PT = 6.0, 24.0
"""How far apart runs stand that have the same value at the same users: failures are 0 % nearly
everywhere. Less where many runs would need more than the most."""


LEADER = {"arrowstyle": "-", "color": "0.6", "linewidth": 0.7, "linestyle": ":", "relpos": (0, 0.5), "shrinkB": 4}


@dataclass(frozen=True, slots=True)
class Style:
    colour: str
    marker: str
    dashes: Any


STYLES = (
    Style("#0072B2", "o", "-"),
    Style("#D55E00", "s", (0, (6, 2))),
    Style("#009E73", "^", (0, (2, 1.5))),
    Style("#CC79A7", "D", (0, (6, 2, 1, 2))),
    Style("#000000", "v", "-"),
    Style("#E69F00", "P", (0, (6, 2))),
    Style("#56B4E9", "X", (0, (2, 1.5))),
)

ROLE_COLOURS = {
    "app": "#0072B2", "nginx": "#E69F00", "postgres": "#009E73", PGBOUNCER: "#56B4E9", SERVICE: "#CC79A7",
    "generator": "0.8",
}  # fmt: skip
"""Neighbours in a stack differ in lightness too."""

FAILED, OK, LATENCY = STYLES[1].colour, STYLES[0].colour, STYLES[2].colour


def save_charts(sides: Sequence[Side], folder: Path) -> dict[str, list[Path]]:
    """Every chart as PNG and SVG in `folder`; the PNGs, by what they show. Raises MachineError when it cannot write.

    Second by second, one run stands for its side: the first.
    """
    figures = {"failures": [("failures", failures(sides))], "throughput": [("throughput", throughput(sides))]}
    figures["latency"] = [("latency", latency(sides))]
    if any(side.resources["cpu_ms_per_request"].notna().any() for side in sides):
        figures["resources"] = [("resources", resources(sides))]
    first = [side.runs[0] for side in sides]
    figures["timeline"] = [(f"timeline-{run.run.id}", timeline(run)) for run in first if len(run.timeline)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in (*folder.glob("timeline-*.*"), *folder.glob("resources.*")):  # of runs that are not shown this time
            old.unlink()
        return {what: [_save(figure, folder / name) for name, figure in some] for what, some in figures.items() if some}
    except OSError as error:
        raise cannot_write(folder, error) from error


def save_guide_chart(table: pd.DataFrame, folder: Path) -> Path:
    """The PNG of GUIDE's columns. Raises MachineError when it cannot write."""
    return _save_alone(guide(table[table["side"].isin(GUIDE_COLUMNS)]), folder / "guide")


def guide(table: pd.DataFrame) -> Figure:
    """A block a workload, a line a side: users held, with the interval."""
    styles = dict(zip(GUIDE_COLUMNS, STYLES, strict=False))
    blocks = {str(name): list(rows(of_one)) for name, of_one in table.groupby("workload")}
    lines = sum(map(len, blocks.values())) + len(blocks)
    figure = Figure(figsize=(9, 1.2 + 0.19 * lines), layout="constrained")
    axes = figure.subplots()
    y, middles = 0, []
    for sides in blocks.values():
        middles.append(y + (len(sides) - 1) / 2)
        for side in sides:
            _held(axes, side, y, styles[side.side])
            y += 1
        y += 1
        axes.axhline(y - 1, color="0.9", linewidth=0.8)
    _axis_of_users(axes)
    axes.set_ylim(y - 1, -1)
    axes.set_yticks(middles, list(blocks))
    figure.suptitle("Users that each kind of site holds", x=0.01, ha="left", fontweight="bold")
    keys = [
        Line2D([], [], linestyle="", marker=style.marker, color=style.colour, label=side)
        for side, style in styles.items()
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False, fontsize=LABEL_PT)
    return figure


def save_ladder_chart(table: pd.DataFrame, folder: Path) -> Path:
    """The PNG of LADDER. Raises MachineError when it cannot write."""
    return _save_alone(ladder(table), folder / "ladder")


def ladder(table: pd.DataFrame) -> Figure:
    """A line a rung: its CPU time per request, and from where the rung before it ends. The way to ASGI as shipped comes
    first, and what branches off from it below.
    """
    by_name = {row.rung: row for row in rows(table)}
    figure = Figure(figsize=(9, 0.9 + 0.36 * len(table)), layout="constrained")
    axes = figure.subplots()
    for y, row in enumerate(rows(table)):
        before = by_name.get(row.before)
        at = row.cpu_ms
        if before is None or row.rung == SHIPPED:
            colour = STYLES[0].colour if before is None else STYLES[1].colour
            axes.barh(y, row.cpu_ms, height=0.55, color=colour)
        else:
            grey = "0.7" if row.added_ms >= 0 else "white"
            axes.barh(y, row.added_ms, left=before.cpu_ms, height=0.55, color=grey, edgecolor="0.45", linewidth=0.8)
            at = max(at, before.cpu_ms)
        if before is not None and np.isfinite(row.added_low_ms):
            low, high = before.cpu_ms + row.added_low_ms, before.cpu_ms + row.added_high_ms
            axes.errorbar((low + high) / 2, y, xerr=(high - low) / 2, color="0.15", linewidth=1, capsize=3)
            at = max(at, high)
        total = f"{row.cpu_ms:.1f} ms" + (f"  ({row.added_ms:+.1f})" if before is not None else "")
        axes.annotate(total, (at, y), (6, 0), textcoords="offset points", va="center", fontsize=9)
    names = table["rung"].tolist()
    if SHIPPED in names[:-1]:
        below = names.index(SHIPPED) + 0.5
        axes.axhline(below, color="0.8", linewidth=0.8)
        axes.annotate(f"each from “{SHIPPED}”", (1, below), (0, -3), xycoords=("axes fraction", "data"),
                      textcoords="offset points", ha="right", va="top", fontsize=8, color="0.4")  # fmt: skip
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_xlim(0, axes.get_xlim()[1] * 1.12)
    axes.set_xlabel("CPU time of the app server, ms per request")
    _plain(axes)
    axes.grid(visible=False, axis="y")
    axes.set_yticks(range(len(table)), [f"{row.rung}: {row.change}" for row in rows(table)])
    axes.tick_params(axis="y", length=0)
    figure.suptitle("From WSGI to ASGI, one change at a time", x=0.01, ha="left", fontweight="bold")
    return figure


def save_matrix_chart(table: pd.DataFrame, folder: Path) -> Path:
    """The PNG of MATRIX. Raises MachineError when it cannot write."""
    return _save_alone(matrix(table), folder / "matrix")


def matrix(table: pd.DataFrame) -> Figure:
    """A line a side: users held, with the interval."""
    styles = dict(zip(("wsgi", "asgi"), STYLES, strict=False))
    figure = Figure(figsize=(9, 1.3 + 0.25 * len(table)), layout="constrained")
    axes = figure.subplots()
    for y, side in enumerate(rows(table)):
        _held(axes, side, y, styles[side.interface])
    _axis_of_users(axes)
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.margins(x=0.2)  # for the numbers beside the marks
    axes.set_yticks(range(len(table)), table["side"].tolist())
    figure.suptitle("Users held within the objective", x=0.01, ha="left", fontweight="bold")
    keys = [
        Line2D([], [], linestyle="", marker=style.marker, color=style.colour, label=interface.upper())
        for interface, style in styles.items()
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False, fontsize=LABEL_PT)
    return figure


def _axis_of_users(axes: Axes) -> None:
    """Logarithmic; what stands on the other axis has names and no lines."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12)
    axes.set_xlabel("users within the objective")
    _plain(axes)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _held(axes: Axes, side: Any, y: int, style: Style) -> None:
    """A mark where it is known, hollow where not; beside it in words what the side holds."""
    known = side.found in KNOWN
    at = side.users if known else side.tried if side.found == ALL else side.low_users
    axes.plot(at, y, style.marker, color=style.colour, markerfacecolor=style.colour if known else "white")
    end = at
    if known and np.isfinite(side.low):
        axes.hlines(y, side.low, side.high, color=style.colour, linewidth=4, alpha=0.35)
        end = side.high
    words = " ".join(held(side)).strip()
    axes.annotate(words, (end, y), (7, 0), textcoords="offset points", va="center", fontsize=8, color="0.3")


def _save_alone(figure: Figure, path: Path) -> Path:
    """In a folder that need not be there. Raises MachineError when it cannot write."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _save(figure, path)
    except OSError as error:
        raise cannot_write(path.parent, error) from error


def _save(figure: Figure, path: Path) -> Path:
    for suffix in ("svg", "png"):
        figure.savefig(f"{path}.{suffix}", dpi=DPI, metadata={"Date": None} if suffix == "svg" else None)
        figure.set_layout_engine("none")  # the next one has the same: to find it takes as long as to draw it
    return Path(f"{path}.png")


def failures(runs: Runs) -> Figure:
    figure, axes = _by_users(runs, "failure_pct", "Failed requests by users")
    highest = _highest(runs, "failure_pct")
    top = max(10.0, 1.1 * highest)
    axes.set_ylim(-0.05 * top, top)
    if highest == 0:
        axes.text(0.5, 0.5, "no request failed in any step", transform=axes.transAxes, ha="center", color=GREY)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    _label_ends(axes)
    return figure


def throughput(runs: Runs) -> Figure:
    figure, axes = _by_users(runs, "rps", "Successful requests per second by users")
    axes.set_ylim(0, 1.15 * _highest(runs, "rps") or 1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    _label_ends(axes)
    return figure


def _highest(runs: Runs, column: str) -> float:
    """Of all runs; 0 when nothing was measured."""
    columns = [f"{column}_high" if f"{column}_high" in run.steps else column for run in runs]
    values = np.concatenate([run.steps[name].to_numpy(float) for name, run in zip(columns, runs, strict=True)])
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0


def _by_users(runs: Runs, column: str, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    dodge_pt = min(DODGE_PT, MOST_DODGE_PT / len(runs))
    for n, run in enumerate(runs):
        apart = ScaledTranslation(dodge_pt * (n - (len(runs) - 1) / 2) / 72, 0, figure.dpi_scale_trans)
        width = 3.2 - 1.8 * n / len(runs)  # a line under another stays visible
        _line(axes, run, column, STYLES[n % len(STYLES)], run.label, width, transform=axes.transData + apart)
    _users_axis(axes, runs)
    axes.set_title(title, loc="left", fontweight="bold")
    _plain(axes)
    return figure, axes


def _line(axes: Axes, run: Shown, column: str, style: Style, label: str, width: float, **more: Any) -> None:
    steps = run.steps
    users, values = steps["users"].to_numpy(float), steps[column].to_numpy(float)
    valid = steps["valid"].to_numpy(bool)
    axes.plot(users, values, color=style.colour, linestyle=style.dashes, linewidth=width, label=label, **more)
    if f"{column}_low" in steps:
        lowest, highest = steps[f"{column}_low"].to_numpy(float), steps[f"{column}_high"].to_numpy(float)
        if len(users) == 1:  # a band would have no width
            ends = np.concatenate([lowest, highest])
            axes.plot([*users, *users], ends, "_-", color=style.colour, linewidth=1.3, label="_range", **more)
        else:
            axes.fill_between(users, lowest, highest, color=style.colour, alpha=0.18, linewidth=0, **more)
    for chosen, face in ((valid, style.colour), (~valid, "white")):
        if chosen.any():
            axes.plot(
                users[chosen], values[chosen], style.marker, color=style.colour, markerfacecolor=face, label="_", **more
            )


def latency(runs: Runs) -> Figure:
    """A panel a run or side, on one scale."""
    figure, panels = _panels(runs, "Latency of successful requests by users")
    for panel, run in zip(panels, runs, strict=True):
        for column, style in (("p99_ms", STYLES[1]), ("p95_ms", STYLES[2]), ("p50_ms", STYLES[0])):
            _line(panel, run, column, style, column.removesuffix("_ms"), 1.8)
        _mark_objective(panel, run, named=panel is panels[0])
        panel.set_yscale("log")
        _users_axis(panel, runs)
    _milliseconds(panels[0], runs, [run.steps[name] for run in runs for name in ("p50_ms", "p99_ms")])
    for panel in panels:
        _label_ends(panel)
    return figure


def _panels(runs: Runs, title: str) -> tuple[Figure, list[Axes]]:
    """A panel a run, three in a row at most; four are two and two."""
    columns = 2 if len(runs) == 4 else min(len(runs), 3)
    lines = -(-len(runs) // columns)
    figure = Figure(figsize=(4.2 * columns + 0.8, 3.4 * lines + 0.6), layout="constrained")
    panels = list(figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel())
    for panel, run in zip(panels, runs, strict=False):
        panel.set_title(run.label, loc="left", fontsize=10)
        panel.tick_params(labelbottom=True)
        _plain(panel)
    for panel in panels[len(runs) :]:
        panel.set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    return figure, panels[: len(runs)]


def resources(runs: Runs) -> Figure:
    """A panel a run, on one scale: CPU ms per request, the roles on top of each other."""
    figure, panels = _panels(runs, "CPU per request by role and users")
    users = sorted({int(n) for run in runs for n in run.steps["users"]})
    for panel, run in zip(panels, runs, strict=True):
        _stack(panel, run, users)
        panel.set_xticks(range(len(users)), [str(n) for n in users])
        panel.set_xlim(-0.6, len(users) - 0.4)
        panel.tick_params(bottom=False)
        panel.set_xlabel(_users_label(runs))
    panels[0].yaxis.set_major_formatter(FuncFormatter(lambda ms, _: f"{ms:g} ms"))
    panels[0].margins(y=0.08)
    keys = _role_keys(runs)
    figure.legend(handles=keys, loc="outside right center", frameon=False, fontsize=LABEL_PT, handlelength=1)
    return figure


def _stack(axes: Axes, run: Shown, users: list[int]) -> None:
    """A bar a step, with its sum on top where every role is known. Hollow where the step is not valid."""
    wide = run.resources.pivot(index="users", columns="role", values="cpu_ms_per_request")
    roles = _roles_of([run])
    wide = wide.reindex(index=users, columns=list(roles)).astype(float)
    valid = run.steps.set_index("users")["valid"].reindex(users).fillna(True).to_numpy(bool)
    bottom = np.zeros(len(users))
    for role, colour in roles.items():
        heights = wide[role].fillna(0).to_numpy()
        axes.bar(
            np.arange(len(users)),
            heights,
            bottom=bottom,
            color=[colour if ok else "white" for ok in valid],
            edgecolor=["white" if ok else _darker(colour) for ok in valid],
            width=0.72,
        )
        bottom = bottom + heights
    for at, total in enumerate(wide.sum(axis="columns", skipna=False)):
        if np.isfinite(total):
            axes.text(at, total, number(total), ha="center", va="bottom", fontsize=8)


def _roles_of(runs: Runs) -> dict[str, str]:
    """The colours of the roles that the runs have: few have a service."""
    there = {role for run in runs for role in run.resources["role"]} | {*ROLES}
    return {role: colour for role, colour in ROLE_COLOURS.items() if role in there}


def _role_keys(runs: Runs) -> list[Patch]:
    """From the top of a stack down."""
    return [Patch(color=colour, label=role) for role, colour in reversed(_roles_of(runs).items())]


def timeline(run: AnalysedRun) -> Figure:
    """Users, requests a second and p95, second by second."""
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    users, rate, p95 = figure.subplots(3, 1, sharex=True, height_ratios=(1, 2, 1.6))
    seconds = run.timeline["time"].to_numpy()
    start = min([seconds[0], *(step.started for step in run.run.steps[:1])])
    end = seconds[-1] + 1
    _users_steps(users, run, start, end)
    rate.plot(seconds - start, run.timeline["ok"], color=OK, linewidth=1.3, label="ok")
    rate.plot(
        seconds - start, run.timeline["failed"], color=FAILED, linewidth=1.3, linestyle=(0, (4, 1.5)), label="failed"
    )
    rate.set_ylabel("requests/s")
    highest = float(run.timeline[["ok", "failed"]].max().max())
    rate.set_ylim(-0.04 * highest, 1.1 * highest)
    p95.plot(seconds - start, run.timeline["p95_ms"], color=LATENCY, linewidth=1.3, label="p95 of ok")
    _mark_objective(p95, run, at=0.005)
    p95.set_yscale("log")
    _milliseconds(p95, [run], [run.timeline["p95_ms"]])
    p95.set_ylabel("latency")
    p95.set_xlabel("seconds since the ramp began")
    p95.set_xlim(0, end - start)
    for axes in (users, rate, p95):
        _shade_settling(axes, run, start, end)
        _plain(axes)
    _label_ends(rate)
    _label_ends(p95)
    figure.suptitle(f"{run.label}, second by second", x=0.01, ha="left", fontweight="bold")
    return figure


def _users_steps(axes: Axes, run: AnalysedRun, start: float, end: float) -> None:
    """Each step's users from its start to the next one's; hollow where the step is not valid."""
    ends = [step.started for step in run.run.steps[1:]] + [end]
    for step, until, valid in zip(run.run.steps, ends, run.steps["valid"], strict=False):
        look = (
            {"color": "0.82", "linewidth": 0} if valid else {"facecolor": "white", "edgecolor": "0.6", "hatch": "///"}
        )
        axes.fill_between([step.started - start, until - start], 0, step.users, zorder=1, **look)
        middle = (step.started + until) / 2 - start
        axes.text(middle, step.users, str(step.users), ha="center", va="bottom", fontsize=8, clip_on=True)
    axes.set_ylim(0, 1.35 * max((step.users for step in run.run.steps), default=1))
    axes.set_ylabel("users")
    if not run.steps["valid"].all():
        axes.text(
            0.005, 0.97, "hatched: the step is not valid", transform=axes.transAxes, va="top", fontsize=8, color=GREY
        )


def _shade_settling(axes: Axes, run: AnalysedRun, start: float, end: float) -> None:
    """Everything that is not a hold: it is in no table."""
    at = 0.0
    for step in run.run.steps:
        if step.hold_started is not None:
            axes.axvspan(at, step.hold_started - start, color="0.94", linewidth=0, zorder=0)
            at = (step.hold_ended or end) - start
    axes.axvspan(at, end - start, color="0.94", linewidth=0, zorder=0)


def _users_axis(axes: Axes, runs: Runs) -> None:
    users = sorted({int(n) for run in runs for n in run.steps["users"]})
    if len(users) <= 12:
        axes.set_xticks(users)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    if users:
        room = 0.04 * (users[-1] - users[0]) or 0.5 * users[0]
        axes.set_xlim(users[0] - room, users[-1] + room)
    axes.set_xlabel(_users_label(runs))


def _users_label(runs: Runs) -> str:
    invalid = any(not valid for run in runs for valid in run.steps["valid"])
    banded = any("trials" in run.steps for run in runs)
    single = len({int(n) for run in runs for n in run.steps["users"]}) == 1
    reach = f"{'bar' if single else 'band'}: the lowest to the highest trial"
    notes = ["hollow: the step is not valid"] * invalid + [reach] * banded
    return "users" + f" ({'; '.join(notes)})" * bool(notes)


def _mark_objective(axes: Axes, run: Shown, at: float = 0.02, named: bool = True) -> None:
    """A line at the p95 that was promised, with its name `at` this part of the axes' width."""
    ms = run.objective.p95_ms
    axes.axhline(ms, color=GREY, linewidth=1, linestyle=":", label="_")
    if named:
        axes.text(at, ms, "objective", color=GREY, fontsize=8, va="bottom", transform=axes.get_yaxis_transform())


def _milliseconds(axes: Axes, runs: Runs, series: Iterable[Any]) -> None:
    """A log axis around the values and the objectives, in units that need no exponent."""
    values = np.concatenate([*(np.asarray(one, float) for one in series), [run.objective.p95_ms for run in runs]])
    values = values[np.isfinite(values) & (values > 0)]
    axes.set_ylim(values.min() / 1.6, values.max() * 1.6)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda ms, _: f"{ms / 1000:g} s" if ms >= 1000 else f"{ms:g} ms"))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)


def _label_ends(axes: Axes) -> None:
    """Each line's name to the right of the axes, moved apart where lines end together, with a leader to the line.

    Call it when the axes have their limits.
    """
    lines = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    ends = []
    for line in lines:
        points = np.asarray(line.get_xydata(), float)
        points = points[np.isfinite(points).all(axis=1)]
        if len(points):
            ends.append((line, points[-1]))
    heights = [axes.transAxes.inverted().transform(axes.transData.transform(point))[1] for _, point in ends]
    figure = axes.get_figure(root=True)
    assert figure is not None
    axes_in = 0.9 * axes.get_position().height * figure.get_figheight()
    for (line, point), height in zip(ends, spread(heights, 1.35 * LABEL_PT / 72 / axes_in), strict=True):
        axes.annotate(
            str(line.get_label()),
            xy=(point[0], point[1]),
            xytext=(1.02, height),
            textcoords="axes fraction",
            color=_darker(line.get_color()),
            fontsize=LABEL_PT,
            va="center",
            arrowprops=LEADER,
        )


def _darker(colour: Any) -> tuple[float, ...]:
    """For letters: the palette's light colours are hard to read on white."""
    return tuple(0.7 * part for part in to_rgb(colour))
