"""What the documents promise is there."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import permutations
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import pytest

from benchmarks.overlay import ALLOWED, cost
from benchmarks.repeatability import sections
from gatebench import ROOT, errors
from gatebench.analysis.analysed_run import analyse, kept
from gatebench.analysis.choosing import ALL
from gatebench.analysis.comparing.guide import advise, guide_runs, guide_table
from gatebench.analysis.comparing.held import HELD, users_or_bound
from gatebench.analysis.comparing.ladder import Ladder
from gatebench.analysis.comparing.matrix import Matrix, matrix_of
from gatebench.analysis.comparing.ratio import Ratio, paired_ratios
from gatebench.analysis.comparing.sentences import in_words
from gatebench.analysis.comparing.sides import Side, all_runs, sides_of
from gatebench.analysis.comparing.verdict import verdicts
from gatebench.analysis.explaining import basis_of, measured, read_ladder
from gatebench.analysis.reading.frames import rows
from gatebench.analysis.showing import text_tables
from gatebench.analysis.showing.guide import details, headline, held, users_table
from gatebench.analysis.showing.ladder import (
    counts_text,
    findings,
    load_tables,
    remedies_text,
    rungs_table,
    spending_text,
)
from gatebench.analysis.showing.matrix import changes_table, measured_at, ranking
from gatebench.analysis.showing.matrix import findings as matrix_findings
from gatebench.analysis.showing.text_tables import Table
from gatebench.analysis.surveying import measured as matrix_runs
from gatebench.analysis.words import count, percent
from gatebench.knobs import KNOBS, WORKLOADS
from gatebench.run_folder import RunFolder
from gatebench.servers import SERVERS
from gatebench.values.guided import ASYNC, MANY_THREADS, SYNC, WSGI

README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
ARTICLE = (ROOT / "docs" / "article.md").read_text()
MEASUREMENTS = (ROOT / "docs" / "measurements.md").read_text()
WORKLOADS_TOLD = (ROOT / "docs" / "workloads.md").read_text()
WHY = (ROOT / "docs" / "why-asgi-costs.md").read_text()
RESULTS = (ROOT / "docs" / "results.md").read_text()
OWN = (ROOT / "docs" / "your-project.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "results" / "recorded" / "README.md"])


def test_the_reference_has_every_knob_with_its_default() -> None:
    for knob in KNOBS:
        assert f"| `{knob.name}` |" in REFERENCE, knob.name


def rows_of(*tables: Table) -> set[str]:
    """As a document has them."""
    return {f"| {' | '.join(row)} |" for table in tables for row in table.rows}


def shown_in(document: str, *tables: Table) -> set[str]:
    """The document's rows that begin with the words of one of the tables' rows."""
    beginnings = tuple(f"| {' | '.join(row[: table.text_columns])} | " for table in tables for row in table.rows)
    return {line for line in lines_of(document) if line.startswith(beginnings)}


def lines_of(document: str) -> set[str]:
    return set(document.replace("\\*", "*").splitlines())


@cache
def recorded(folder: str) -> list[Side]:
    """The sides of the recorded runs, analysed today."""
    runs = sorted((ROOT / "results" / "recorded" / folder).glob("*/run.json"))
    return sides_of([analyse(RunFolder(run.parent)) for run in runs])


@pytest.mark.whole
@pytest.mark.parametrize(
    ("document", "table", "runs"),
    [
        (README, text_tables.failure_table, ["campaigns"]),
        (README, text_tables.late_or_failed_table, ["campaigns"]),
        (README, text_tables.throughput_table, ["campaigns"]),
        (OWN, text_tables.failure_table, ["library"]),
        (OWN, text_tables.late_or_failed_table, ["library"]),
        (ARTICLE, text_tables.failure_table, ["article", "article-trials"]),
        (ARTICLE, text_tables.throughput_table, ["article-trials"]),
        (ARTICLE, text_tables.cpu_table, ["article-trials"]),
        (ARTICLE, text_tables.connections_table, ["article-trials"]),
    ],
)
def test_the_documents_tables_are_those_of_the_recorded_runs(
    document: str, table: Callable[[list[Side]], Table], runs: list[str]
) -> None:
    """Of a table, a document may leave out rows."""
    tables = [table(recorded(folder)) for folder in runs]
    shown = shown_in(document, *tables)
    assert len(shown) >= 2 * len(runs)
    assert shown <= rows_of(*tables)


@pytest.mark.whole
def test_the_article_s_causes_and_lost_votes_are_those_of_the_recorded_trials() -> None:
    """None of them is left out."""
    sides = recorded("article-trials")
    causes = [text_tables.causes_by_users(side) for side in sides]
    assert rows_of(*causes, ledger_by_side(sides)) <= lines_of(ARTICLE)


def ledger_by_side(sides: list[Side]) -> Table:
    """Lowest to highest over a side's runs, of what was read after the drain."""
    columns = {
        "votes_attempted": "Attempted",
        "votes_acknowledged": "Acknowledged",
        "votes_stored": "Stored",
        "votes_lost": "Lost, at least",
        "votes_untold": "Stored untold, at least",
    }
    lines = []
    for side in sides:
        last = pd.concat([run.ledger.tail(1) for run in side.runs])
        bounds = [dict.fromkeys([count(last[name].min()), count(last[name].max())]) for name in columns]
        lines.append([f"{side.label} votes", *("–".join(bound) for bound in bounds)])
    return Table(["Lowest to highest", *columns.values()], lines)


