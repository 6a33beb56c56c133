"""Runs of one configuration, taken together: a side. Of one run it has the run's numbers, of several their median."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from string import ascii_uppercase

import pandas as pd

from gatebench.analysis.analysed_run import AnalysedRun
from gatebench.analysis.comparing.settings import same_configuration
from gatebench.analysis.steps.objective import Objective
from gatebench.errors import UsageError
from gatebench.records import Run

Runs = Sequence[AnalysedRun]

SAMPLED = {"resources": ["users", "role"], "connections": ["users"], "balance": ["users"]}
"""Frames that were sampled, and what tells their rows apart."""

WORTH_A_SENTENCE = 2
"""Options that all sides share: so many are said once, and not in every label."""

WHOLE = ("step", "users", "requests", "failures")


@dataclass(frozen=True, slots=True)
class Side:
    """Of one run, its own frames. Of several, `steps` is `median_steps`, `capacity` that of the trial in the middle,
    `causes` are those of all runs together with an example of each, `resources` and `connections` are medians.
    """

    name: str  # A, B, …
    label: str  # unique among the sides shown
    runs: tuple[AnalysedRun, ...]
    steps: pd.DataFrame
    capacity: pd.DataFrame
    causes: pd.DataFrame
    examples: pd.DataFrame
    resources: pd.DataFrame
    connections: pd.DataFrame
    balance: pd.DataFrame

    @property
    def objective(self) -> Objective:
        """What was promised is part of the configuration that its runs share."""
        return self.runs[0].objective

    @property
    def label_in_full(self) -> str:
        """With the options that all sides have."""
        return self.runs[0].run.label

    @property
    def spread(self) -> bool:
        """Whether there is more than one run, so that the numbers are medians and have a spread."""
        return len(self.runs) > 1


def sides_of(runs: Runs) -> list[Side]:
    """The runs' sides, in the order that a campaign was asked for. Each run's label tells it from every other."""
    groups: dict[SideKey, list[AnalysedRun]] = {}
    for run, key in zip(runs, side_keys([run.run for run in runs]), strict=True):
        groups.setdefault(key, []).append(run)
    letters = {run.run.trial.side if run.run.trial else "" for run in runs}
    ordered = list(groups.values()) if "" in letters else sorted(groups.values(), key=_letter)
    names = chain(ascii_uppercase, map(str, count(len(ascii_uppercase) + 1)))
    return _sides(dict(zip(names, ordered, strict=False)))


SideKey = tuple[int, int]
"""Which configuration, and which place among the sides of its campaign that share it: 0 but for one server against
itself.
"""


def side_keys(runs: Sequence[Run]) -> list[SideKey]:
    """The side of each run: equal for runs of one configuration, whatever their campaign calls it."""
    kinds: list[Run] = []
    of_runs = []
    for run in runs:
        kind = next((n for n, known in enumerate(kinds) if same_configuration(known, run)), len(kinds))
        kinds += [run] * (kind == len(kinds))
        of_runs.append(kind)
    letters: dict[tuple[str, int], set[str]] = {}
    for run, kind in zip(runs, of_runs, strict=True):
        if run.trial:
            letters.setdefault((run.trial.campaign, kind), set()).add(run.trial.side)
    return [
        (kind, sorted(letters[run.trial.campaign, kind]).index(run.trial.side) if run.trial else 0)
        for run, kind in zip(runs, of_runs, strict=True)
    ]


def _letter(runs: Runs) -> tuple[int, str]:
    """What the newest of the side's campaigns calls it, so that AA comes after Z."""
    newest = max(runs, key=lambda run: run.run.started)
    side = newest.run.trial.side if newest.run.trial else ""
    return len(side), side


def given_sides(a: Runs, b: Runs) -> list[Side]:
    """Sides A and B as a person names them; raises UsageError where one holds more than one configuration."""
    for name, runs in (("A", a), ("B", b)):
        if any(not same_configuration(runs[0].run, run.run) for run in runs[1:]):
            labels = ", ".join(dict.fromkeys(run.label for run in runs))
            raise UsageError(f"{name} holds runs of more than one configuration ({labels}): name runs of one only.")
    return _sides({"A": list(a), "B": list(b)})


def _sides(groups: dict[str, list[AnalysedRun]]) -> list[Side]:
    """Sides that share a label have their letter added to it."""
    labels = [runs[0].label for runs in groups.values()]
    left_out = said_once(labels)
    short = [without(left_out, label) for label in labels]
    same = Counter(short)
    return [
        _side(name, label + f" {name}" * (same[label] > 1), runs)
        for (name, runs), label in zip(groups.items(), short, strict=True)
    ]


def every_side(sides: Sequence[Side]) -> str:
    """What the sides' labels leave out, as "Every side: fair, hello."; empty where that is nothing."""
    shared = said_once([side.label_in_full for side in sides])
    return f"Every side: {', '.join(shared)}." if shared else ""


def said_once(labels: Sequence[str]) -> list[str]:
    """Options that the labels of several sides leave out."""
    shared = shared_options(labels)
    return shared if len(shared) >= WORTH_A_SENTENCE else []


def shared_options(labels: Sequence[str]) -> list[str]:
    """What all of several labels have in brackets, as `WSGI gunicorn (fair, hello)` does."""
    if len(labels) < 2:
        return []
    first, *others = (options_of(label)[1] for label in labels)
    return [one for one in first if all(one in some for some in others)]


