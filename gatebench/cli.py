"""The command `gatebench`: arguments in, exit code out. make's targets call the same."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import shtab
from rich.console import Console
from rich.table import Table

from gatebench import PACKAGE, __version__
from gatebench.campaign import COMMANDS, DEFAULTS, plan_campaign, plan_of
from gatebench.command import from_environment, guarded
from gatebench.errors import UsageError
from gatebench.guide import DEFAULTS as GUIDE_DEFAULTS
from gatebench.guide import HELP as GUIDE_HELP
from gatebench.guide import day, plan_guide, resumed
from gatebench.init import init
from gatebench.knobs import KNOBS, every_server, servers_of
from gatebench.matrix import MATRICES
from gatebench.names import GUIDE, JUDGED, LADDER, MATRIX, MEASURED, SWITCHES, check_names
from gatebench.plan import Plan, measure, runs_in
from gatebench.progress import waiting_on
from gatebench.project import Own, own_project
from gatebench.revision import code
from gatebench.revisions import worktrees
from gatebench.run_folder import RESULTS, RunFolder
from gatebench.stacks.engine import engine_answers

SHOWN = ("bench", "aa", "why", "matrix", "reproduce")
"""Commands that compare sides, and so end with their report."""

PAGES = {"why": LADDER, "matrix": MATRIX}
"""Commands that have a page of their own in place of a report -> the names that they take. The page is asked of
`gatebench analyze` by the command's name.
"""

OF_OUR_SITES = ("matrix", "reproduce")
"""Commands that measure Gatebench's own sites, wherever they are typed."""

SERVERS_HELP = "the servers that SERVER takes, with their versions"

EXAMPLES = """examples:
  gatebench init                             look at the project here, write a first locustfile
  gatebench bench                            WSGI and ASGI, up to 700 users
  gatebench bench --quick 1 --users 20:200:20
  gatebench bench --trials 5                 five times, interleaved: how sure the difference is
  gatebench bench --server uvicorn,daphne
  gatebench analyze --campaigns all
  gatebench guide --workload fanout,upload   which interface for which kind of site
"""


def main() -> int:
    """The exit code of a run, or of the first of several that failed; docs/reference.md lists them."""
    if len(sys.argv) > 1 and sys.argv[1] in ("analyze", "compare"):
        from gatebench.analysis.cli import main as analyze  # takes longer to import than most commands to run

        return analyze(sys.argv[2:])
    arguments = _parser().parse_args()
    work = {"init": _init, "guide": _guide, "servers": _servers}.get(arguments.command, _measure)
    return guarded(
        lambda: work(arguments.command, vars(arguments)),
        interrupted="Interrupted. What was recorded is kept.",
    )


def _init(_: str, options: Mapping[str, str]) -> int:
    for sentence in init(Path(options["folder"]).expanduser().resolve(), har=options["har"]):
        print(sentence)
    return 0


def _servers(_: str, _options: Mapping[str, Any]) -> int:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("SERVER", "interface", "default", "WebSockets", "versions"):
        table.add_column(heading)
    for server in every_server():
        table.add_row(
            server.name,
            server.interface.upper(),
            "yes" if server.is_default else "",
            "yes" if server.websockets else "",
            ", ".join(f"{package} {version(package)}" for package in server.packages),
        )
    Console().print(table)
    return 0


def _guide(_: str, options: Mapping[str, Any]) -> int:
    environment = from_environment()
    check_names(environment, "guide")
    given = {name: options.get(name.lower()) or environment.get(name, "") for name in (*GUIDE, "AGAIN")}
    if given["AGAIN"] not in ("", "0", "1"):
        raise UsageError(f"AGAIN={given['AGAIN']} is neither 0 nor 1: give AGAIN=1 for a new guide.")
    guide, sentence = plan_guide(given, engine_answers), ""
    results = Path(given["RESULTS"] or RESULTS).expanduser()
    console = Console(stderr=True, quiet=environment.get("QUIET") == "1")
    if given["AGAIN"] != "1":
        guide, sentence = resumed(guide, code(PACKAGE.parent), runs_in(results))
    if sentence:
        console.print(sentence, highlight=False, soft_wrap=True)
    if guide.left():
        measure(guide, console)
    else:
        print(
            f"The guide of {day(guide)} is complete: nothing is measured. AGAIN=1 measures a new one.", file=sys.stderr
        )
    return _analyze(options, results, "--guide")


