"""`python analyze.py [RUN ...]`: which runs are analysed, what is written, and how it ends."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gatebench.analysis.analysed_run import AnalysedRun, analyse, write_steps
from gatebench.analysis.choosing import ALL, Chosen, newest, of_campaigns, shown
from gatebench.analysis.comparing.gates import GATES, enforce, judge, parse_gates
from gatebench.analysis.comparing.sides import Side, all_runs, given_sides, sides_of
from gatebench.analysis.comparing.verdict import verdicts
from gatebench.analysis.reading.frames import use_jemalloc
from gatebench.analysis.showing.ending import end, how_of, open_page
from gatebench.analysis.showing.files import write_report
from gatebench.analysis.showing.index.page import write_index
from gatebench.analysis.showing.render import console, show
from gatebench.analysis.showing.report import Section
from gatebench.command import from_environment, guarded
from gatebench.errors import RunFolderError, UsageError
from gatebench.run_folder import RESULTS, RunFolder


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code; every error is one sentence on stderr."""
    use_jemalloc()
    return guarded(
        lambda: _analyze(_parse(argv)),
        interrupted="Interrupted. The runs are as they were: analyse them again with `make analyze`.",
    )


def _analyze(arguments: argparse.Namespace) -> int:
    _refuse_misspelt()
    limits = parse_gates({name: _given(arguments, name) for name in GATES})
    given = {name: _switch(name, _given(arguments, name)) for name in SWITCHES}
    how = how_of(given)
    if arguments.check:
        return 0
    for option, (what, write) in PAGES.items():
        if getattr(arguments, option):
            _refuse_beside_a_page(arguments, limits, given, what, option)
            return write(arguments, given)
    sides, damaged, notes = _sides(arguments)
    found = verdicts(sides, given["ANYWAY"])
    judgements = judge(sides, limits)
    out = _out(arguments, "analysis")
    for run in all_runs(sides):
        write_steps(run)
    sections = write_report(sides, found, out, judgements, [*notes, *map(str, damaged)])
    index = write_index(arguments.results, sides, found, out)
    written = [
        f"All runs are listed in {shown(index)}.",
        f"Written to {shown(out)}: report.html, report.md, tables/*.csv, charts/*.png and *.svg.",
    ]
    try:
        end(how, sections, sides, found, judgements, written)
    except (BrokenPipeError, SystemExit):  # `analyze.py | head`; rich turns the one into the other
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if given["OPEN"] and (sentence := open_page(out / "report.html")):
        print(sentence, file=sys.stderr)
    for error in damaged:
        print(error, file=sys.stderr)
    enforce(judgements)
    return damaged[-1].exit_code if damaged else 0


def _guide(arguments: argparse.Namespace, given: Mapping[str, bool]) -> int:
    from gatebench.analysis.guiding import write_guide  # imports matplotlib

    out = _out(arguments, "guide")
    sections = write_guide(arguments.results, out)
    return _page("guide", sections, out, "and a report of each workload in a folder of its own", given)


def _why(arguments: argparse.Namespace, given: Mapping[str, bool]) -> int:
    from gatebench.analysis.explaining import write_why  # imports matplotlib

    out = _out(arguments, "why")
    sections = write_why(arguments.results, arguments.campaigns, out)
    return _page("why", sections, out, TABLES_AND_CHARTS, given)


def _matrix(arguments: argparse.Namespace, given: Mapping[str, bool]) -> int:
    from gatebench.analysis.surveying import write_matrix  # imports matplotlib

    out = _out(arguments, "matrix")
    sections = write_matrix(arguments.results, arguments.campaigns, out)
    return _page("matrix", sections, out, TABLES_AND_CHARTS, given)


PAGES = {"guide": ("a guide", _guide), "why": ("a ladder", _why), "matrix": ("a matrix", _matrix)}
"""Option -> what it asks for, in place of a report of runs, and what does it."""

TABLES_AND_CHARTS = "tables/*.csv, charts/*.png and *.svg"


def _page(name: str, sections: list[Section], out: Path, beside: str, given: Mapping[str, bool]) -> int:
    if not given["QUIET"]:
        show(sections if given["FULL"] else sections[:1], console())
        print(f"\nWritten to {shown(out)}: {name}.html, {name}.md, {beside}.")
    if given["OPEN"] and (sentence := open_page(out / f"{name}.html")):
        print(sentence, file=sys.stderr)
    return 0


def _sides(arguments: argparse.Namespace) -> tuple[list[Side], list[RunFolderError], Sequence[str]]:
    """The sides to show, why runs could not be read, and what to say of runs that are not there."""
    if arguments.a is None and arguments.b is None:
        chosen = _chosen(arguments.runs, arguments.campaigns, arguments.results)
        runs, damaged = _analysed(chosen.folders)
        return sides_of(runs), damaged, chosen.notes
    if arguments.runs or arguments.campaigns or not (arguments.a and arguments.b):
        raise UsageError('Name runs for both sides and no others, as in make compare A="results/…" B="results/…".')
    folders_a, folders_b = _folders(arguments.a), _folders(arguments.b)
    if both := {folder.path for folder in folders_a} & {folder.path for folder in folders_b}:
        raise UsageError(f"{shown(min(both))} is named for both sides: name other runs for one of them.")
    runs_a, damaged_a = _analysed(folders_a)
    runs_b, damaged_b = _analysed(folders_b)
    return given_sides(runs_a, runs_b), damaged_a + damaged_b, []


