"""Which runs are analysed: those of a campaign, or of every campaign that measured the same sides."""

from __future__ import annotations

import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from gatebench import ROOT
from gatebench.records import Outcome, Trial
from gatebench.workloads import WORKLOADS
from tests.analysis.conftest import Command
from tests.analysis.showing.test_report import section
from tests.analysis.synthetic import ASGI, BEGAN, Recorded, requests, step

DAPHNE = {"interface": "asgi", "server": "daphne", "label": "ASGI daphne"}


def write_campaign(
    results: Path,
    name: str,
    hour: int,
    rps: tuple[float, ...] = (10, 5),
    servers: tuple[dict[str, Any], ...] = ({}, ASGI),
    trials: int = 2,
    **facts: Any,
) -> None:
    """A campaign of so many requests/s a side, which grow by a tenth and by a fifth in the second trial."""
    for number in range(1, trials + 1):
        for n, (each, server) in enumerate(zip(rps, servers, strict=True)):
            ok = round(10 * each * (1 + (n + 1) * (number - 1) / 10))
            run = {"trial": Trial(name, number, "ABC"[n]), "started": BEGAN + 3600 * hour + 100 * number + n, **facts}
            recorded = Recorded(requests(1, ok=ok), [step(1)], run=run, config=server)
            recorded.write(results / f"{name}-{number}{'ABC'[n]}")


def answer(command: Command) -> str:
    return section(command.report, "The answer")


def test_all_campaigns_of_the_newest_sides_are_combined(results: Path, command: Command) -> None:
    write_campaign(results, "one", 1, (10, 5))
    write_campaign(results, "two", 2, (12, 5))
    write_campaign(results, "aa", 3, (10, 10), ({}, {}))
    write_campaign(results, "others", 4, (10, 7), ({}, DAPHNE))
    write_campaign(results, "six", 5, (11, 5))
    assert command("--campaigns", "all") == 0
    assert answer(command).startswith(
        "WSGI (gunicorn) served 2.1 times the requests/s of ASGI (uvicorn) at 100 users, "
        "95 % interval 1.7 to 2.6 over 3 campaigns (6 trials, 1 machine)."
    )
    saved = pd.read_csv(results / "analysis" / "tables" / "ratios.csv")
    assert saved.loc[saved["decides"], ["campaigns", "trials", "paired"]].to_numpy().tolist() == [[3, 6, True]]


def test_make_hands_the_campaigns_on_in_one_piece() -> None:
    make = ["make", "--dry-run", "analyze", "CAMPAIGNS=one two"]
    said = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert 'analyze.py --campaigns "one two"' in " ".join(said.split())


def test_a_campaign_of_more_sides_lends_those_that_are_the_same(results: Path, command: Command) -> None:
    write_campaign(results, "one", 1, (7, 10, 5), (DAPHNE, {}, ASGI))
    write_campaign(results, "two", 2, (12, 5))
    assert command("--campaigns", "all") == 0
    assert "daphne" not in command.report
    assert "over 2 campaigns (4 trials, 1 machine)" in answer(command)


def test_one_server_against_itself_keeps_its_places_in_every_campaign(results: Path, command: Command) -> None:
    """Each second place has half as much: were the places mixed up, the ratio would be near 1."""
    write_campaign(results, "one", 1, (10, 5), ({}, {}))
    write_campaign(results, "two", 2, (12, 6), ({}, {}))
    command("--campaigns", "all")
    assert "WSGI (gunicorn A) served 1.9 times the requests/s of WSGI (gunicorn B)" in answer(command)


def test_campaigns_can_be_named(results: Path, command: Command) -> None:
    for n, name in enumerate(("one", "two", "six")):
        write_campaign(results, name, n, (10 + n, 5))
    assert command("--campaigns", "one, six") == 0
    assert "over 2 campaigns (4 trials, 1 machine)" in answer(command)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("one nine", "There is no campaign nine in {}: it has one."),
        ("one", None),
    ],
)
def test_a_campaign_that_is_not_there_is_one_sentence(
    results: Path, command: Command, names: str, sentence: str | None
) -> None:
    write_campaign(results, "one", 1)
    code = command("--campaigns", names)
    assert (code, command.err) == ((2, sentence.format(results) + "\n") if sentence else (0, ""))


def test_without_a_campaign_of_several_sides_all_is_refused(results: Path, command: Command) -> None:
    write_campaign(results, "one", 1, (10,), ({},))
    assert command("--campaigns", "all") == 2
    assert command.err == (f"No campaign in {results} has several sides: `make bench TRIALS=5` makes one that has.\n")


def test_runs_and_campaigns_are_not_named_together(results: Path, command: Command) -> None:
    write_campaign(results, "one", 1)
    assert command(results / "one-1A", "--campaigns", "one") == 2
    assert command.err == "Give RUNS or CAMPAIGNS, and not both: `make analyze CAMPAIGNS=all`.\n"