@pytest.mark.whole
def test_the_article_says_how_many_trials_met_postgresql_s_limit_and_how_many_runs_were_not_valid() -> None:
    sides = {side.label: side for side in recorded("article-trials")}
    met = [
        sum("PostgreSQL out of connections" in set(run.causes["failure"]) for run in sides[label].runs)
        for label in ("ASGI uvicorn (article, nginx_connections=8192)", "ASGI uvicorn (article)")
    ]
    assert met == [7, 3]
    told = " ".join(ARTICLE.split())
    assert "ASGI met that wall in seven of the fifteen trials, and with it in place in three." in told
    invalid = [run.run.trial for run in all_runs(list(sides.values())) if not run.steps["valid"].all()]
    second = sorted({run.run.trial.campaign for run in all_runs(list(sides.values())) if run.run.trial})[1]
    assert [one.campaign for one in invalid if one] == 4 * [second]
    assert "In the second campaign four of the twenty runs were not valid" in told


@pytest.mark.whole
def test_the_article_rests_on_three_campaigns_of_five_trials_at_the_default_settle_and_hold() -> None:
    sides = recorded("article-trials")
    trials = Counter(run.run.trial.campaign for side in sides for run in side.runs if run.run.trial)
    assert list(trials.values()) == [20, 20, 20]
    for run in all_runs(sides):
        assert (run.run.config["settle_s"], run.run.config["hold_s"]) == (10, 20)


@pytest.mark.whole
def test_the_readme_opens_with_the_verdict_of_three_campaigns_of_five_trials() -> None:
    """What was recorded is enough for a claim, and the claim is what it says."""
    sides = recorded("campaigns")
    (verdict,) = verdicts(sides)
    text = " ".join(README.split())
    assert f"**{verdict.sentence}** {verdict.beside}" in text
    decides = verdict.ratios[verdict.ratios["decides"]]
    assert decides["campaigns"].tolist() == [3]
    trials = Counter(run.run.trial.campaign for side in sides for run in side.runs if run.run.trial)
    assert list(trials.values()) == [10, 10, 10]  # five of each side
    for run in all_runs(sides):
        assert (run.run.config["settle_s"], run.run.config["hold_s"]) == (10, 20)
    (threads,) = (remark for remark in verdict.remarks if remark.startswith("App threads under load differ"))
    assert threads in text