def without(options: Sequence[str], label: str) -> str:
    name, own = options_of(label)
    left = ", ".join(one for one in own if one not in options)
    return f"{name} ({left})" if left else name


def options_of(label: str) -> tuple[str, list[str]]:
    """What stands before the brackets, and what stands in them."""
    name, _, rest = label.removesuffix(")").partition(" (")
    return name, [one for one in rest.split(", ") if one]


def _side(name: str, label: str, runs: Runs) -> Side:
    if len(runs) == 1:
        own = {name: getattr(runs[0], name) for name in ("steps", "capacity", "causes", "examples", *SAMPLED)}
        return Side(name, label, (replace(runs[0], label=label),), **own)
    return Side(
        name,
        label,
        tuple(_named(label, runs)),
        median_steps(runs),
        _median_capacity(runs),
        _all_causes(runs),
        pd.concat([run.examples for run in runs], ignore_index=True).drop_duplicates(["failure", "layer"]),
        **{name: _medians(runs, name, by) for name, by in SAMPLED.items()},
    )


def _named(label: str, runs: Runs) -> list[AnalysedRun]:
    """The runs, oldest first, each with a label of its own: by trial where they have one each, else by start."""
    runs = sorted(runs, key=lambda run: run.run.started)
    for name in (_trial, _stamp):
        names = [name(run) for run in runs]
        if all(names) and len(set(names)) == len(names):
            return [replace(run, label=f"{label} ({one})") for run, one in zip(runs, names, strict=True)]
    return [replace(run, label=f"{label} ({run.folder.path.name})") for run in runs]


def _trial(run: AnalysedRun) -> str:
    return f"trial {run.run.trial.number}" if run.run.trial else ""


def _stamp(run: AnalysedRun) -> str:
    return time.strftime("%d %b %H:%M:%S", time.localtime(run.run.started))


def median_steps(runs: Runs) -> pd.DataFrame:
    """A row a number of users, with the columns of the steps table: the median of each number over the runs in which
    the step is valid, missing where it is in none. `…_low` and `…_high` are the lowest and the highest of them,
    `trials` is how many there are.
    """
    stacked = pd.concat([run.steps for run in runs], ignore_index=True)
    shown = stacked.groupby("users").agg(step=("step", "min"), reason=("invalid_reason", "first"))
    valid = stacked[stacked["valid"]]
    numbers = [
        name for name in stacked.columns if name not in (*WHOLE[:2], "valid", "invalid_reason")
        and pd.api.types.is_numeric_dtype(stacked[name])
    ]  # fmt: skip
    by_users = valid[["users", *numbers]].astype(dict.fromkeys(numbers, "float64")).groupby("users")
    table = shown[["step"]].join(by_users.median())
    for name in WHOLE[2:]:
        table[name] = table[name].round().astype("Int64")
    table = table.join(by_users.min().add_suffix("_low")).join(by_users.max().add_suffix("_high"))
    table["trials"] = valid.groupby("users").size().reindex(table.index, fill_value=0)
    table["valid"] = table["trials"] > 0
    table["invalid_reason"] = shown["reason"].where(~table["valid"])
    return table.reset_index()


def _medians(runs: Runs, name: str, by: list[str]) -> pd.DataFrame:
    """Of a frame of each run, the median of its numbers over the runs in which the step is valid."""
    stacked = pd.concat([_where_valid(run, getattr(run, name)) for run in runs], ignore_index=True)
    table = stacked.groupby(by, sort=False, as_index=False).median(numeric_only=True)
    whole = [column for column in table.columns if stacked[column].dtype == "Int64"]
    return table.assign(**{column: table[column].round().astype("Int64") for column in whole})


def _where_valid(run: AnalysedRun, frame: pd.DataFrame) -> pd.DataFrame:
    valid = run.steps.loc[run.steps["valid"], "step"]
    return frame[frame["step"].isin(valid)]


def _median_capacity(runs: Runs) -> pd.DataFrame:
    """By measure, the row of the run in the middle, the lower of two: whole steps. Runs whose capacity rests on a step
    that is not valid take no part, unless all do.
    """
    stacked = pd.concat([run.capacity for run in runs], ignore_index=True)
    middle = []
    for _, group in stacked.groupby("measure", sort=False):
        valid = group[group["invalid_reason"].isna()]
        chosen = (valid if len(valid) else group).sort_values(["users", "ramp_ended"], na_position="first")
        middle.append(chosen.iloc[[(len(chosen) - 1) // 2]])
    return pd.concat(middle, ignore_index=True)


def _all_causes(runs: Runs) -> pd.DataFrame:
    """The runs' causes in one table, failures added up, the most frequent cause first."""
    stacked = pd.concat([run.causes for run in runs], ignore_index=True)
    by = ["failure", "layer", "users"]
    others = {name: "first" for name in stacked.columns if name not in (*by, "failures")}
    table = stacked.groupby(by, sort=False, as_index=False).agg({**others, "failures": "sum"})[stacked.columns]
    total = table.groupby(["failure", "layer"])["failures"].transform("sum")
    return (
        table.assign(total=total).sort_values(["total", *by], ascending=[False, True, True, True]).drop(columns="total")
    )


def all_runs(sides: Iterable[Side]) -> list[AnalysedRun]:
    return [run for side in sides for run in side.runs]
