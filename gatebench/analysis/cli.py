"""`python analyze.py [RUN ...]`: which runs are analysed, what is written, and how it ends."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gatebench.analysis.export import save_tables, save_text
from gatebench.analysis.render import console, markdown, show
from gatebench.analysis.report import report
from gatebench.analysis.runs import AnalysedRun, analyse, tell_apart, write_steps
from gatebench.command import guarded
from gatebench.errors import RunFolderError, UsageError
from gatebench.run_folder import RESULTS, RunFolder, newest

INTERFACES = ("wsgi", "asgi")


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code; every error is one sentence on stderr."""
    return guarded(
        lambda: _analyze(_parse(argv)),
        interrupted="Interrupted. The runs are as they were: analyse them again with `make analyze`.",
    )


def _analyze(arguments: argparse.Namespace) -> int:
    folders, notes = _chosen(arguments.runs, arguments.results)
    runs, damaged = _analysed(folders)
    notes += [str(error) for error in damaged]
    out = arguments.out or arguments.results / "analysis"
    for run in runs:
        write_steps(run)
    save_tables(runs, out / "tables")
    charts = _charts(runs, out)
    sections = report(runs, charts, notes)
    save_text(markdown("Gatebench report", sections), out / "report.md")
    try:
        show(sections, console())
        print(f"\nWritten to {_shown(out)}: report.md, tables/*.csv, charts/*.png and *.svg.", flush=True)
    except (BrokenPipeError, SystemExit):  # `analyze.py | head`; rich turns the one into the other
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for error in damaged:
        print(error, file=sys.stderr)
    return damaged[-1].exit_code if damaged else 0


def _charts(runs: Sequence[AnalysedRun], out: Path) -> dict[str, list[Path]]:
    """The charts' paths as report.md refers to them."""
    # Imported late: a wrong path on the command line need not wait for matplotlib.
    from gatebench.analysis.charts import save_charts

    return {
        what: [path.relative_to(out) for path in paths] for what, paths in save_charts(runs, out / "charts").items()
    }


def _chosen(paths: Sequence[Path], results: Path) -> tuple[list[RunFolder], list[str]]:
    """The runs that were named, each once, or the newest of each interface; and what to say of one that has none."""
    if paths:
        return [RunFolder(path) for path in dict.fromkeys(path.resolve() for path in paths)], []
    found = {interface: newest(results, interface) for interface in INTERFACES}
    missing = [interface for interface, folder in found.items() if folder is None]
    if len(missing) == len(found):
        raise UsageError(
            f"There is no run in {_shown(results)}: `make bench-wsgi` and `make bench-asgi` make one each."
        )
    notes = [f"There is no {interface.upper()} run yet: `make bench-{interface}` makes one." for interface in missing]
    return [folder for folder in found.values() if folder], notes


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
    return tell_apart(runs), damaged


def _shown(path: Path) -> str:
    """Relative where that is shorter to read."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="analyze.py", description="Failure tables, causes and charts of recorded runs.", allow_abbrev=False
    )
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="run folders (default: the newest WSGI and ASGI run)"
    )
    parser.add_argument("--results", type=_path, default=RESULTS, help="where runs are looked for (default: results/)")
    parser.add_argument("--out", type=_path, help="where to write (default: analysis/ in the results folder)")
    return parser.parse_args(argv)