@cache
def ladder() -> Ladder:
    """Of all its recorded campaigns."""
    folder = ROOT / "results" / "recorded" / "ladder"
    return read_ladder(folder, measured(folder, ALL))


def test_the_ladder_is_told_as_its_recorded_runs_have_it() -> None:
    loads = dict(load_tables(ladder()))
    tables = [
        rungs_table(ladder().table), counts_text(ladder().counts), spending_text(ladder().spending),
        remedies_text(ladder().remedies), loads["p95 ms"], loads["CPU ms per request"],
    ]  # fmt: skip
    assert rows_of(*tables) <= lines_of(WHY)
    found = measured(ROOT / "results" / "recorded" / "ladder", ALL)
    for sentence in (*findings(ladder()), *basis_of(found)):
        assert sentence in " ".join(WHY.replace("\n> ", "\n").split())


def test_the_readme_says_what_the_ladder_found_in_three_campaigns() -> None:
    assert " ".join(findings(ladder())) in " ".join(README.split())
    assert set(ladder().table["campaigns"]) == {3}
    assert set(ladder().table["trials"]) <= {8, 9}


def test_what_is_said_of_the_remedies_is_so() -> None:
    """The largest is middleware; asynchronous views are no way out; nothing is shown between one hop and WSGI."""
    alone = ladder().remedies[ladder().remedies["beside"].isna()]
    largest = alone.loc[alone["times"].idxmin()]
    assert (largest["rung"], bool(largest["clear"])) == ("sync middleware", True)
    by_name = {row.rung: row for row in rows(ladder().table)}
    assert not by_name["async views"].clear
    assert not ladder().served["WSGI", "one hop"].clear
    assert ladder().served["as shipped", "one hop"].clear


@cache
def matrix() -> Matrix:
    found, _ = matrix_runs(ROOT / "results" / "recorded" / "matrix", None)
    return matrix_of(found)


def test_the_matrix_is_told_as_its_recorded_runs_have_it() -> None:
    assert rows_of(ranking(matrix()), changes_table(matrix().changes)) <= lines_of(RESULTS)
    _, notes = matrix_runs(ROOT / "results" / "recorded" / "matrix", None)
    for sentence in (*matrix_findings(matrix()), measured_at(matrix()), *notes):
        assert sentence in " ".join(RESULTS.replace("\n> ", "\n").split())


def test_what_is_said_of_the_matrix_s_groups_is_so() -> None:
    """Eight at the top, and six ASGI servers as shipped, within which no pair is clearly apart; PgBouncer likewise."""
    table = matrix().table
    top, shipped = list(table["side"][:8]), [f"ASGI {name}" for name, row in SERVERS.items() if row.interface == "asgi"]
    assert {side.split()[1] for side in top if "one-hop" not in side} == {
        name for name, row in SERVERS.items() if row.interface == "wsgi"
    }
    assert len(shipped) == 6
    for group in (top, shipped, [f"WSGI gunicorn ({db})" for db in ("pgbouncer", "per-request")]):
        assert not any(matrix().held[pair].clear for pair in permutations(group, 2))
    assert all(matrix().held[above, below].clear for above in top[:7] for below in shipped if "gunicorn-" not in below)
    cpu_ms = table.set_index("side")["cpu_ms"]
    more_ms = [
        cpu_ms[f"WSGI gunicorn ({db})"] - cpu_ms["WSGI gunicorn (persistent)"] for db in ("pgbouncer", "per-request")
    ]
    assert all(0.4 < 4.2 / ms < 0.65 for ms in more_ms)  # "about half"
    assert not matrix().held["WSGI gunicorn", "WSGI gunicorn (persistent)"].clear
    of_all = table.set_index("side")["db_opened_per_request"]
    assert of_all["WSGI gunicorn (pgbouncer)"] == of_all["ASGI uvicorn (pgbouncer)"] == 0


