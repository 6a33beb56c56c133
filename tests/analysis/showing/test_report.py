"""What a reader sees: the failure table as the article lays it out, and everything that must be read beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatebench.analysis.showing.render import _fitting, markdown_table
from gatebench.analysis.showing.text_tables import Table
from gatebench.analysis.words import MISSING, count, number, percent
from gatebench.records import Cause, Outcome
from tests.analysis.conftest import Command
from tests.analysis.synthetic import ASGI, BEGAN, Recorded, proxy_line, reading, request, requests, step, vote


def section(report: str, title: str) -> str:
    """The text under a heading."""
    return report.split(f"## {title}\n\n", 1)[1].split("\n\n## ", 1)[0]


def table_in(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.startswith("|"))


def write_two(results: Path) -> None:
    """WSGI fails a little at 200 users and half at 300; ASGI has a step that WSGI has not, and none at 300."""
    wsgi = [*requests(1, ok=10), *requests(2, ok=199, failed=1), *requests(3, ok=5, failed=5)]
    Recorded(wsgi, [step(1), step(2), step(3)]).write(results / "a-wsgi")
    asgi = [*requests(1, ok=10, elapsed_ms=1500), *requests(2, ok=1999, failed=1), *requests(3, ok=7)]
    steps = [step(1), step(2), step(3, users=400, users_running=399)]
    Recorded(asgi, steps, config={**ASGI, "db": "persistent"}, run={"started": BEGAN + 9}).write(results / "b-asgi")


def test_the_failure_table_is_the_article_s(results: Path, command: Command) -> None:
    write_two(results)
    assert command() == 0
    assert section(command.report, "Failures") == (
        "The share of requests that failed, of those that started while a step was held.\n\n"
        "| Users | 100 | 200 | 300 | 400 |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| WSGI gunicorn failures | 0% | 0.5% | 50% | – |\n"
        "| ASGI uvicorn failures | 0% | &lt;0.1% | – | 0%\\* |\n\n"
        "- \\* ASGI uvicorn at 400 users is not valid, because 399 of 400 users were running: "
        "logs/load.log says what became of the others."
    )


def test_the_other_tables_have_its_layout(results: Path, command: Command) -> None:
    write_two(results)
    command()
    assert table_in(section(command.report, "Late or failed")) == (
        "| Users | 100 | 200 | 300 | 400 |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| WSGI gunicorn late or failed | 0% | 0.5% | 50% | – |\n"
        "| ASGI uvicorn late or failed | 100% | &lt;0.1% | – | 0%\\* |"
    )
    assert table_in(section(command.report, "Throughput")).splitlines()[2:] == [
        "| WSGI gunicorn requests/s | 1.0 | 20 | 0.5 | – |",
        "| ASGI uvicorn requests/s | 1.0 | 200 | – | 0.7\\* |",
        "| WSGI gunicorn requests | 10 | 200 | 10 | – |",
        "| ASGI uvicorn requests | 10 | 2,000 | – | 7\\* |",
    ]
    assert table_in(section(command.report, "Latency")).splitlines()[2:] == [
        "| WSGI gunicorn p50 ms | 50 | 50 | 50 | – |",
        "| ASGI uvicorn p50 ms | 1,500 | 50 | – | 50\\* |",
        "| WSGI gunicorn p95 ms | 50 | 50 | 50 | – |",
        "| ASGI uvicorn p95 ms | 1,500 | 50 | – | 50\\* |",
        "| WSGI gunicorn p99 ms | 50 | 50 | 50 | – |",
        "| ASGI uvicorn p99 ms | 1,500 | 50 | – | 50\\* |",
        "| WSGI gunicorn max ms | 50 | 50 | 50 | – |",
        "| ASGI uvicorn max ms | 1,500 | 50 | – | 50\\* |",
    ]


def test_the_report_opens_with_the_answer_and_what_to_doubt(results: Path, command: Command) -> None:
    write_two(results)
    command()
    assert section(command.report, "The answer") == (
        "Not compared: db (pool / persistent), users (100, 200, 300 / 100, 200, 400) differ as well. "
        "ANYWAY=1 compares all the same. "
        "Users held without a failure: WSGI gunicorn 100; ASGI uvicorn 100. "
        "Within the objective (&lt;1% failures, p95 ≤ 1 s): WSGI gunicorn 200; ASGI uvicorn none of its steps. "
        "One run is one sample: measure again before you build on a difference.\n\n"
        "- WSGI gunicorn: There is no proxy.log: causes are the client's view only, "
        "and Nginx's times cannot be compared.\n"
        "- ASGI uvicorn: There is no proxy.log: causes are the client's view only, "
        "and Nginx's times cannot be compared.\n"
        "- 1 step is not valid and carries an asterisk: see under Failures."
    )


def test_it_says_what_the_runs_share_and_where_they_differ(results: Path, command: Command) -> None:
    versions = {"postgresql": "17.2", "nginx": "1.28.0"}
    wsgi = {"versions": {**versions, "gunicorn": "23.0"}, "machine": {"cores": 2}, "app": {"debug": False}}
    asgi = {"versions": {**versions, "nginx": "1.29.1", "uvicorn": "0.30"}, "machine": {"cores": 2}}
    Recorded(requests(1, ok=1), [step(1)], run=wsgi).write(results / "a")
    Recorded(requests(1, ok=1), [step(1)], run=asgi, config=ASGI).write(results / "b")
    command()
    essentials, differing = section(command.report, "What was measured").split("### They differ in")
    assert "The runs share profile fair, stack native, db pool, workers 2, " in essentials
    assert table_in(section(command.report, "Settings and versions")).splitlines()[2:] == [
        "| profile | fair |",
        "| stack | native |",
        "| db | pool |",
        "| workers | 2 |",
        "| users | 100 |",
        "| settle_s | 10 |",
        "| hold_s | 10 |",
        "| timeout_s | 10 |",
        "| postgresql version | 17.2 |",
        "| machine cores | 2 |",
    ]
    assert table_in(differing) == (
        "| Setting | WSGI gunicorn | ASGI uvicorn |\n"
        "| --- | --- | --- |\n"
        "| interface | wsgi | asgi |\n"
        "| server | gunicorn | uvicorn |\n"
        "| app debug | False | – |\n"
        "| nginx version | 1.28.0 | 1.29.1 |\n"
        "| gunicorn version | 23.0 | – |\n"
        "| uvicorn version | – | 0.30 |"
    )
    assert "Not compared: app debug (False / –), nginx version (1.28.0 / 1.29.1) differ as well." in command.report


def test_runs_that_differ_in_the_server_only_are_not_warned_of(results: Path, command: Command) -> None:
    Recorded(requests(1, ok=1), [step(1)], run={"versions": {"gunicorn": "23"}}).write(results / "a")
    Recorded(requests(1, ok=1), [step(1)], run={"versions": {"uvicorn": "1"}}, config=ASGI).write(results / "b")
    command()
    assert "Not compared" not in command.report


def test_causes_are_shown_by_step_with_advice_and_an_example(results: Path, command: Command) -> None:
    failed = request(15, 5, Cause.REFUSED)
    Recorded([*requests(1, ok=0), failed, *requests(2, ok=1)], [step(1), step(2)], proxy_lines=[]).write(results / "a")
    command()
    text = section(command.report, "Causes")
    assert table_in(text).splitlines() == [
        "| Cause | Layer | 100 | 200 |",
        "| --- | --- | ---: | ---: |",
        "| connection refused | nginx | 1 | 0 |",
    ]
    assert "- WSGI gunicorn, connection refused: Nothing was listening at the address" in text
    assert "For example, GET form at 22:13:35.000 UTC: the client saw “connection refused” after 5.0 ms." in text


def test_a_run_without_failures_says_so(results: Path, command: Command) -> None:
    Recorded(requests(1, ok=1), [step(1)]).write(results / "a")
    command()
    assert "- WSGI gunicorn: no failure." in section(command.report, "Causes")


def test_the_ledger_and_its_alarm_are_shown(results: Path, command: Command) -> None:
    votes = [reading(0, 0, 0), reading(1, 20, 2), reading(None, 25, 1)]
    Recorded([vote(1), vote(12)], [step(1)], votes).write(results / "a")
    command()
    text = section(command.report, "Ledger")
    assert table_in(text).splitlines()[2:] == [
        "| WSGI gunicorn | vote | before the ramp | 0 | 0 | 0 | 0 | – |",
        "| WSGI gunicorn | vote | after 100 users | 2 | 2 | 2 | 0 | – |",
        "| WSGI gunicorn | vote | after the drain | 2 | 2 | 1 | 1 | 0 |",
    ]
    alarm = "- ALARM, WSGI gunicorn: “vote”: at least 1 acknowledged and not stored after the drain: they were lost."
    assert alarm in text
    assert alarm in section(command.report, "The answer")


def test_the_agreement_is_shown(results: Path, command: Command) -> None:
    rows = [request(15, 100), request(15, 100)]
    Recorded(rows, [step(1)], proxy_lines=[proxy_line(rows[0])]).write(results / "a")
    command()
    text = section(command.report, "Agreement")
    assert "| WSGI gunicorn | no | 2 | 2 | 0 | 1 | 0 |" in text
    assert "| 100 | 100 / 100 | 100 / 100 | 100 / 100 | 20% | yes |" in text
    assert "not all of it explained: 1 answered, and yet not in Nginx's log." in text


@pytest.mark.parametrize(
    ("outcome", "reason", "sentence"),
    [
        (Outcome.RUNNING, None, "This run has no end: the runner was killed, or is still at work."),
        (Outcome.INTERRUPTED, "It was interrupted (Ctrl-C).", "This run was interrupted (Ctrl-C)."),
        (Outcome.FAILED, "The app died.", "This run failed. The app died."),
    ],
)
def test_a_run_that_did_not_end_well_says_so_first(
    results: Path, command: Command, outcome: Outcome, reason: str | None, sentence: str
) -> None:
    run = {"outcome": outcome, "reason": reason}
    Recorded(requests(1, ok=1), [step(1)], run=run).write(results / "a")
    assert command() == 0
    assert f"- WSGI gunicorn: {sentence}" in section(command.report, "The answer")


def test_runs_of_one_configuration_are_one_side_and_told_apart_where_each_is_told_of(
    results: Path, command: Command
) -> None:
    for name, failed in (("a", 0), ("b", 2), ("c", 10)):
        Recorded(requests(1, ok=100 - failed, failed=failed), [step(1)]).write(results / name)
    assert command(*(results / name for name in "abc")) == 0
    assert table_in(section(command.report, "Failures")).splitlines()[2:] == ["| WSGI gunicorn failures | 2.0% |"]
    counted = table_in(section(command.report, "Agreement")).splitlines()[2:]
    assert [line.split("|")[1].strip() for line in counted] == [f"WSGI gunicorn ({name})" for name in "abc"]


def test_runs_that_share_a_label_and_no_configuration_are_two_sides(results: Path, command: Command) -> None:
    for name, workers in (("a", 1), ("b", 2)):
        Recorded(requests(1, ok=1), [step(1)], config={"workers": workers}).write(results / name)
    command(results / "a", results / "b")
    rows = table_in(section(command.report, "Failures")).splitlines()[2:]
    assert rows == ["| WSGI gunicorn A failures | 0% |", "| WSGI gunicorn B failures | 0% |"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0%"),
        (0.0001, "<0.1%"),
        (0.1, "0.1%"),
        (4.96, "5.0%"),
        (9.94, "9.9%"),
        (9.96, "10%"),
        (35.4, "35%"),
        (99.5, ">99%"),
        (100, "100%"),
        (float("nan"), "–"),
    ],
)
def test_percent(value: float, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.04, "0.0"), (9.94, "9.9"), (9.96, "10"), (1234.5, "1,234"), (None, "–")]
)
def test_number(value: float | None, text: str) -> None:
    assert number(value) == text


def test_a_table_wider_than_the_terminal_is_shown_in_parts() -> None:
    table = Table(["Users", "100", "200", "300"], [["WSGI", "0%", "1%", "2%"]])
    assert list(_fitting(table, 17)) == [
        Table(["Users", "100", "200"], [["WSGI", "0%", "1%"]]),
        Table(["Users", "300"], [["WSGI", "2%"]]),
    ]
    assert list(_fitting(table, 80)) == [table]


def test_markdown_keeps_what_it_would_read_as_markup() -> None:
    assert markdown_table(Table(["a"], [["<1 * 2 | 3"]])) == "| a |\n| --- |\n| &lt;1 \\* 2 \\| 3 |"


def test_what_is_counted_may_be_missing_in_a_step_and_is_whole_in_the_others() -> None:
    assert (count(1234), count(1234.0), count(float("nan"))) == ("1,234", "1,234", MISSING)
