"""What an analysis prints: the answer on one screen, unless it is asked for more, for less, or for JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatebench.analysis import cli
from gatebench.analysis.analysed_run import analyse
from gatebench.analysis.comparing.sides import sides_of
from gatebench.analysis.showing.ending import LINES
from gatebench.analysis.showing.remarks import gathered
from gatebench.records import Cause, Outcome, Trial
from gatebench.run_folder import recorded
from tests.analysis.conftest import Command
from tests.analysis.synthetic import ASGI, BEGAN, Recorded, reading, request, requests, step, vote

USERS = (100, 200, 300, 400, 500, 600, 700)


def pair(results: Path) -> None:
    """A whole ramp under both interfaces, with failures of several kinds and a step that is not valid."""
    for name, config in (("wsgi", {}), ("asgi", ASGI)):
        rows = [row for n in range(1, 8) for row in requests(n, ok=90, failed=n)]
        rows += [request(20 * n + 12, cause=cause) for n, cause in enumerate(list(Cause)[:6])]
        steps = [step(n, users, users_running=users - (n == 7) * 50) for n, users in enumerate(USERS, start=1)]
        Recorded(rows, steps, config=config).write(results / name)


@pytest.mark.parametrize("width", [80, 120])
def test_the_answer_fits_a_screen(results: Path, command: Command, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    pair(results)
    monkeypatch.setattr("gatebench.analysis.showing.render.PIPE_WIDTH", width)
    assert command() == 0
    lines = command.out.splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines[:-2])) <= width
    text = " ".join(command.out.split())
    for part in ("The answer", "WSGI gunicorn failures", "ASGI uvicorn late or failed", "Causes", "Doubts"):
        assert part in text
    assert lines[-1].startswith(f"Written to {results}/analysis: report.html")


def test_of_many_sides_the_first_are_shown(results: Path, command: Command) -> None:
    for n in range(30):
        Recorded(requests(1, ok=9, failed=1), [step(1)], config={"workers": n + 1}).write(results / f"run-{n:02d}")
    assert command(*sorted(results.glob("run-*"))) == 0
    assert len(command.out.splitlines()) <= LINES
    assert "and 24 others" in command.out


def test_full_prints_all_of_the_report_and_quiet_nothing(
    results: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair(results)
    monkeypatch.setenv("GATEBENCH_FULL", "1")
    assert command() == 0
    assert "Settings and versions" in command.out
    monkeypatch.setenv("GATEBENCH_FULL", "0")
    monkeypatch.setenv("GATEBENCH_QUIET", "1")
    assert command() == 0
    assert (command.out, command.err) == ("", "")


def test_json_has_the_numbers_and_nothing_else_is_printed(results: Path, command: Command) -> None:
    pair(results)
    assert cli.main(["--results", str(results), "--json"]) == 0
    told = json.loads(command.capsys.readouterr().out)
    wsgi, asgi = told["sides"]
    assert [row["users"] for row in wsgi["steps"]] == list(USERS)
    assert wsgi["steps"][0]["failures"] == 2
    assert wsgi["steps"][-1]["valid"] is False
    assert (asgi["label"], asgi["label_in_full"]) == ("ASGI uvicorn", "ASGI uvicorn")
    assert told["verdicts"][0]["sentence"]


def test_what_three_sides_say_alike_is_not_put_down_to_one_of_them(results: Path) -> None:
    labels = [f"WSGI gunicorn (threads={n})" for n in (8, 64, 128)]
    for number, label in enumerate(labels):
        for trial in (1, 2):
            run = {"trial": Trial("one", trial, "ABC"[number]), "started": BEGAN + 10 * trial + number}
            config = {"label": label, "overrides": {"threads": number}}
            Recorded(requests(1, ok=9), [step(1)], config=config, run=run).write(results / f"{number}-{trial}")
    sides = sides_of([analyse(folder) for _, folder in recorded(results)])
    said = [f"{side.label}: it is so." for side in sides]
    assert [side.label for side in sides] == labels
    assert gathered(said, sides) == said


@pytest.mark.parametrize("beside", [["--max-failures=1%"], ["--campaigns=all"], ["--json"], ["some-run"]])
def test_what_a_guide_does_not_judge_or_take_is_refused_beside_it(command: Command, beside: list[str]) -> None:
    assert command("--guide", *beside) == 2
    assert command.err.endswith(" means nothing for a guide: leave it out, or leave --guide out.\n")


def test_a_ladder_that_is_not_there_is_one_sentence(results: Path, command: Command) -> None:
    assert command("--why") == 2
    assert command.err == f"There is no ladder in {results}: `make why` measures one.\n"
    assert command("--why", "--json") == 2
    assert command.err == "JSON means nothing for a ladder: leave it out, or leave --why out.\n"


def test_a_matrix_is_of_one_campaign_of_several_sides(results: Path, command: Command) -> None:
    Recorded([*requests(1, ok=5)], [step(1)]).write(results / "a")
    assert command("--matrix") == 2
    assert command.err == f"There is no campaign of several sides in {results}: `make matrix` measures one.\n"
    for campaign, server in (("one", "gunicorn"), ("one", "granian"), ("two", "gunicorn"), ("two", "granian")):
        run = {"trial": Trial(campaign, 1, server)}
        config = {"server": server, "label": f"WSGI {server}"}
        Recorded(requests(1, ok=5), [step(1)], run=run, config=config).write(results / f"{campaign}-{server}")
    assert command("--matrix", "--campaigns=one,two") == 2
    assert command.err == "A matrix is of one campaign, and these are 2: name one with --campaigns.\n"
    assert command("--matrix", "--json") == 2
    assert command.err == "JSON means nothing for a matrix: leave it out, or leave --matrix out.\n"


def test_a_guide_without_a_complete_run_is_one_sentence(results: Path, command: Command) -> None:
    run = {"trial": Trial("one", 1, "WSGI", "guide"), "outcome": Outcome.INTERRUPTED}
    Recorded(requests(1, ok=9), [step(1)], run=run).write(results / "cut off")
    assert command("--guide") == 2
    assert command.err == f"The newest guide in {results} has no complete run yet: `make guide` goes on with it.\n"


def test_two_ways_to_end_exclude_each_other(results: Path, command: Command) -> None:
    pair(results)
    assert cli.main(["--results", str(results), "--json", "--full"]) == 2
    assert command.capsys.readouterr().err == "FULL and JSON exclude each other: give one of them.\n"


def test_open_opens_the_report_or_says_that_nothing_can(
    results: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    pair(results)
    monkeypatch.setenv("GATEBENCH_OPEN", "1")
    monkeypatch.setattr("webbrowser.open", lambda url: not opened.append(url))
    assert command() == 0
    assert opened == [(results / "analysis" / "report.html").resolve().as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    assert command() == 0
    assert command.err == f"No browser could be opened: open {results}/analysis/report.html by hand.\n"


def test_alarms_come_first_and_what_many_runs_say_alike_is_said_once(results: Path, command: Command) -> None:
    for number in range(1, 6):
        run = {"trial": Trial("c", number, "A"), "started": BEGAN + number}
        lost = [reading(0, 0, 0), reading(1, 5, 1)]
        rows = [*requests(1, ok=9), *(vote(12 + n) for n in range(number + 6))]
        Recorded(rows, [step(1, users_running=7)], lost, run=run).write(results / f"run-{number}")
    assert command(*sorted(results.glob("run-*"))) == 0
    doubts = command.out.partition("Doubts")[2]
    assert doubts.split()[0] == "ALARM,"
    assert doubts.count("ALARM") == 1
    assert "The same 4 more times." in doubts
    assert doubts.index("not valid") < doubts.index("There is no proxy.log")