def test_the_readme_says_how_many_users_each_group_of_the_matrix_held() -> None:
    table = matrix().table.set_index("side")
    users = users_or_bound(table)
    shipped = [f"ASGI {name}" for name, row in SERVERS.items() if row.interface == "asgi"]
    connecting = [side for side in table.index if table.loc[side, "db"] in ("per-request", "pgbouncer")]
    text = " ".join(README.split())
    assert f"held {users.iloc[:8].min():.0f} users or more. The six ASGI servers" in text
    assert f"held {users[shipped].min():.0f} to {users[shipped].max():.0f}. With" in text
    assert f"two of them held {users[connecting].min():.0f} to {users[connecting].max():.0f}." in text
    assert len(table) == 19
    assert set(table["trials"]) == {3}


def test_what_a_connection_takes_is_told_as_it_was_measured() -> None:
    costs = json.loads((ROOT / "results" / "recorded" / "connecting.json").read_text())["cpu_ms"]
    assert {len(each) for each in costs.values()} == {9}
    stays, without, password = costs.values()
    text = " ".join(RESULTS.split())
    assert f"{median(password):.1f} ms of CPU time ({min(password):.1f} to {max(password):.1f})" in text
    assert (
        f"without a password {median(without):.1f} ms, and a query over a connection that stays {median(stays):.2f} ms"
        in text
    )


def test_the_measurements_say_what_django_6_1_changes_as_its_campaign_had_it() -> None:
    served: dict[str, list[dict[str, float]]] = {}
    for run, steps in map(kept, sorted_runs("django")):
        assert run.trial
        rps = steps.set_index("users").loc[350, "rps"]
        trials = served.setdefault(run.versions["django"], [{}, {}, {}])
        trials[run.trial.number - 1][run.config["interface"]] = float(rps)
    text = " ".join(MEASUREMENTS.split())
    for django, trials in served.items():
        first, second, third = (f"{trial['wsgi'] / trial['asgi']:.2f}" for trial in trials)
        assert f"{first}, {second} and {third} times" in text
        assert django in text


def sorted_runs(folder: str) -> list[RunFolder]:
    return [RunFolder(path.parent) for path in sorted((ROOT / "results" / "recorded" / folder).glob("*/run.json"))]


@pytest.mark.whole
def test_the_measurements_say_what_one_hop_brought_before_as_its_campaigns_had_it() -> None:
    (verdict,) = verdicts(recorded("one-hop"))
    assert "(350 to 700 users)" in verdict.claim
    decides = verdict.ratios[verdict.ratios["decides"]]
    assert (set(decides["campaigns"]), set(decides["trials"])) == ({2}, {6})
    ratios = {(row.b, row.a): Ratio(row.ratio, (row.low, row.high)) for row in rows(decides)}
    ratios |= {(a, b): ratio.inverted() for (b, a), ratio in ratios.items()}
    one_hop, limit, shipped = "ASGI uvicorn (one-hop)", "ASGI uvicorn (limit)", "ASGI uvicorn"
    text = " ".join(MEASUREMENTS.split())
    for of, to, said in (
        (one_hop, shipped, "times the requests/s of ASGI as shipped"),
        (one_hop, "WSGI gunicorn", "times those of WSGI (gunicorn)"),
        (limit, shipped, "times those of ASGI as shipped"),
    ):
        value, low, high = in_words(ratios[of, to])
        assert f"{value} ({low} to {high}) {said}" in text


@pytest.mark.whole
@pytest.mark.parametrize("kept", ["campaigns", "one-hop", "ladder"])
def test_the_versions_beside_the_headline_are_those_of_the_recorded_runs(kept: str) -> None:
    folders = sorted((ROOT / "results" / "recorded" / kept).glob("*/run.json"))
    runs = [RunFolder(path.parent).read_run() for path in folders]
    versions = [run.versions for run in runs if not run.config.get("with")]
    (line,) = (line for line in README.splitlines() if line.startswith("Versions: "))
    for named in line.removeprefix("Versions: ").removesuffix(".").split(", "):
        name, version = named.rsplit(" ", 1)
        assert {one[name.lower()] for one in versions if name.lower() in one} == {version}, name