def test_campaigns_of_which_no_run_came_to_its_end_are_one_sentence(results: Path, command: Command) -> None:
    write_campaign(results, "one", 1, outcome=Outcome.INTERRUPTED)
    assert command("--campaigns", "one") == 2
    assert command.err == "None of these runs came to its end: measure again, or name run folders with RUNS=.\n"


def test_the_report_of_one_campaign_says_that_there_are_others(results: Path, command: Command) -> None:
    for n, name in enumerate(("one", "two", "six")):
        write_campaign(results, name, n)
    write_campaign(results, "others", -1, (10, 7), ({}, DAPHNE))
    command()
    assert "in this campaign (2 trials)" in answer(command)
    assert "- There are 2 more campaigns of these sides in " in answer(command)
    assert ": `make analyze CAMPAIGNS=all` combines them all.\n" in answer(command)


def test_the_report_of_the_only_campaign_says_nothing_of_others(results: Path, command: Command) -> None:
    write_campaign(results, "one", 1)
    command()
    assert "more campaign" not in answer(command)


def test_sides_named_by_hand_are_combined_over_their_campaigns(results: Path, command: Command) -> None:
    write_campaign(results, "one", 1)
    write_campaign(results, "two", 2, (12, 5))
    a, b = (sorted(str(path) for path in results.glob(f"*{side}")) for side in "AB")
    assert command("--a", *a, "--b", *b) == 0
    assert "over 2 campaigns (4 trials, 1 machine)" in answer(command)


def test_what_campaigns_differ_in_is_said_and_refuses_nothing(results: Path, command: Command) -> None:
    for n, (name, machine) in enumerate((("one", "m1"), ("two", "m2"), ("six", "m2"))):
        write_campaign(results, name, n, (10 + n, 5), machine={"id": machine, "cores": 2}, code={"revision": f"rev{n}"})
    command("--campaigns", "all")
    assert "over 3 campaigns (6 trials, 2 machines)" in answer(command)
    assert (
        "- The campaigns differ among themselves, all sides alike: machine id (m1 / m2), "
        "code revision (rev0 / rev1 / rev2)."
    ) in answer(command)
    assert "More than the server differs" not in answer(command)


def test_machines_that_have_no_id_are_told_apart_by_what_they_are(results: Path, command: Command) -> None:
    for n, (name, cores) in enumerate((("one", 2), ("two", 4), ("six", 4))):
        write_campaign(results, name, n, (10 + n, 5), machine={"cores": cores, "cpu": "AMD"})
    command("--campaigns", "all")
    assert "(6 trials, 2 machines)" in answer(command)


def test_a_newer_run_that_is_passed_over_is_told_first(results: Path, command: Command) -> None:
    for name, config in (("20260101-100000-wsgi", {}), ("20260101-100500-asgi", ASGI)):
        Recorded(requests(1, ok=9), [step(1)], config=config).write(results / name)
    begun = {"outcome": Outcome.FAILED, "reason": "The app died."}
    Recorded([], [], run=begun).write(results / "20260101-101000-wsgi")
    damaged = Recorded(requests(1, ok=9), [step(1)]).write(results / "20260101-102000-wsgi")
    damaged.run_json.write_text('{"id": ')
    (results / "20260101-103000-wsgi" / "logs").mkdir(parents=True)
    assert command() == 0
    told = [line for line in answer(command).splitlines() if "Not the newest run: a newer one is passed over." in line]
    for line, said in zip(
        told,
        (
            f"{results}/20260101-101000-wsgi has no step: The app died.",
            f"{damaged.run_json} cannot be read",
            "is missing",
        ),
        strict=True,
    ):
        assert said in line
    assert command.out.partition("Doubts")[2].strip().startswith("Not the newest run")


def test_an_older_run_that_is_passed_over_is_not_told(results: Path, command: Command) -> None:
    Recorded([], [], run={"outcome": Outcome.FAILED}).write(results / "20260101-100000-wsgi")
    Recorded(requests(1, ok=9), [step(1)]).write(results / "20260101-100500-wsgi")
    assert command() == 0
    assert "Not the newest run" not in command.out


def test_a_run_of_another_workload_is_not_put_beside_the_newest(results: Path, command: Command) -> None:
    def write(name: str, workload: str, at: float, side: dict[str, Any]) -> None:
        config = {**side, "workload": asdict(WORKLOADS[workload])}
        Recorded(requests(1, ok=9), [step(1)], run={"started": BEGAN + at}, config=config).write(results / name)

    write("live-wsgi", "live", 0, {})
    write("vote-wsgi", "vote", 100, {})
    write("live-asgi", "live", 200, ASGI)
    assert command() == 0, command.err
    assert "requests/s of" in answer(command)
    write("cpu-asgi", "cpu", 300, ASGI)
    assert command() == 0
    assert "There is no WSGI run of cpu yet: `make bench-wsgi WORKLOAD=cpu` makes one." in command.out