def _folders(paths: Sequence[Path]) -> list[RunFolder]:
    """Each once."""
    return [RunFolder(path) for path in dict.fromkeys(path.resolve() for path in paths)]


def _chosen(runs: Sequence[Path], campaigns: str | None, results: Path) -> Chosen:
    if runs and campaigns:
        raise UsageError("Give RUNS or CAMPAIGNS, and not both: `make analyze CAMPAIGNS=all`.")
    if runs:
        return Chosen(_folders(runs))
    return of_campaigns(campaigns, results) if campaigns else newest(results)


def _analysed(folders: Sequence[RunFolder]) -> tuple[list[AnalysedRun], list[RunFolderError]]:
    """Every run that can be read, and why others cannot; raises the error when there is no other run."""
    runs: list[AnalysedRun] = []
    damaged: list[RunFolderError] = []
    for folder in folders:
        try:
            runs.append(analyse(folder))
        except RunFolderError as error:
            damaged.append(error)
    if not runs:
        for other in damaged[:-1]:
            print(other, file=sys.stderr)
        raise damaged[-1]
    return runs, damaged


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _given(arguments: argparse.Namespace, name: str) -> str:
    """An option, or what the environment has for it: make passes the names of its command line on that way."""
    return str(getattr(arguments, name.lower()) or from_environment().get(name, ""))


def _refuse_beside_a_page(
    arguments: argparse.Namespace, limits: Mapping[str, Any], given: Mapping[str, bool], what: str, option: str
) -> None:
    """Raises UsageError for what has no meaning for it: a gate that is never judged would always be passed."""
    named = {"RUN": arguments.runs, "--a": arguments.a, "--b": arguments.b}
    if option == "guide":
        named["--campaigns"] = arguments.campaigns
    found = [*limits, *(name for name in ("ANYWAY", "JSON") if given[name]), *(name for name in named if named[name])]
    if found:
        raise UsageError(f"{found[0]} means nothing for {what}: leave it out, or leave --{option} out.")


def _out(arguments: argparse.Namespace, usual: str) -> Path:
    named = _given(arguments, "OUT")
    return _path(named) if named else Path(arguments.results / usual)


def _refuse_misspelt() -> None:
    """Raises UsageError for a gate in the environment that is nearly spelt right: nobody would miss it otherwise."""
    names = (*GATES, *SWITCHES)
    for name in from_environment():
        if name not in names and (near := difflib.get_close_matches(name, names, n=1, cutoff=0.8)):
            raise UsageError(f"GATEBENCH_{name} is no gate: did you mean GATEBENCH_{near[0]}?")


def _switch(name: str, text: str) -> bool:
    if text not in ("", "0", "1"):
        raise UsageError(f"{name}={text} is neither 0 nor 1: give {name}=1 {SWITCHES[name]}.")
    return text == "1"


SWITCHES = {
    "ANYWAY": "to compare all the same",
    "FULL": "to print all of the report",
    "JSON": "for numbers on stdout, for scripts",
    "QUIET": "to print nothing",
    "OPEN": "to open the report in a browser",
}
"""Switch -> what it is for."""


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="analyze.py",
        description="Failure tables, causes, verdict and charts of recorded runs.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "runs",
        nargs="*",
        type=Path,
        metavar="RUN",
        help="run folders (default: the newest campaign, or WSGI and ASGI run)",
    )
    parser.add_argument(
        "--campaigns",
        metavar="IDS",
        help=f"the runs of these campaigns, combined ({ALL}: every one that measured the newest one's sides)",
    )
    parser.add_argument("--guide", action="store_true", help="the newest guide, and a report of each of its workloads")
    parser.add_argument("--why", action="store_true", help="the newest ladder: what each change from WSGI to ASGI adds")
    parser.add_argument(
        "--matrix", action="store_true", help="the newest campaign of several sides, ranked by the users held"
    )
    parser.add_argument("--a", nargs="*", type=Path, metavar="RUN", help="compare these runs, as side A, …")
    parser.add_argument("--b", nargs="*", type=Path, metavar="RUN", help="… with these, as side B")
    for name, what in SWITCHES.items():
        parser.add_argument(f"--{name.lower()}", nargs="?", const="1", metavar="1", help=f"{what} ({name}=1)")
    for name, what in GATES.items():
        said = f"{what} ({name}=)".replace("%", "%%")
        parser.add_argument(f"--{name.lower().replace('_', '-')}", metavar="LIMIT", help=said)
    parser.add_argument("--check", action="store_true", help="only say whether the gates can be understood")
    parser.add_argument("--results", type=_path, default=RESULTS, help="where runs are looked for (default: results/)")
    parser.add_argument("--out", type=_path, help="where to write (default: analysis/ in the results folder)")
    return parser.parse_args(argv)