@cache
def guide(kept: str) -> pd.DataFrame:
    """GUIDE_RUNS of a recorded guide."""
    folders = [RunFolder(path.parent) for path in sorted((ROOT / "results" / "recorded" / kept).glob("*/run.json"))]
    return guide_runs([(folder.read_run(), pd.read_csv(folder.steps_csv)) for folder in folders])


def test_the_guide_is_told_as_its_recorded_runs_have_it() -> None:
    runs = guide("guide")
    table, advice = guide_table(runs), advise(runs)
    told = lines_of(WORKLOADS_TOLD)
    assert rows_of(users_table(table)) <= told
    assert f"{len(runs)} runs" in WORKLOADS_TOLD
    assert {f"- {one.workload}: {one.choice.sentence}" for one in advice} <= told
    for _, of_one in table.groupby("workload"):
        assert rows_of(details(of_one)) <= told


def test_the_recorded_guide_s_own_pages_have_its_table_and_a_report_of_each_workload() -> None:
    folder = ROOT / "results" / "recorded" / "guide"
    runs = guide("guide")
    assert rows_of(users_table(guide_table(runs))) <= lines_of((folder / "guide.md").read_text())
    assert headline(advise(runs)) in (folder / "guide.html").read_text()
    assert {path.stem for path in folder.glob("reports/*.md")} == set(runs["workload"])


def test_the_readme_answers_by_the_recorded_guide() -> None:
    runs = guide("guide")
    assert rows_of(users_table(guide_table(runs))) <= lines_of(README)
    text = " ".join(README.split())
    assert f"**{headline(advise(runs))}.**" in text
    assert f"{len(runs)} runs" in text


def test_each_client_and_each_number_of_threads_is_told_as_an_earlier_sitting_had_it() -> None:
    runs = guide("guide-first")
    assert rows_of(details(guide_table(runs[runs["workload"] == "fanout"]))) <= lines_of(WORKLOADS_TOLD)


def test_fanout_and_home_are_told_as_the_second_sitting_had_them() -> None:
    runs = guide("guide-again")
    told, advice = lines_of(WORKLOADS_TOLD), advise(runs)
    for _, of_one in guide_table(runs).groupby("workload"):
        assert rows_of(details(of_one)) <= told
    assert {f"- {one.workload}: {one.choice.sentence}" for one in advice} <= told
    assert f"{len(runs)} runs" in WORKLOADS_TOLD
    assert f"**{headline(advice)}.**" in " ".join(README.split())
    under_wsgi = runs[(runs["workload"] == "home") & (runs["side"] == WSGI)]
    assert (under_wsgi["found"] == HELD).sum() == 4


@pytest.mark.parametrize(
    ("kept", "what"),
    [
        ("slow-upload", "Nginx buffers"),
        ("slow-upload-unbuffered", "nothing buffers"),
        ("slow-certificate", "a fifth of them, 256 KB, Nginx buffers"),
        ("slow-certificate-unbuffered", "a fifth of them, 256 KB, nothing buffers"),
        ("large-certificate-unbuffered", "half of them, 8 s each, 16 MB, nothing buffers"),
    ],
)
def test_slow_clients_are_told_with_and_without_buffering(kept: str, what: str) -> None:
    by_trial = guide(kept).sort_values("trial").assign(low=np.nan)
    cells = [", ".join(held(one)[0] for one in rows(by_trial[by_trial["side"] == side])) for side in ("A", "B")]
    assert f"| {what} | {' | '.join(cells)} |" in lines_of(WORKLOADS_TOLD)


