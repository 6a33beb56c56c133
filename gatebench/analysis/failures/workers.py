"""Workers that answered nobody, as periods (trouble.py): those of Nginx and of the app server that were stopped,
and those of the app server that were silent while they were there, or had every thread held by a stream.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from gatebench.analysis.failures.trouble import NONE, SAMPLE_S, WAITED_S, as_periods, clock

BUSY_CORES = 0.25
"""Of a core that a silent worker uses at least, when it is its work that keeps it: workers may share one."""

EXPECTED = 5
"""Answers that a silent worker would have given by its share of them: with fewer, chance can explain its silence."""

AT_ONCE = 3
"""Requests that waited in one silence, at least: with fewer the worker may have been idle, as Nginx asks first where it
asked last, and another may have been at a slow request.
"""

STOPPED_STATES = ("stopped", "tracing-stop")
STATES = {"sleeping": "was waiting (state S)", "disk-sleep": "was waiting for a disk (state D)"}

BUSY, SILENT = "busy", "silent"
"""What a worker was that answered nobody: at work all the time, or waiting."""


def stops(processes: pd.DataFrame | None, role: str, answered: npt.NDArray[np.float64]) -> pd.DataFrame:
    """From the sample before a worker of the role was stopped to the sample after it. `answered` are the times of all
    answers of the app, in order: none of those meanwhile is a stopped worker's.
    """
    found = []
    for _, samples in _workers(processes, role).groupby("pid"):
        times = samples["time"].to_numpy()
        stopped = samples["state"].isin(STOPPED_STATES).to_numpy()
        edges = np.flatnonzero(np.diff(np.concatenate(([False], stopped, [False])).astype(int)))
        for first, after in zip(edges[::2], edges[1::2], strict=True):
            start = times[max(first - 1, 0)]
            end = times[after] if after < len(times) else times[-1] + SAMPLE_S
            line = (
                f"processes.csv: {_name(role, samples)} was stopped (state T) between {clock(start)} and {clock(end)}"
            )
            if role == "app":
                line += f"; others answered {_count(answered, start, end):,} requests then"
            found.append((start, end, line))
    return as_periods(found)


def silences(proxy: pd.DataFrame, processes: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """BUSY and SILENT -> from an answer of a worker of the app to its next, where that took long.

    Of one that waited it is known only while others answered, and so many that it cannot be chance; and by how many
    requests waited meanwhile (AT_ONCE). That one was stopped is told by `stops`.
    """
    found: dict[str, list[tuple[float, float, str]]] = {BUSY: [], SILENT: []}
    answers = _answers(proxy)
    everybody = np.sort(np.concatenate([*answers.values(), []]))
    if not len(everybody):
        return dict.fromkeys(found, NONE)
    until = float(proxy["time"].max())
    app = _workers(processes, "app")
    for worker, own in answers.items():
        samples = app[app["own_pid"].astype(str) == worker]
        share = len(own) / max(len(everybody) - len(own), 1)
        begin, end = _life(samples, everybody[0], until)
        moments = np.concatenate(([begin], own, [end]))
        for place in np.flatnonzero(np.diff(moments) > WAITED_S):
            start, stop = moments[place], moments[place + 1]
            how, words = _doing(samples, start, stop)
            others = _count(everybody, start, stop)
            if how == BUSY or (how == SILENT and others * share >= EXPECTED):
                line = (
                    f"proxy.log: worker {worker} of the app server answered nobody between {clock(start)} and "
                    f"{clock(stop)}, others {others:,} requests{words}"
                )
                found[how].append((start, stop, line))
    return {how: as_periods(periods) for how, periods in found.items()}


def held(streams: pd.DataFrame, threads: int) -> pd.DataFrame:
    """While streams (worker, start, end) held all the threads that a worker of the app has."""
    found = []
    for worker, own in streams.groupby("worker", observed=True):
        moments = np.concatenate([own["start"], own["end"]])
        opened = np.repeat([1, -1], len(own))
        order = np.lexsort((opened, moments))  # at one moment, who leaves comes first
        full = np.cumsum(opened[order]) >= threads
        edges = np.flatnonzero(np.diff(np.concatenate(([False], full)).astype(int)))
        for start, end in moments[order][edges].reshape(-1, 2):
            line = (
                f"proxy.log: streams held all {threads} threads of worker {worker} of the app server between "
                f"{clock(start)} and {clock(end)}"
            )
            found.append((start, end, line))
    return as_periods(found)


def answer_times(proxy: pd.DataFrame) -> npt.NDArray[np.float64]:
    """When a worker of the app had answered, in order."""
    times: npt.NDArray[np.float64] = np.sort(proxy.loc[proxy["worker"].notna(), "time"].to_numpy())
    return times


def _answers(proxy: pd.DataFrame) -> dict[str, npt.NDArray[np.float64]]:
    """Worker -> when it had answered, in order."""
    codes, times = proxy["worker"].cat.codes.to_numpy(), proxy["time"].to_numpy()
    order = np.argsort(codes, kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(len(proxy["worker"].cat.categories)))
    parts = np.split(times[order], cuts)[1:]
    return {
        str(worker): np.sort(part)
        for worker, part in zip(proxy["worker"].cat.categories, parts, strict=True)
        if len(part)
    }


def _workers(processes: pd.DataFrame | None, role: str) -> pd.DataFrame:
    """Samples of the processes of a role that have started none: a master works by those that it has started."""
    if processes is None:
        return pd.DataFrame(columns=["time", "pid", "own_pid", "state", "cpu_s"])
    samples = processes[processes["role"] == role]
    return samples[~samples["pid"].isin(samples["parent"])].astype({"own_pid": int})


def _life(samples: pd.DataFrame, first: float, last: float) -> tuple[float, float]:
    """When a worker was there, as far as samples tell; else all the time from the first moment to the last."""
    if samples.empty:
        return first, last
    return max(first, samples["time"].min() - SAMPLE_S), min(last, samples["time"].max() + SAMPLE_S)


def _doing(samples: pd.DataFrame, start: float, end: float) -> tuple[str, str]:
    """What a worker was meanwhile, BUSY, SILENT or "stopped", and the end of a sentence on it."""
    meanwhile = samples[samples["time"].between(start, end)]
    if meanwhile.empty:
        return SILENT, ""
    if meanwhile["state"].isin(STOPPED_STATES).mean() > 0.5:
        return "stopped", ""
    times, cpu_s = samples["time"].to_numpy(), samples["cpu_s"].to_numpy()
    edges = np.clip([start, end], times[0], times[-1])
    cores = np.diff(np.interp(edges, times, cpu_s))[0] / max(np.diff(edges)[0], 1e-9)
    used = f"used {100 * cores:.0f} % of a core"
    if cores >= BUSY_CORES:
        return BUSY, f"; processes.csv: it was busy and {used}"
    state = meanwhile["state"].mode()[0]
    return SILENT, f"; processes.csv: it {STATES.get(state, f'was {state}')} and {used}"


def _name(role: str, samples: pd.DataFrame) -> str:
    pid = samples["own_pid"].iloc[0]
    return f"worker {pid} of the app server" if role == "app" else f"Nginx's worker {pid}"


def _count(times: npt.NDArray[np.float64], start: float, end: float) -> int:
    """Of those in order, how many lie between."""
    return int(np.searchsorted(times, end, side="left") - np.searchsorted(times, start, side="right"))