def _measure(command: str, options: Mapping[str, Any]) -> int:
    environment = from_environment()
    check_names(environment, command if command in PAGES else "")
    names = [*(knob.name for knob in KNOBS), "MATRIX"]
    knobs = {name: str(options.get(name.lower()) or environment.get(name, "")) for name in names}
    if command in SHOWN and (code := _analyze(options, None, "--check")):  # before an hour is spent on it
        return code
    own = None if knobs["WORKLOAD"] or command in OF_OUR_SITES else _own(options["project"])
    if own is None and options.get("at"):
        raise UsageError("Revisions are of a project of your own: go to its folder, or name it with --project.")
    resume = str(options.get("resume") or environment.get("RESUME", ""))
    if resume and options.get("at"):
        raise UsageError("A comparison of revisions cannot go on: leave RESUME out.")
    asked = {name: (options.get(name.lower()) or environment.get(name)) == "1" for name in ("JSON", "QUIET")}
    console = Console(stderr=True, quiet=asked["QUIET"])
    with contextlib.ExitStack() as afterwards:
        plan = (
            plan_campaign(command, knobs, engine_answers, campaign_id=resume)
            if own is None
            else _of_own(command, knobs, own, resume, options["at"], afterwards, console)
        )
        (_, first), *_ = plan.plan()
        if resume:
            plan = _going_on(plan, Path(first.results))
        folders = measure(plan, console) if plan.left() else []
    if not asked["QUIET"]:
        outcome = f"Recorded in {_shown(folders)}." if folders else f"{plan.name} is complete: nothing is measured."
        print(outcome, file=sys.stderr if asked["JSON"] else sys.stdout)
    chosen = [f"--{command}"] * (command in PAGES) + [f"--campaigns={resume}"] * bool(resume)
    return _analyze(options, Path(first.results), *chosen) if command in SHOWN else 0


def _going_on(plan: Plan, results: Path) -> Plan:
    """The plan without what of it is measured already."""
    (campaign,) = plan.campaigns
    runs = [run for run in runs_in(results) if run.trial and run.trial.campaign == campaign.id]
    if not runs:
        raise UsageError(f"No run in {os.path.relpath(results)} is of campaign {campaign.id}: look there for its name.")
    if (resumed := plan.resumed(runs, code(PACKAGE.parent))) is None:
        raise UsageError(
            f"{plan.name} was begun with other settings or by another Gatebench: give the same knobs, or leave RESUME "
            "out for a new one."
        )
    return resumed


def _analyze(options: Mapping[str, Any], results: Path | None, *more: str) -> int:
    """Tables, charts and report of what was measured, and the exit code of its gates."""
    from gatebench.analysis.cli import main as analyze  # takes longer to import than a mistake may take to be told

    judged = {name: options.get(name.lower()) for name in JUDGED}
    words = [f"--{name.lower().replace('_', '-')}={value}" for name, value in judged.items() if value]
    return analyze([*words, *([f"--results={results}"] if results else []), *more])


def _shown(folders: list[RunFolder]) -> str:
    first = os.path.relpath(folders[0].path)
    return first if len(folders) == 1 else f"{len(folders)} folders, the first of them {first}"


def _own(named: str | None) -> Own | None:
    """The project that was named, or the one that we are in; none in Gatebench's own checkout."""
    here = Path(named).expanduser().resolve() if named else Path.cwd()
    if named is None and here.is_relative_to(PACKAGE.parent):
        return None
    return own_project(here)