def test_what_large_files_cost_in_memory_is_told_as_the_valid_steps_had_it() -> None:
    runs = sorted((ROOT / "results" / "recorded" / "large-certificate-unbuffered").glob("*/steps.csv"))
    text = " ".join(WORKLOADS_TOLD.split())
    wsgi, asgi = (
        steps.loc[(steps["users"] == 20) & steps["valid"].astype(bool), "rss_bytes_app"].median() / 2**20
        for interface in ("wsgi", "asgi")
        for steps in [pd.concat(pd.read_csv(path) for path in runs if f"-{interface}-" in path.parent.name)]
    )
    assert f"at 20 users the app had {wsgi:,.0f} MiB under WSGI and {asgi:,.0f} MiB under ASGI" in text


def test_a_thousand_watchers_are_told_as_three_runs_had_them() -> None:
    folders = sorted((ROOT / "results" / "recorded" / "watchers").glob("*/steps.csv"))
    steps = [pd.read_csv(path) for path in folders]
    low, many = (pd.DataFrame([table.iloc[place] for table in steps]).reset_index() for place in (0, 1))
    assert len(folders) == 3
    assert many["valid"].sum() == 2
    assert many["failures"].sum() == 0
    assert (many["users"] == 1030).all()
    text = " ".join(WORKLOADS_TOLD.split())
    updates = sorted(many["update_p95_ms"])
    assert f"{updates[0]:.0f}, {updates[1]:.0f} and {updates[2]:.0f} ms" in text
    kib = (many["rss_bytes_app"] - low["rss_bytes_app"]) / (0.99 * (many["users"] - low["users"])) / 1024
    assert f"{kib.median():.0f} KiB" in text


@pytest.mark.parametrize(
    ("kept", "workload", "a", "b", "measure"),
    [
        ("guide-first", "fanout", "ASGI, one after the other", ASYNC, "p50_ms"),
        ("guide-first", "fanout", WSGI, "ASGI, one after the other", "p50_ms"),
        ("guide", "fanout", WSGI, ASYNC, "p50_ms"),
        ("guide", "fanout", "ASGI, httpx", ASYNC, "users"),
        ("guide", "fanout", ASYNC, "ASGI, httpx", "cpu_ms"),
        ("guide", "bare", WSGI, ASYNC, "cpu_ms"),
        ("guide", "hello", WSGI, ASYNC, "cpu_ms"),
        ("guide", "certificate", SYNC, ASYNC, "users"),
        ("guide", "live", MANY_THREADS, ASYNC, "users"),
        ("guide", "cpu", WSGI, ASYNC, "users"),
        ("guide", "cpu", WSGI, SYNC, "users"),
        ("guide-again", "fanout", "ASGI, httpx", ASYNC, "users"),
        ("guide-again", "fanout", SYNC, ASYNC, "users"),
        ("guide-again", "fanout", ASYNC, MANY_THREADS, "users"),
        ("guide-again", "home", ASYNC, WSGI, "users"),
        ("guide-again", "home", SYNC, WSGI, "users"),
    ],
)
def test_what_the_guide_shows_of_two_sides_is_told_with_its_interval(
    kept: str, workload: str, a: str, b: str, measure: str
) -> None:
    runs = guide(kept)
    by_trial = runs[runs["workload"] == workload].pivot_table(index="trial", columns="side", values=measure)
    (ratio,) = paired_ratios(np.log(by_trial[[b]].to_numpy() / by_trial[[a]].to_numpy()), 2)
    assert ratio.value
    assert ratio.interval
    low, high = ratio.interval
    assert f"{ratio.value:.2f} ({low:.2f} to {high:.2f}) times" in " ".join(WORKLOADS_TOLD.split())


@pytest.mark.whole
def test_the_readme_tells_what_shorter_steps_and_one_server_against_itself_gave() -> None:
    text = " ".join(README.split())
    (of_quick,), (of_itself,) = verdicts(recorded("quick")), verdicts(recorded("aa"))
    found = of_quick.ratios[of_quick.ratios["decides"]].iloc[0]
    ratio, low, high = (1 / found[name] for name in ("ratio", "high", "low"))
    assert f"gave the same, {ratio:.1f} ({low:.1f} to {high:.1f})" in text
    assert "One server against itself showed no clear difference in three such campaigns" in text
    assert of_itself.sentence.startswith("No clear difference")
    for one, trials in ((of_quick, [9]), (of_itself, [8])):  # an invalid step left one out
        decides = one.ratios[one.ratios["decides"]]
        assert (decides["campaigns"].tolist(), decides["trials"].tolist()) == ([3], trials)


