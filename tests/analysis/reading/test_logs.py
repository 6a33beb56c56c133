"""Nginx's error log as it is on the disk: repeated, packed, cut off, and with what clients put into it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gatebench.analysis.reading.logs import read_error_log, read_service_log
from gatebench.errors import RunFolderError
from gatebench.records import SERVICE
from gatebench.run_folder import RunFolder, packed

ALERT = b"2026/11/27 10:00:01 [alert] 29#29: 512 worker_connections are not enough\n"
RESET = (
    b"2026/11/27 10:00:02 [error] 29#29: *7 recv() failed (104: Connection reset by peer) while reading, client: ::1, "
    b'request: "GET /\t\xff,\\x01 HTTP/1.1"\n'
)


def written(path: Path, content: bytes) -> RunFolder:
    folder = RunFolder(path)
    folder.logs.mkdir(parents=True)
    folder.nginx_error_log.write_bytes(content)
    return folder


def test_what_nginx_wrote_is_a_row_whatever_a_client_put_into_it(tmp_path: Path) -> None:
    errors = read_error_log(written(tmp_path, b"no heading\n" + ALERT + RESET))
    assert errors["connection"].isna().tolist() == [True, False]
    assert errors["message"].tolist() == [
        "512 worker_connections are not enough",
        "recv() failed (104: Connection reset by peer) while reading",
    ]
    assert errors["line"].iloc[1] == RESET.decode(errors="replace").rstrip("\n")
    assert errors["time"].diff().iloc[1] == 1


def test_a_line_that_follows_itself_is_one_row_and_comes_again_later(tmp_path: Path) -> None:
    errors = read_error_log(written(tmp_path, 3 * ALERT + RESET + 2 * ALERT))
    assert errors["message"].str.startswith("512").tolist() == [True, False, True]


def test_a_packed_log_and_one_that_is_cut_off_are_read_and_none_is_none(tmp_path: Path) -> None:
    folder = written(tmp_path, b"")
    assert read_error_log(folder).empty
    folder.nginx_error_log.write_bytes(ALERT + RESET[:60])
    whole = read_error_log(folder)
    assert len(whole) == 2
    packed(folder.nginx_error_log).write_bytes(gzip.compress(folder.nginx_error_log.read_bytes()))
    folder.nginx_error_log.unlink()
    assert read_error_log(folder).equals(whole)
    packed(folder.nginx_error_log).write_bytes(gzip.compress(b""))
    assert read_error_log(folder).empty
    packed(folder.nginx_error_log).unlink()
    assert read_error_log(folder).empty


@pytest.mark.parametrize("content", [gzip.compress(1000 * ALERT)[:-20], b"no gzip"], ids=["cut off", "not packed"])
def test_a_packed_log_that_is_damaged_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    folder = written(tmp_path, b"")
    for log, read in ((folder.nginx_error_log, read_error_log), (folder.log(SERVICE), read_service_log)):
        log.unlink(missing_ok=True)
        packed(log).write_bytes(content)
        with pytest.raises(RunFolderError, match=r"is damaged \(.+\): pack it anew, or remove it\.$"):
            read(folder)