def _of_own(
    command: str,
    knobs: Mapping[str, str],
    own: Own,
    resume: str,
    revisions: list[str],
    afterwards: contextlib.ExitStack,
    console: Console,
) -> Plan:
    for doubt in own.doubts:
        print(doubt, file=sys.stderr)
    defaults = {"STACK": "native", "DB": own.db, "RESULTS": str(own.results())}
    knobs = {name: text or defaults.get(name, "") for name, text in knobs.items()}
    if not revisions:
        plan = plan_campaign(command, knobs, engine_answers, own.workload, resume)
        with waiting_on(console) as tell:
            return plan.changed(lambda config: own.with_layers(config, tell))
    if command != "bench":
        raise UsageError("Revisions are compared by bench: `gatebench bench --at main --at my-branch`.")
    server = knobs["SERVER"] or servers_of(knobs)[0]
    folders = afterwards.enter_context(worktrees(own.project.folder, revisions))
    with waiting_on(console) as tell:
        revised = [own.at(revision, folder) for revision, folder in folders.items()]
        return plan_of([one.side_of(server, knobs, engine_answers, tell) for one in revised], knobs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gatebench",
        description="Behind which gateway interface a Django site holds how many users, and why it fails after that.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"gatebench {__version__}")
    shtab.add_argument_to(parser, "--completion", help="print the completion of a shell, to be sourced")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in COMMANDS.items():
        parser_of_one = commands.add_parser(name, help=what, description=what, allow_abbrev=False)
        if name not in OF_OUR_SITES:
            _add_own(parser_of_one)
        _add_knobs(parser_of_one, PAGES.get(name, MEASURED), DEFAULTS.get(name, {}))
        parser_of_one.add_argument("--resume", metavar="CAMPAIGN", help="go on with it, where it was interrupted")
        if name == "matrix":
            parser_of_one.add_argument("--matrix", metavar="MATRIX", help=" or ".join(MATRICES))
        if name in PAGES:
            _add_switch(parser_of_one, "OPEN", "as of `gatebench analyze`")
            _add_switch(parser_of_one, "QUIET", "as of `gatebench analyze`")
        elif name in SHOWN:
            _add_gates(parser_of_one)
    guide = commands.add_parser("guide", help=GUIDE_HELP, description=GUIDE_HELP, allow_abbrev=False)
    _add_knobs(guide, GUIDE, GUIDE_DEFAULTS)
    _add_switch(guide, "AGAIN", "1: a new guide, where the newest is whole or was interrupted")
    commands.add_parser("servers", help=SERVERS_HELP, description=SERVERS_HELP, allow_abbrev=False)
    new = commands.add_parser("init", help="look at a project, and write what `gatebench bench` needs to measure it")
    new.add_argument("folder", nargs="?", default=".", help="of a manage.py, or below it (default: where you are)")
    new.add_argument("--har", metavar="FILE", help="make the locustfile from a session that a browser recorded")
    commands.add_parser("analyze", help="tables, charts and report of recorded runs", add_help=False)
    commands.add_parser("compare", help="recorded runs with others: --a RUN … --b RUN …", add_help=False)
    return parser


def _add_own(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", metavar="FOLDER", help="of a manage.py (default: where you are)")
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="REVISION",
        help="of the project, in git; twice or more, with bench",
    )


def _add_gates(parser: argparse.ArgumentParser) -> None:
    for name in JUDGED:
        if name in SWITCHES:
            _add_switch(parser, name, "as of `gatebench analyze`")
        else:
            parser.add_argument(f"--{name.lower().replace('_', '-')}", metavar=name, help="as of `gatebench analyze`")


def _add_switch(parser: argparse.ArgumentParser, name: str, what: str) -> None:
    parser.add_argument(f"--{name.lower()}", nargs="?", const="1", metavar="1", help=what)


def _add_knobs(
    parser: argparse.ArgumentParser, names: Sequence[str] = MEASURED, defaults: Mapping[str, str] | None = None
) -> None:
    for knob in KNOBS:
        if knob.name in names:
            default = (defaults or {}).get(knob.name, knob.default)
            shown = f" (default: {default})" if default else ""
            parser.add_argument(f"--{knob.name.lower().replace('_', '-')}", metavar=knob.name, help=knob.help + shown)
