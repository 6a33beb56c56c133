"""What a run sets in a project's settings: nothing more than it must, and nothing that the project keeps."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from gatebench import launch

sys.path.append(str(launch.INSIDE))

from gatebench_inside.overlay import DUMMY_MAIL, overlaid
from gatebench_inside.spec import Spec

PG = {"PGHOST": "127.0.0.1", "PGPORT": "5433", "PGUSER": "polls", "PGPASSWORD": "hush", "PGDATABASE": "polls"}
OURS = {"NAME": "polls", "HOST": "127.0.0.1", "PORT": "5433", "USER": "polls", "PASSWORD": "hush"}
SPEC = Spec(settings="shop.settings", secret_key="fresh", static_root="/run/static", media_root="/run/media")


def changed(theirs: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return overlaid(theirs, Spec(**{**SPEC.__dict__, **spec}), PG)


def default(theirs: dict[str, Any], **spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = changed({"DATABASES": {"default": theirs}}, **spec)["DATABASES"]["default"]
    return found


def test_the_database_is_the_run_s_with_the_project_s_own_engine_and_ways() -> None:
    theirs = {
        "ENGINE": "django_prometheus.db.backends.postgresql",
        "NAME": "shop",
        "HOST": "db.example",
        "CONN_MAX_AGE": 600,
        "ATOMIC_REQUESTS": True,
        "OPTIONS": {"sslmode": "require", "isolation_level": 4, "pool": {"max_size": 4}},
    }
    found = default(theirs)
    assert OURS.items() <= found.items()
    assert (found["ENGINE"], found["ATOMIC_REQUESTS"]) == (theirs["ENGINE"], True)
    assert (found["OPTIONS"], found["CONN_MAX_AGE"]) == ({"isolation_level": 4}, 0)


def test_of_another_database_nothing_is_kept_that_postgresql_does_not_know() -> None:
    theirs = {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3", "OPTIONS": {"timeout": 20}}
    found = default({**theirs, "ATOMIC_REQUESTS": True})
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["OPTIONS"], found["ATOMIC_REQUESTS"]) == ({}, True)


def test_connections_are_pooled_kept_or_made_for_each_request() -> None:
    pooled = default({}, db="pool", pool_size=3, pool_timeout_s=2.0)
    assert pooled["OPTIONS"] == {"pool": {"min_size": 3, "max_size": 3, "timeout": 2.0}}
    assert default({}, db="persistent")["CONN_MAX_AGE"] is None
    assert default({}, db="per-request")["CONN_MAX_AGE"] == 0
    assert "DISABLE_SERVER_SIDE_CURSORS" not in default({}, db="per-request")


def test_behind_pgbouncer_no_cursor_outlives_its_transaction() -> None:
    found = default({}, db="pgbouncer")
    assert (found["CONN_MAX_AGE"], found["DISABLE_SERVER_SIDE_CURSORS"]) == (0, True)


def test_other_databases_stay_where_they_are() -> None:
    other = {"ENGINE": "django.db.backends.sqlite3", "NAME": "stats.sqlite3"}
    assert changed({"DATABASES": {"default": {}, "stats": other}})["DATABASES"]["stats"] == other


def test_tls_is_given_up_only_where_the_project_asks_for_it() -> None:
    assert not {"SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE"} & changed({}).keys()
    found = changed({"SECURE_SSL_REDIRECT": True, "SESSION_COOKIE_SECURE": False, "SESSION_COOKIE_DOMAIN": "x.example"})
    assert (found["SECURE_SSL_REDIRECT"], found["SESSION_COOKIE_DOMAIN"]) == (False, None)
    assert "SESSION_COOKIE_SECURE" not in found


@pytest.mark.parametrize(
    ("theirs", "found"),
    [(["shop.example"], ["shop.example", "nginx"]), (["*"], None), (["nginx"], None)],
)
def test_hosts_are_the_project_s_and_the_run_s(theirs: list[str], found: list[str] | None) -> None:
    assert changed({"ALLOWED_HOSTS": theirs}, hosts=("nginx",)).get("ALLOWED_HOSTS") == found


def test_nobody_gets_mail_and_no_mail_stays_no_mail() -> None:
    assert changed({"EMAIL_BACKEND": "smtp"})["EMAIL_BACKEND"] == DUMMY_MAIL
    mailers = {"default": {"BACKEND": "smtp", "OPTIONS": {"host": "mail"}}}
    assert changed({"MAILERS": mailers})["MAILERS"] == {"default": {"BACKEND": DUMMY_MAIL, "OPTIONS": {"host": "mail"}}}
    assert not {"MAILERS", "EMAIL_BACKEND"} & changed({"MAILERS": {}}).keys()


def test_what_the_project_keeps_and_what_is_so_already_is_not_changed() -> None:
    found = changed({"DEBUG": False, "SECRET_KEY": "theirs"}, keep=("SECRET_KEY", "STATIC_ROOT"))
    assert not {"DEBUG", "SECRET_KEY", "STATIC_ROOT"} & found.keys()
    assert found["MEDIA_ROOT"] == "/run/media"
