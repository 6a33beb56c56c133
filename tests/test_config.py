"""Knobs: every good value is understood, every bad one is one sentence that names the knob."""

from __future__ import annotations

import json

import pytest

from gatebench.config import KNOBS, RunConfig, check_names, parse_users, resolve
from gatebench.errors import UsageError
from gatebench.servers import SERVERS, Interface


def resolved(interface: Interface = Interface.WSGI, **knobs: str) -> RunConfig:
    return resolve(interface, knobs, engine_answers=lambda: False)


def test_users_are_a_range_or_a_list() -> None:
    assert parse_users("100:700:100") == (100, 200, 300, 400, 500, 600, 700)
    assert parse_users("20,40") == (20, 40)
    assert parse_users("50") == (50,)
    assert parse_users("10:25:10") == (10, 20)


@pytest.mark.parametrize(
    "text", ["", "x", "0", "-5", "10:20", "10:20:0", "10:5:1", "20,20", "40,20", "1:2,3", "99999", "1.5"]
)
def test_users_that_do_not_parse_are_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"^USERS=.*: give first:last:step as in USERS=100:700:100, or .*$"):
        parse_users(text)


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("STACK", "podman"),
        ("SERVER", "apache"),
        ("PROFILE", "far"),
        ("DB", "mysql"),
        ("WORKERS", "0"),
        ("WORKERS", "two"),
        ("WORKERS", "²"),
        ("SETTLE", "-1"),
        ("HOLD", "0"),
        ("HOLD", "nan"),
        ("TIMEOUT", "inf"),
        ("QUICK", "yes"),
        ("HEADLESS", "true"),
        ("PORT", "70000"),
        ("UI_PORT", "8o89"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_the_knob(knob: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolved(**{knob: value})
    sentence = str(caught.value)
    assert sentence.startswith(f"{knob}={value} is n")
    assert "\n" not in sentence


def test_a_misspelt_knob_is_told_with_the_right_one() -> None:
    check_names(["USERS", "HOLD"])
    with pytest.raises(UsageError, match=r"^USRES is not a knob: did you mean USERS\?$"):
        check_names(["USERS", "USRES"])


def test_a_server_of_the_other_interface_is_told_where_it_belongs() -> None:
    with pytest.raises(UsageError, match=r"SERVER=uvicorn speaks ASGI: run `make bench-asgi` for it"):
        resolved(Interface.WSGI, SERVER="uvicorn")


def test_persistent_connections_are_refused_under_asgi() -> None:
    assert resolved(Interface.WSGI, DB="persistent").db == "persistent"
    with pytest.raises(UsageError, match="DB=persistent leaks connections under ASGI"):
        resolved(Interface.ASGI, DB="persistent")


def test_two_listeners_cannot_share_a_port() -> None:
    with pytest.raises(UsageError, match="PORT and UI_PORT are both 9000"):
        resolved(PORT="9000", UI_PORT="9000")


def test_defaults_are_the_fair_profile_on_the_whole_ramp() -> None:
    config = resolved()
    assert (config.server, config.profile, config.stack, config.db) == ("gunicorn", "fair", "native", "pool")
    assert (config.users[0], config.users[-1], config.settle_s, config.hold_s) == (100, 700, 10.0, 20.0)
    assert config.timeout_s == 10.0
    assert resolved(Interface.ASGI).server == "uvicorn"


def test_the_article_waits_for_ever_unless_told() -> None:
    assert resolved(PROFILE="article").timeout_s is None
    assert resolved(PROFILE="article").db == "per-request"
    assert resolved(PROFILE="article", TIMEOUT="3", DB="persistent").timeout_s == 3.0


def test_quick_shortens_the_steps_and_an_explicit_knob_wins() -> None:
    assert (resolved(QUICK="1").settle_s, resolved(QUICK="1").hold_s) == (3.0, 8.0)
    assert resolved(QUICK="1", HOLD="5").hold_s == 5.0


def test_settings_are_changed_by_name_each_with_its_own_type() -> None:
    config = resolved(SET="nginx_connections=64 db_pool_timeout_s=1 nginx_upstream_http=1.0")
    row = config.profile_row()
    assert (row.nginx_connections, row.db_pool_timeout_s, row.nginx_upstream_http) == (64, 1.0, "1.0")
    assert row.threads == 8
    assert config.label == "WSGI gunicorn (nginx_connections=64, db_pool_timeout_s=1, nginx_upstream_http=1.0)"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("nginx_conections=64", "did you mean nginx_connections"),
        ("zzz=1", "there are db_pool_size"),
        ("threads=many", "threads takes a whole number"),
        ("threads", "threads takes a whole number"),
        ("debug=1", "debug is no setting"),
    ],
)
def test_a_setting_that_is_not_understood_is_one_sentence(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"^SET={text} is not understood.*{hint}"):
        resolved(SET=text)


