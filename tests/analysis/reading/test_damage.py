"""Run folders that are damaged, cut off or incomplete: what is whole is analysed, the rest is said in a sentence."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from gatebench.analysis.analysed_run import analyse
from gatebench.analysis.reading.frames import read_requests
from gatebench.analysis.reading.proxy_log import read_proxy_log
from gatebench.errors import RunFolderError
from gatebench.run_folder import RunFolder, packed
from tests.analysis.synthetic import Recorded, proxy_line, request, requests, step, vote

SECONDS = [request(at + 0.1, 10) for at in range(5)]
"""Five batches of one request."""


def folder_of(path: Path, *rows: object) -> RunFolder:
    return Recorded(rows, [step(1)]).write(path / "run")  # type: ignore[arg-type]


def test_every_column_is_read_with_what_is_missing_missing(results: Path) -> None:
    ok, failed = vote(1), request(2, 3, cause="connection reset")  # type: ignore[arg-type]
    frame = read_requests(folder_of(results, ok, failed)).requests
    expected = pd.DataFrame(
        {
            "started": [ok.started, failed.started],
            "elapsed_ms": pd.array([50, 3], "float32"),
            "name": ["vote", "form"],
            "method": ["POST", "GET"],
            "status": pd.array([302, None], "Int16"),
            "cause": [None, "connection reset"],
            "step": pd.array([1, 1], "Int16"),
            "request_id": pd.array([ok.request_id, failed.request_id], "uint64"),
        }
    )
    pd.testing.assert_frame_equal(
        frame.astype({"name": "str", "method": "str", "cause": "str"}), expected.astype({"cause": "str"})
    )


@pytest.mark.whole
def test_a_file_that_is_cut_off_somewhere_keeps_its_whole_batches(results: Path) -> None:
    folder = folder_of(results, *SECONDS)
    whole = folder.requests.read_bytes()
    kept = []
    for length in range(len(whole), 0, -16):
        folder.requests.write_bytes(whole[:length])
        try:
            recording = read_requests(folder)
        except RunFolderError:
            break
        kept.append(len(recording.requests))
        if recording.damage:
            assert recording.damage.endswith(f"the {kept[-1]} requests before it are analysed.")
    assert sorted(set(kept)) == [0, 1, 2, 3, 4, 5]
    assert kept == sorted(kept, reverse=True)
    assert length < 1500  # the schema itself


def test_a_whole_file_has_no_damage(results: Path) -> None:
    assert read_requests(folder_of(results, *SECONDS)).damage is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "requests.arrows is missing: this run recorded no request, leave it out."),
        (b"", "requests.arrows is empty or damaged from its beginning: leave this run out."),
        (b"not arrow at all", "requests.arrows is empty or damaged from its beginning: leave this run out."),
    ],
)
def test_without_a_table_of_requests_there_is_no_run(results: Path, content: bytes | None, sentence: str) -> None:
    folder = folder_of(results, *SECONDS)
    folder.requests.unlink()
    if content is not None:
        folder.requests.write_bytes(content)
    with pytest.raises(RunFolderError) as error:
        analyse(folder)
    assert str(error.value) == f"{folder.path}/{sentence}"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"config": 3, "id": "x", "started": 1}', '{"config": {}}'])
def test_a_damaged_run_json_is_a_run_folder_error(results: Path, content: str) -> None:
    folder = folder_of(results, *SECONDS)
    folder.run_json.write_text(content)
    with pytest.raises(RunFolderError):
        analyse(folder)


@pytest.mark.parametrize("content", ["", "[{]", '[{"nonsense": 1}]', "7"])
def test_a_damaged_votes_json_costs_the_ledger_only(results: Path, content: str) -> None:
    folder = folder_of(results, *requests(1, ok=3))
    folder.votes_json.write_text(content)
    run = analyse(folder)
    assert run.steps["requests"].tolist() == [3]
    assert run.ledger.empty
    assert "votes.json is damaged: the votes ledger is left out." in run.notes


def test_logs_that_are_missing_are_no_error(results: Path) -> None:
    folder = folder_of(results, *requests(1, ok=3, failed=1))
    folder.nginx_error_log.unlink()
    folder.log("app").unlink()
    folder.votes_json.unlink()
    assert analyse(folder).steps["failures"].tolist() == [1]


def proxy_folder(path: Path, text: str) -> RunFolder:
    folder = folder_of(path, *SECONDS)
    folder.proxy_log.write_text(text)
    return folder


def test_a_packed_proxy_log_says_the_same(results: Path) -> None:
    folder = proxy_folder(results, ONE + ONE)
    as_it_was = read_proxy_log(folder)
    packed(folder.proxy_log).write_bytes(gzip.compress(folder.proxy_log.read_bytes()))
    folder.proxy_log.unlink()
    found = read_proxy_log(folder)
    assert as_it_was is not None
    assert found is not None
    assert len(found) == 2
    pd.testing.assert_frame_equal(found, as_it_was)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"x" * 99)[:-12]], ids=["no gzip", "cut off"])
def test_a_packed_proxy_log_that_is_damaged_is_a_run_folder_error(results: Path, content: bytes) -> None:
    folder = folder_of(results, *SECONDS)
    folder.proxy_log.unlink(missing_ok=True)
    packed(folder.proxy_log).write_bytes(content)
    with pytest.raises(RunFolderError, match=r"proxy\.log\.gz is damaged \(.+\): pack it anew, or remove it\."):
        analyse(folder)


ONE = (
    '{"time": 1700000000.123, "id": "00000000000000ff", "method": "GET", "uri": "/polls/1/", "status": 200, '
    '"request_time": 0.012, "upstream_status": "200", "upstream_connect_time": "0.000", '
    '"upstream_header_time": "0.012", "upstream_response_time": "0.012", "bytes": 1234, "worker": "77", '
    '"connection": 17, "connection_requests": 3}\n'
)


def test_nginx_s_log_is_read_as_it_writes_it(results: Path) -> None:
    refused = (
        ONE.replace("ff", "fe")
        .replace('"200"', '"-"')
        .replace('"0.000"', '"-"')
        .replace(" 200", " 500")
        .replace("77", "-")
    )
    frame = read_proxy_log(proxy_folder(results, ONE + refused))
    assert frame is not None
    expected = pd.DataFrame(
        {
            "request_id": pd.array([255, 254], "uint64"),
            "time": [1700000000.123] * 2,
            "status": pd.array([200, 500], "int16"),
            "request_ms": pd.array([12, 12], "float32"),
            "upstream_status": ["200", "-"],
            "connect_ms": pd.array([0, None], "float32"),
            "upstream_ms": pd.array([12, 12], "float32"),
            "worker": ["77", None],
            "connection": pd.array([17, 17], "int32"),
        }
    )
    texts = {"upstream_status": "str", "worker": "str"}
    pd.testing.assert_frame_equal(frame.astype(texts), expected.astype(texts))


def test_the_log_of_an_older_run_names_no_worker(results: Path) -> None:
    old = ONE.replace('"worker": "77", ', "")
    odd = old.replace("/polls/1/", r"/polls/\"1\"/").replace("ff", "fe")  # another number of quotes
    frame = read_proxy_log(proxy_folder(results, old + odd))
    assert frame is not None
    assert frame["request_id"].tolist() == [255, 254]
    assert frame["worker"].isna().all()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        (ONE, [255]),
        (ONE + ONE[:100], [255]),  # Nginx was still writing
        (ONE + ONE.replace("/polls/1/", r"/polls/\"1\"/").replace("ff", "fe"), [255, 254]),  # another number of quotes
        (ONE.replace('"00000000000000ff"', '"-"') + ONE, [255]),  # the runner's own checks
        (ONE.replace("00000000000000ff", "not-hexadecimal!") + ONE, [255]),
        (ONE + "damaged\n" + ONE.replace("ff", "fe"), [255, 254]),
        (ONE + ONE.replace(": 200", ": x") + ONE.replace("ff", "fe"), [255, 254]),
        ("damaged\n" + ONE, [255]),
        (ONE.replace("1700000000.123", "170\x00"), []),
    ],
)
def test_lines_that_are_damaged_or_not_a_user_s_are_left_out(results: Path, text: str, ids: list[int]) -> None:
    frame = read_proxy_log(proxy_folder(results, text))
    assert frame is not None
    assert sorted(frame["request_id"].tolist()) == sorted(ids)


def test_of_several_tries_the_last_counts(results: Path) -> None:
    twice = ONE.replace('"upstream_connect_time": "0.000"', '"upstream_connect_time": "0.001, 0.002"')
    twice = twice.replace('"upstream_response_time": "0.012"', '"upstream_response_time": "0.001, -"')
    frame = read_proxy_log(proxy_folder(results, twice))
    assert frame is not None
    assert frame["connect_ms"].tolist() == [2]
    assert frame["upstream_ms"].isna().tolist() == [True]


@pytest.mark.parametrize("readers", [1, 3, 500])
def test_a_log_larger_than_a_piece_is_read_whole(results: Path, monkeypatch: pytest.MonkeyPatch, readers: int) -> None:
    rows = [request(at / 10) for at in range(200)]
    folder = Recorded(rows, [step(1)], proxy_lines=[proxy_line(row) for row in rows]).write(results / "run")
    monkeypatch.setattr("gatebench.analysis.reading.proxy_log.PIECE_BYTES", 1000)
    monkeypatch.setattr("gatebench.analysis.reading.proxy_log.READERS", readers)
    frame = read_proxy_log(folder)
    assert frame is not None
    assert frame["request_id"].tolist() == [row.request_id for row in rows]
