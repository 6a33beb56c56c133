"""A project of somebody's, measured as it is by real runs, and what each mistake in it is told."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatebench.analysis.analysed_run import AnalysedRun, analyse
from gatebench.run_folder import RunFolder
from gatebench.servers import SERVERS
from gatebench.values.server import Interface
from tests.own_project.conftest import Command, command_in, copied, mended


def analysed(shop: Path) -> list[AnalysedRun]:
    return [analyse(RunFolder(path)) for path in sorted((shop / "gatebench-results").glob("*sgi-*"))]


@dataclass(frozen=True)
class Campaign:
    """The project under WSGI and ASGI. `set_up` is a file with a line for each time that set-up was done."""

    command: Command
    runs: dict[Interface, AnalysedRun]
    set_up: Path
    left_behind: set[str]


@pytest.fixture(scope="module")
def shop_campaign(environment: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    shop = copied(environment, tmp_path_factory.mktemp("campaign"))
    mended(shop / "gatebench.toml", '"bench/seed.py"', '"bench/seed.py", "bench/once.py"')
    (shop / "bench" / "once.py").write_text('print("set up", file=open("../set-up", "a"))\n')
    before = tree(shop) | tree(environment)
    temporary = Path(tempfile.mkdtemp(prefix="gb-"))  # short: Unix sockets lie below it
    temporary.chmod(0o711)  # PostgreSQL is another account when we are root
    command = command_in(shop, cache, TMPDIR=str(temporary))
    done = command("bench")
    assert done.returncode == 0, done.stderr
    temporary.rmdir()  # nothing is left in it
    left_behind = (tree(shop) | tree(environment)) ^ before
    runs = {Interface(run.run.app["interface"]): run for run in analysed(shop)}
    return Campaign(command, runs, shop.parent / "set-up", left_behind)


def tree(folder: Path) -> set[str]:
    """Every file of a folder and when it was written; what runs make aside."""
    return {f"{path} {path.lstat().st_mtime_ns}" for path in folder.rglob("*") if "gatebench-results" not in path.parts}


@pytest.mark.whole
@pytest.mark.parametrize("interface", Interface)
def test_it_is_measured_as_it_is_with_reads_a_login_and_a_write(shop_campaign: Campaign, interface: Interface) -> None:
    run = shop_campaign.runs[interface]
    assert run.steps["failures"].sum() == 0
    assert {"DATABASES", "DEBUG", "SECRET_KEY", "SESSION_COOKIE_SECURE"} <= set(run.run.app["settings changed"])
    assert set(run.ledger["name"]) == {"add author"}
    assert run.alarms == ()
    last = run.ledger.iloc[-1]
    assert last["votes_acknowledged"] == last["votes_stored"] > 0
    assert run.validity["users_estimated"].iloc[0] == pytest.approx(8, abs=0.5)


@pytest.mark.whole
def test_its_folder_and_its_environment_stay_as_they_were(shop_campaign: Campaign) -> None:
    assert shop_campaign.left_behind == set()


@pytest.mark.whole
@pytest.mark.usefixtures("shop_campaign")
def test_in_front_of_its_packages_is_the_server_alone(cache: Path) -> None:
    """What the server needs stands behind them, at the project's own versions where it has it too."""
    found = [path.name for path in cache.glob("gatebench/layers/*/front/*.dist-info")]
    names = {name.partition("-")[0].replace("_", "-").lower() for name in found}
    assert {"gunicorn", "uvicorn"} <= names <= {name for server in SERVERS.values() for name in server.packages}
    assert list(cache.glob("gatebench/layers/*/back/click"))


@pytest.mark.whole
def test_set_up_is_done_once_a_campaign_and_copied(shop_campaign: Campaign) -> None:
    assert shop_campaign.set_up.read_text() == "set up\n"
    first, second = sorted(shop_campaign.runs.values(), key=lambda run: run.run.started)
    assert [run.folder.log("setup").exists() for run in (first, second)] == [True, False]


@pytest.mark.whole
def test_it_is_analysed_from_its_folder(shop_campaign: Campaign) -> None:
    again = shop_campaign.command("analyze")
    assert again.returncode == 0, again.stderr
    assert "Written to gatebench-results/analysis: " in again.stdout


@pytest.mark.whole
def test_two_revisions_are_two_sides_and_what_one_s_code_raises_is_its_cause(shop: Path, gatebench: Command) -> None:
    for words in (["init", "-b", "main"], ["add", "."], ["commit", "-m", "as it was"], ["checkout", "-b", "broken"]):
        git(shop, *words)
    mended(
        shop / "catalog" / "views.py",
        "def index(request):\n",
        "CALLS = iter(range(24))\n\n\ndef index(request):\n    if next(CALLS, None) is None:\n"
        '        raise LookupError("worn out")\n',
    )
    git(shop, "commit", "-am", "broken")
    done = gatebench("bench", "--at", "main", "--at", "broken", users="16")
    assert done.returncode == 0, done.stderr
    runs = {run.run.config["revision"]: run for run in analysed(shop)}
    assert set(runs) == {"main", "broken"}
    assert {run.run.config["label"] for run in runs.values()} == {"WSGI gunicorn (main)", "WSGI gunicorn (broken)"}
    assert runs["main"].causes.empty
    (cause,) = runs["broken"].causes.to_dict("records")
    assert (cause["failure"], cause["layer"]) == ("LookupError", "Django")
    assert cause["evidence"] == "LookupError: worn out (catalog/views.py, line 14)"
    listed = subprocess.run(["git", "worktree", "list"], cwd=shop, capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == 1


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)