def test_the_cost_of_gatebench_s_part_of_the_app_s_process_is_told_as_it_was_measured() -> None:
    trials = json.loads((ROOT / "results" / "recorded" / "overlay.json").read_text())["ms_without_and_with"]
    assert [len(trials[interface]) for interface in ("wsgi", "asgi")] == [6, 6]
    found = [(ratio, *interval) for ratio, interval in (cost(trials[interface]) for interface in ("wsgi", "asgi"))]
    wsgi, asgi = (f"{ratio:.3f} ({low:.3f} to {high:.3f})" for ratio, low, high in found)
    said = " ".join(MEASUREMENTS.split())
    assert f"took {wsgi} times the CPU under WSGI and {asgi} times under ASGI, over six trials each" in said
    assert max(high for _, _, high in found) < ALLOWED


@pytest.mark.whole
def test_the_example_of_a_project_quotes_its_verdict() -> None:
    (verdict,) = verdicts(recorded("library"))
    assert f"{verdict.sentence} {verdict.beside}" in " ".join(OWN.replace("\n> ", "\n").split())


@pytest.mark.whole
def test_the_readme_tells_every_failure_of_its_campaigns() -> None:
    failed = {
        side.label: [
            (row.users, percent(row.failure_pct)) for run in side.runs for row in rows(run.steps) if row.failures
        ]
        for side in recorded("campaigns")
    }
    assert failed == {"WSGI gunicorn": [], "ASGI uvicorn": [(700, "0.8%")]}
    assert "Under gunicorn no request failed, up to 700 users." in README
    told = "Under uvicorn none did in fourteen of the fifteen trials; in the other, at 700 users, 0.8% had no answer"
    assert told in " ".join(README.split())


@pytest.mark.whole
@pytest.mark.parametrize("runs", ["campaigns", "quick", "aa"])
def test_what_repeats_is_told_as_the_recorded_campaigns_have_it(runs: str) -> None:
    """The rows of benchmarks/repeatability.py, and the verdict."""
    sides = recorded(runs)
    (section,) = sections(sides)
    ((_, table),) = section.tables
    assert rows_of(table) <= lines_of(MEASUREMENTS)
    (verdict,) = verdicts(sides)
    quoted = " ".join(MEASUREMENTS.replace("\n> ", "\n").split())
    assert f"{verdict.sentence} {verdict.beside}".strip() in quoted


def test_the_reference_has_every_server() -> None:
    """Where a person looks for what SERVER may be: its row in the table of knobs."""
    (row,) = (line for line in REFERENCE.splitlines() if line.startswith("| `SERVER` |"))
    assert set(SERVERS) <= set(re.findall(r"[a-z]+(?:-[a-z]+)*", row))


def test_the_reference_has_every_workload_and_its_views() -> None:
    lines = REFERENCE.splitlines()
    (workloads,) = (line for line in lines if line.startswith("| `WORKLOAD` |"))
    (views,) = (line for line in lines if line.startswith("| `VIEWS` |"))
    assert set(WORKLOADS) <= set(re.findall(r"`([a-z]+)`", workloads))
    assert {one for workload in WORKLOADS.values() for one in workload.views} <= set(re.findall(r"`([a-z]+)`", views))


def test_the_reference_has_every_exit_code() -> None:
    codes = {kind.exit_code for kind in errors.GatebenchError.__subclasses__()} | {1, errors.INTERRUPTED}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", REFERENCE, re.MULTILINE)} == codes | {0}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    for target in re.findall(r"\bmake\s+([a-z][a-z-]+)", document.read_text()):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"{document.name} says make {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text()):
        assert (document.parent / link).exists(), f"{document.name} links to {link}"
