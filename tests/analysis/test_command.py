"""`python analyze.py`: which runs it takes, what it writes, and how it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from gatebench import ROOT
from gatebench.analysis import cli
from gatebench.run_folder import RunFolder
from tests.analysis.conftest import Command
from tests.analysis.synthetic import (
    ASGI,
    BEGAN,
    Recorded,
    database_samples,
    proxy_line,
    reading,
    requests,
    step,
)


def write(results: Path, name: str, failed: int = 0, **recorded: object) -> RunFolder:
    rows = requests(1, ok=100 - failed, failed=failed)
    return Recorded(rows, [step(1)], **recorded).write(results / name)  # type: ignore[arg-type]


def test_without_arguments_it_takes_the_newest_run_of_each_interface(results: Path, command: Command) -> None:
    write(results, "z-old", failed=1)
    write(results, "new", failed=2, run={"started": BEGAN + 1})
    write(results, "asgi", failed=3, config=ASGI)
    assert command() == 0
    assert "WSGI gunicorn failures | 2.0% |" in command.report
    assert "ASGI uvicorn failures | 3.0% |" in command.report
    assert "1.0%" not in command.report


def test_with_runs_of_one_interface_it_says_how_to_make_the_other(results: Path, command: Command) -> None:
    write(results, "only")
    assert command() == 0
    assert "There is no ASGI run yet: `make bench-asgi` makes one." in command.out
    assert command.err == ""


def test_out_is_taken_from_make_s_environment_too(
    results: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(results, "only")
    monkeypatch.setenv("GATEBENCH_OUT", str(tmp_path / "elsewhere"))
    assert command() == 0
    assert (tmp_path / "elsewhere" / "report.html").exists()
    assert not (results / "analysis").exists()


def test_without_any_run_it_says_how_to_make_one(results: Path, command: Command) -> None:
    assert command() == 2
    assert command.err == f"There is no run in {results}: `make bench-wsgi` and `make bench-asgi` make one each.\n"
    assert command.out == ""


def test_it_prints_the_failure_table_and_where_it_wrote(results: Path, command: Command) -> None:
    write(results, "only", failed=5)
    command()
    lines = [line.rstrip() for line in command.out.splitlines()]
    at = lines.index("Failed, and late or failed")
    assert [line.split() for line in lines[at + 1 : at + 5 : 2]] == [
        ["Users", "100"],
        ["WSGI", "gunicorn", "failures", "5.0%"],
    ]
    assert lines[-1] == f"Written to {results}/analysis: report.html, report.md, tables/*.csv, charts/*.png and *.svg."


def test_it_writes_tables_and_each_run_s_steps(results: Path, command: Command) -> None:
    folder = write(results, "only", failed=5)
    command()
    assert sorted(path.name for path in (results / "analysis" / "tables").iterdir()) == [
        "capacity.csv",
        "causes.csv",
        "connections.csv",
        "failures.csv",
        "late_or_failed.csv",
        "latency_agreement.csv",
        "ledger.csv",
        "ratios.csv",
        "request_agreement.csv",
        "resources.csv",
        "settings.csv",
        "sides.csv",
        "splits.csv",
        "steps.csv",
        "timeline.csv",
        "validity.csv",
    ]
    table = pd.read_csv(results / "analysis" / "tables" / "failures.csv")
    assert table.drop(columns="invalid_at").to_dict("records") == [{"label": "WSGI gunicorn", "100": 5.0}]
    assert folder.steps_csv.read_text().startswith("step,users,requests,failures,failure_pct,")


def test_every_table_says_which_steps_are_not_valid(results: Path, command: Command) -> None:
    rows = [*requests(1, ok=9, failed=1), *requests(2, ok=9, failed=1)]
    votes = [reading(1, 20, 0), reading(2, 40, 0), reading(None, 45, 0)]
    steps = [step(1), step(2, users_running=199)]
    Recorded(rows, steps, votes, [proxy_line(row) for row in rows], database=database_samples({15: 1})).write(
        results / "a"
    )
    command()
    tables = results / "analysis" / "tables"
    for name in ("failures", "late_or_failed"):
        wide = (tables / f"{name}.csv").read_text()
        assert wide == "label,100,200,invalid_at\nWSGI gunicorn,10.0,10.0,200\n"
    for name in ("steps", "validity", "connections", "causes", "ledger", "latency_agreement", "timeline"):
        frame = pd.read_csv(tables / f"{name}.csv")
        marks = {(step, valid) for step, valid in zip(frame["step"], frame["valid"].astype(str), strict=True)}
        assert {(1, "True"), (2, "False")} <= marks, name


def test_a_run_named_twice_is_one_run(results: Path, command: Command) -> None:
    folder = write(results, "only")
    assert command(folder, f"{folder.path}/") == 0
    assert command.report.count("WSGI gunicorn failures") == 1


def test_a_damaged_run_among_others_is_left_out_with_a_sentence_and_a_code(results: Path, command: Command) -> None:
    good, bad = write(results, "good"), write(results, "bad")
    bad.requests.unlink()
    assert command(bad, good) == 8
    sentence = f"{bad.requests} is missing: this run recorded no request, leave it out."
    assert command.err == sentence + "\n"
    assert "WSGI gunicorn failures | 0%" in command.report
    assert f"- {sentence}" in command.report


def test_a_folder_that_is_not_there(results: Path, command: Command) -> None:
    assert command(results / "nowhere") == 8
    assert command.err == f"There is no run folder {results}/nowhere: `ls results` shows the runs there are.\n"


def test_a_place_that_cannot_be_written_is_one_sentence(
    results: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(results, "only")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    assert command() == 3
    assert command.err == f"Cannot write {results}/only/steps.csv (No space left on device).\n"


def test_an_output_folder_that_is_a_file_is_one_sentence(results: Path, command: Command) -> None:
    write(results, "only")
    (results / "analysis").write_text("in the way")
    assert command() == 3
    assert command.err.count("\n") == 1
    assert command.err.startswith(f"Cannot write {results}/analysis/tables (")


def test_ctrl_c_is_130(results: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    write(results, "only")
    monkeypatch.setattr(cli, "analyse", interrupt)
    assert command() == 130
    assert command.err.count("\n") == 1


def test_a_mistake_of_ours_keeps_its_traceback_in_a_file(
    results: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall_over(_: object) -> None:
        raise ZeroDivisionError("one by none")

    write(results, "only")
    monkeypatch.setattr(cli, "analyse", fall_over)
    assert command() == 1
    assert command.err.startswith("Gatebench made a mistake (ZeroDivisionError: one by none): please report it with ")
    log = Path(command.err.split()[-1].rstrip("."))
    assert "fall_over" in log.read_text()
    log.unlink()


@pytest.mark.whole
def test_the_command_itself_draws_every_chart(results: Path) -> None:
    write(results, "wsgi-run", failed=5)
    stale = results / "analysis" / "charts" / "timeline-of-an-older-run.png"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    done = subprocess.run(
        [sys.executable, "analyze.py", "--results", str(results)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    charts = {path.name for path in stale.parent.iterdir()}
    names = ("failures", "latency", "throughput", "timeline-wsgi-run")
    assert charts == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    report = (results / "analysis" / "report.md").read_text()
    assert [line for line in report.splitlines() if line.startswith("![")] == [
        "![failures](charts/failures.png)",
        "![throughput](charts/throughput.png)",
        "![latency](charts/latency.png)",
        "![timeline wsgi run](charts/timeline-wsgi-run.png)",
    ]


@pytest.mark.whole
def test_a_reader_that_stops_reading_is_no_error(results: Path) -> None:
    write(results, "only")
    command = f"{sys.executable} analyze.py --results {results} | {shutil.which('true')}"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, env=os.environ, check=False)
    assert (done.returncode, done.stderr) == (0, "")