def test_a_docker_engine_is_asked_only_when_no_stack_is_named() -> None:
    def never() -> bool:
        raise AssertionError("asked")

    assert resolve(Interface.WSGI, {"STACK": "native"}, never).stack == "native"
    assert resolve(Interface.WSGI, {}, lambda: True).stack == "compose"


def test_a_config_survives_run_json() -> None:
    config = resolved(Interface.ASGI, SERVER="daphne", USERS="20,40", SET="threads=4", SERVER_ARGS="-v 1")
    assert RunConfig.from_json(config.to_json()) == config
    assert config.to_json()["label"] == "ASGI daphne (-v 1, threads=4)"
    assert config.to_json()["settings"]["threads"] == 4


def test_variables_of_the_app_s_environment_are_quoted_as_in_a_shell() -> None:
    config = resolved(ENV="PYTHONMALLOC=malloc GUNICORN_CMD_ARGS='--threads 4 --preload' EMPTY=")
    assert config.env == {"PYTHONMALLOC": "malloc", "GUNICORN_CMD_ARGS": "--threads 4 --preload", "EMPTY": ""}
    assert config.label == "WSGI gunicorn (PYTHONMALLOC=malloc, GUNICORN_CMD_ARGS=--threads 4 --preload, EMPTY=)"
    assert RunConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("PYTHONMALLOC", "give variables as in ENV='PYTHONMALLOC=malloc'"),
        ("2BAD=1", "give variables as in"),
        ("A='1", "a quotation mark without its other half"),
        ("POLLS_DB=pool", "POLLS_DB, which Gatebench gives itself"),
    ],
)
def test_a_variable_that_is_not_understood_is_one_sentence(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=f"^ENV={text} .*{why}.*[.]$"):
        resolved(ENV=text)


def test_a_secret_is_given_to_the_app_and_written_nowhere() -> None:
    config = resolved(ENV="STRIPE_API_KEY=sk_live_1 SENTRY_DSN=https://2 AWS_SECRET_ACCESS=3 DB_PASSWORD=4 PLAIN=5")
    written = json.dumps(config.to_json())
    assert config.env["STRIPE_API_KEY"] == "sk_live_1"
    assert not any(secret in written for secret in ("sk_live_1", "https://2", '"3"', '"4"'))
    assert config.to_json()["env"]["STRIPE_API_KEY"] == "set"
    assert "PLAIN=5" in config.label


def test_every_knob_has_help() -> None:
    assert all(knob.help for knob in KNOBS)


def test_fair_servers_get_equal_processes_backlog_and_keep_alive() -> None:
    """Daphne's backlog is its shared socket's, and it has no keep-alive limit of its own."""
    values = {"application": "app", "workers": 2, "threads": 8, "host": "h", "port": 1, "backlog": 2048, "fd": 3}
    for server in SERVERS.values():
        words = server.command("fair", **values)
        if not server.shares_socket("fair"):
            assert words[words.index("--workers") + 1] == "2", server.name
            assert words[words.index("--backlog") + 1] == "2048", server.name
            assert "75" in words, server.name
