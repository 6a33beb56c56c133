"""Knobs: every good value is understood, every bad one is one sentence that names the knob."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace

import pytest

from gatebench.analysis.cli import SWITCHES
from gatebench.analysis.comparing.gates import GATES
from gatebench.errors import UsageError
from gatebench.knobs import KNOBS, WORKLOADS, parse_users, resolve, servers_of
from gatebench.names import JUDGED, check_names
from gatebench.profiles import PROFILES
from gatebench.servers import SERVERS
from gatebench.values.run_config import RunConfig
from gatebench.values.server import Interface, LogPatterns, Server
from gatebench.values.virtual_environment import VirtualEnvironment
from gatebench.values.workload import Write


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


@pytest.mark.parametrize(
    ("targets", "name", "sentence"),
    [
        ("bench-wsgi", "USRES", "USRES is not a knob: did you mean USERS?"),
        ("bench", "MAX_P59", "MAX_P59 is not a knob: did you mean MAX_P95?"),
        ("analyze", "MAX_FAILURE", "MAX_FAILURE is not a knob: did you mean MAX_FAILURES?"),
        ("compare", "X", "X is not a knob: `make help` lists the knobs."),
        ("test", "FAST", "FAST is not a knob: `make help` lists the knobs."),
        ("analyze", "USERS", "USERS is nothing that `make analyze` takes: leave it out."),
        ("analyze", "A", "A is nothing that `make analyze` takes: leave it out."),
        ("bench-asgi", "OUT", "OUT is for when runs are analysed: give it to `make analyze` or `make bench`."),
        ("", "USRES", "USRES is not a knob: did you mean USERS?"),
    ],
)
def test_a_name_that_a_target_does_not_take_is_one_sentence(targets: str, name: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_names(["PYTHON", name], targets)
    assert str(caught.value) == sentence


def test_names_that_are_taken_are_not_refused() -> None:
    check_names(["USERS", "HOLD"], "bench-wsgi")
    check_names(["USERS", "MAX_P95", "ANYWAY", "OUT"], "bench")
    check_names(["RUNS", "RESULTS", "MAX_FAILURES"], "analyze")
    check_names(["USERS", "RUNS"], "bench-wsgi analyze")
    check_names(["USERS", "RUNS", "A"])  # from the environment, of which a command takes what it understands


def test_every_gate_can_be_given_to_make() -> None:
    assert set(JUDGED) == {*GATES, *SWITCHES, "OUT"}


def test_a_server_of_the_other_interface_is_told_where_it_belongs() -> None:
    with pytest.raises(UsageError, match=r"SERVER=uvicorn speaks ASGI: run `make bench-asgi` for it"):
        resolved(Interface.WSGI, SERVER="uvicorn")


def test_persistent_connections_are_refused_under_asgi() -> None:
    assert resolved(Interface.WSGI, DB="persistent").side.footing.db == "persistent"
    with pytest.raises(UsageError, match="DB=persistent leaks connections under ASGI"):
        resolved(Interface.ASGI, DB="persistent")


def test_a_bridge_that_keeps_its_threads_lets_them_be() -> None:
    with pytest.raises(UsageError, match="or BRIDGE=one-hop, reused, both or wsgi"):
        resolved(Interface.ASGI, DB="persistent", BRIDGE="limit")
    side = resolved(Interface.ASGI, DB="persistent", BRIDGE="one-hop").side
    assert side.bridge is not None
    assert (side.footing.db, side.bridge.name) == ("persistent", "one-hop")


def test_a_bridge_stands_in_the_label_and_is_for_django_under_asgi() -> None:
    assert resolved(Interface.ASGI, BRIDGE="one-hop").side.label == "ASGI uvicorn (one-hop)"
    assert resolved(Interface.ASGI, BRIDGE="shipped").side == resolved(Interface.ASGI).side
    with pytest.raises(UsageError, match="BRIDGE=one-hop is for ASGI: leave it out, or run `make bench-asgi`"):
        resolved(Interface.WSGI, BRIDGE="one-hop")
    with pytest.raises(UsageError, match="BRIDGE=reused is for Django, and WORKLOAD=bare has none"):
        resolved(Interface.ASGI, BRIDGE="reused", WORKLOAD="bare")
    with pytest.raises(UsageError, match=r"BRIDGE=onehop is not known: .* Did you mean one-hop?"):
        resolved(Interface.ASGI, BRIDGE="onehop")


def test_two_listeners_cannot_share_a_port() -> None:
    with pytest.raises(UsageError, match="PORT and UI_PORT are both 9000"):
        resolved(PORT="9000", UI_PORT="9000")


def test_defaults_are_the_fair_profile_on_the_whole_ramp() -> None:
    config = resolved()
    side, footing = config.side, config.side.footing
    assert (side.server.name, side.workload.name, footing.name, config.stack) == ("gunicorn", "vote", "fair", "native")
    assert (footing.db, footing.workers, footing.timeout_s) == ("pool", 2, 10.0)
    assert (config.users[0], config.users[-1], config.settle_s, config.hold_s) == (100, 700, 10.0, 20.0)
    assert resolved(Interface.ASGI).side.server.name == "uvicorn"


def test_the_article_waits_for_ever_unless_told() -> None:
    side = resolved(PROFILE="article").side
    assert (side.footing.timeout_s, side.footing.db, side.workload.name) == (None, "per-request", "article")
    assert resolved(PROFILE="article", TIMEOUT="3", DB="persistent").side.footing.timeout_s == 3.0


def test_quick_shortens_the_steps_and_an_explicit_knob_wins() -> None:
    assert (resolved(QUICK="1").settle_s, resolved(QUICK="1").hold_s) == (5.0, 8.0)
    assert resolved(QUICK="1", HOLD="5").hold_s == 5.0


def test_settings_are_changed_by_name_each_with_its_own_type() -> None:
    config = resolved(SET="nginx_connections=64 db_pool_timeout_s=1 nginx_upstream_http=1.0")
    row = config.side.footing
    assert (row.nginx_connections, row.db_pool_timeout_s, row.nginx_upstream_http) == (64, 1.0, "1.0")
    assert row.threads == 8
    assert config.side.label == "WSGI gunicorn (nginx_connections=64, db_pool_timeout_s=1, nginx_upstream_http=1.0)"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("nginx_conections=64", "did you mean nginx_connections"),
        ("zzz=1", "there are threads, backlog"),
        ("threads=many", "threads takes a whole number from 1 to 1000"),
        ("threads", "threads takes a whole number"),
        ("threads=-3", "threads takes a whole number"),
        ("threads=1.5", "threads takes a whole number"),
        ("backlog=70000", "backlog takes a whole number from 1 to 65535"),
        ("db_pool_timeout_s=nan", "db_pool_timeout_s takes a number from 0.1 to 600"),
        ("db_pool_timeout_s=inf", "db_pool_timeout_s takes a number"),
        ("nginx_upstream_http=3", "nginx_upstream_http takes 1.0 or 1.1"),
        ("nginx_upstream_connection=open", "nginx_upstream_connection takes nothing or close"),
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
    knobs = {"SERVER": "daphne", "USERS": "20,40", "SET": "threads=4", "SERVER_ARGS": "-v 1", "TIMEOUT": "3"}
    config = resolved(Interface.ASGI, **knobs)
    assert RunConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert config.to_json()["label"] == "ASGI daphne (-v 1, threads=4)"
    assert config.to_json()["settings"]["threads"] == 4


def test_what_users_do_is_the_profile_s_unless_it_is_named() -> None:
    assert resolved().side.label == "WSGI gunicorn"
    assert resolved(WORKLOAD="vote", VIEWS="sync").side.label == "WSGI gunicorn"
    assert resolved(VIEWS="async").side.label == "WSGI gunicorn (async)"
    side = resolved(PROFILE="article", WORKLOAD="vote").side
    assert (side.workload.name, side.label) == ("vote", "WSGI gunicorn (article, vote, sync)")
    assert resolved(WORKLOAD="article").side.label == "WSGI gunicorn (fair, article)"


def test_the_drain_waits_for_as_long_as_an_answer_can_come() -> None:
    assert resolved(TIMEOUT="3").side.footing.longest_answer_s == 3
    article = resolved(PROFILE="article", SET="nginx_connect_timeout_s=7 nginx_read_timeout_s=300")
    assert article.side.footing.longest_answer_s == 307


def test_the_seed_size_is_a_setting_too() -> None:
    side = resolved(SET="seed_size=1 threads=4").side
    assert (side.workload.seed_size, side.footing.threads) == (1, 4)
    assert side.label == "WSGI gunicorn (seed_size=1, threads=4)"


def test_a_workload_s_own_settings_are_changed_by_set_and_reach_its_users() -> None:
    side = resolved(WORKLOAD="home", SET="log_in_pct=7 seed_size=3 threads=4").side
    assert side.workload.settings["log_in_pct"].value == 7
    assert side.workload.settings["stay_rounds"].value == 10
    assert (side.workload.seed_size, side.footing.threads) == (3, 4)
    assert "log_in_pct=7" in side.label


def test_a_setting_of_another_workload_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"^WORKLOAD=vote has no setting log_in_pct: leave it out \(home has"):
        resolved(SET="log_in_pct=7")
    with pytest.raises(UsageError, match="log_in_pct takes a whole number from 0 to 100"):
        resolved(WORKLOAD="home", SET="log_in_pct=101")


def test_threads_and_client_are_settings_with_knobs_of_their_own() -> None:
    side = resolved(WORKLOAD="fanout", THREADS="128", CLIENT="aiohttp")
    assert (side.side.footing.threads, side.side.workload.settings["client"].value) == (128, "aiohttp")
    assert side.side.overrides == {"threads": 128, "client": "aiohttp"}
    with pytest.raises(UsageError, match=r"^CLIENT=curl is not understood: give httpx or httpx2 or aiohttp\.$"):
        resolved(WORKLOAD="fanout", CLIENT="curl")
    with pytest.raises(UsageError, match=r"^WORKLOAD=vote has no setting client: leave it out \(fanout has it\)\.$"):
        resolved(CLIENT="aiohttp")
    with pytest.raises(UsageError, match=r"^SET gives threads, and so does THREADS: leave one of them out\.$"):
        resolved(THREADS="4", SET="threads=8")


def test_views_are_the_workload_s() -> None:
    assert resolved(Interface.ASGI, WORKLOAD="certificate").side.views == "aiofiles"
    assert resolved(Interface.ASGI, WORKLOAD="certificate", VIEWS="plain").side.views == "plain"
    assert resolved(WORKLOAD="signup").side.views == ""
    with pytest.raises(UsageError, match=r"^VIEWS=plain is nothing that WORKLOAD=hello has: give one of sync"):
        resolved(WORKLOAD="hello", VIEWS="plain")
    with pytest.raises(UsageError, match=r"^VIEWS=sync is nothing that WORKLOAD=signup has: leave VIEWS out\.$"):
        resolved(WORKLOAD="signup", VIEWS="sync")
    with pytest.raises(UsageError, match=r"VIEWS=snyc is not known: .* Did you mean sync\?"):
        resolved(WORKLOAD="hello", VIEWS="snyc")


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        (
            {"WITH": "django==6.1.* -r"},
            "WITH=django==6.1.* -r is not understood at -r: give packages with their versions",
        ),
        ({"PYTHON": "python9"}, "PYTHON=python9 is not found: give the name or the path of a Python"),
        ({"PYTHON": "true"}, "PYTHON=true is no Python 3.11 or newer: give another"),
    ],
)
def test_an_environment_that_cannot_be_is_refused(knobs: dict[str, str], sentence: str) -> None:
    with pytest.raises(UsageError, match=re.escape(sentence)):
        resolved(**knobs)


def test_an_environment_has_packages_and_a_python_of_its_own() -> None:
    side = resolved(WITH="django==6.1.* channels[daphne]>=4").side
    assert side.environment == VirtualEnvironment(("django==6.1.*", "channels[daphne]>=4"))
    assert side.label == "WSGI gunicorn (django==6.1.*, channels[daphne]>=4)"
    assert resolved(WITH="locked", PYTHON=sys.executable).side.environment is None  # that of Gatebench


def test_steps_are_the_workload_s_where_users_names_none() -> None:
    assert resolved(WORKLOAD="cpu").users == (10, 20, 30, 40, 60, 80)
    assert resolved(WORKLOAD="cpu", USERS="5,6").users == (5, 6)


def test_a_ledger_is_one_number() -> None:
    assert Write("a", "SELECT 1").sql == Write("a", sql="SELECT 1").sql
    with pytest.raises(ValueError, match="“a” needs one of sql, rows_of and files_in"):
        Write("a")
    with pytest.raises(ValueError, match="“a” needs one of sql, rows_of and files_in"):
        Write("a", sql="SELECT 1", rows_of="b.csv")


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_workload_survives_run_json(workload: str) -> None:
    config = resolved(Interface.ASGI, WORKLOAD=workload)
    assert RunConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_every_knob_has_help() -> None:
    assert all(knob.help for knob in KNOBS)


@pytest.mark.parametrize("server", SERVERS.values(), ids=lambda server: server.name)
def test_fair_servers_get_equal_processes_backlog_and_keep_alive(server: Server) -> None:
    """Daphne's backlog is its shared socket's. It has no keep-alive limit of its own, and granian has a longer one."""
    values = {"application": "app", "workers": 2, "threads": 8, "host": "h", "port": 1, "backlog": 2048, "fd": 3}
    words = server.command("fair", **values)
    if not server.shares_socket("fair"):
        assert words[words.index("--workers") + 1] == "2"
        assert words[words.index("--backlog") + 1] == "2048"
        assert "75" in words or words[0] == "granian"


@pytest.mark.parametrize("server", SERVERS.values(), ids=lambda server: server.name)
def test_every_server_honours_workers_or_refuses_them(server: Server) -> None:
    assert {"fair"} <= set(server.commands) <= set(PROFILES)
    for profile in server.commands:
        if not server.takes_workers(profile):
            with pytest.raises(UsageError, match=f"SERVER={server.name} is one process under PROFILE={profile}"):
                resolved(server.interface, SERVER=server.name, PROFILE=profile, WORKERS="2")


def test_a_server_without_a_command_line_under_a_profile_says_which_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SERVERS, "gunicorn", replace(SERVERS["gunicorn"], commands={"fair": "gunicorn"}))
    with pytest.raises(UsageError, match="no command line under PROFILE=article: give PROFILE=fair"):
        resolved(PROFILE="article")


def test_a_log_pattern_without_the_worker_s_pid_is_refused() -> None:
    with pytest.raises(ValueError, match="'worker gone' has 0 groups: give it 1"):
        LogPatterns(ended=("worker gone",))
    with pytest.raises(ValueError, match="is no regular expression"):
        LogPatterns(limit_reached=("(",))


def test_variables_of_the_app_s_environment_are_quoted_as_in_a_shell() -> None:
    config = resolved(ENV="PYTHONMALLOC=malloc GUNICORN_CMD_ARGS='--threads 4 --preload' EMPTY=")
    assert config.side.env == {"PYTHONMALLOC": "malloc", "GUNICORN_CMD_ARGS": "--threads 4 --preload", "EMPTY": ""}
    assert config.side.label == "WSGI gunicorn (PYTHONMALLOC=malloc, GUNICORN_CMD_ARGS=--threads 4 --preload, EMPTY=)"
    assert RunConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("PYTHONMALLOC", "give variables as in ENV='PYTHONMALLOC=malloc'"),
        ("2BAD=1", "give variables as in"),
        ("A='1", "a quotation mark without its other half"),
        ("POLLS_VOTE=atomic", "ENV gives POLLS_VOTE, which Gatebench gives itself"),
        ("PGHOST=elsewhere", "ENV gives PGHOST, which Gatebench gives itself"),
    ],
)
def test_a_variable_that_is_not_understood_is_one_sentence(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=f"^(ENV=.*)?{why}.*[.]$"):
        resolved(ENV=text)


def test_a_secret_is_given_to_the_app_and_written_nowhere() -> None:
    config = resolved(ENV="STRIPE_API_KEY=sk_live_1 SENTRY_DSN=https://2 AWS_SECRET_ACCESS=3 DB_PASSWORD=4 PLAIN=5")
    written = json.dumps(config.to_json())
    assert config.side.env["STRIPE_API_KEY"] == "sk_live_1"
    assert not any(secret in written for secret in ("sk_live_1", "https://2", '"3"', '"4"'))
    assert config.to_json()["env"]["STRIPE_API_KEY"] == "set"
    assert "PLAIN=5" in config.side.label


def test_sockets_need_a_server_that_speaks_them() -> None:
    with pytest.raises(UsageError, match=r"^WORKLOAD=socket .* `make bench-asgi` with SERVER=daphne, gunicorn-asgi, "):
        resolved(WORKLOAD="socket")
    for server in ("uvicorn", "gunicorn-uvicorn", "gunicorn-asgi", "daphne", "hypercorn"):
        assert resolved(Interface.ASGI, WORKLOAD="socket", SERVER=server).side.workload.websockets


def test_what_is_compared_under_sockets_speaks_them() -> None:
    assert servers_of({"WORKLOAD": "socket"}) == ["daphne", "gunicorn-asgi", "hypercorn", "uvicorn", "gunicorn-uvicorn"]
    assert servers_of({"WORKLOAD": "socket", "SERVER": "daphne"})[0] == "daphne"
    assert servers_of({"WORKLOAD": "socket", "SERVER": "uvicorn,daphne"}) == ["uvicorn", "daphne"]
    assert servers_of({"WORKLOAD": "live"}) == ["gunicorn", "uvicorn"]


def test_the_servers_are_listed_in_words() -> None:
    (server,) = (knob for knob in KNOBS if knob.name == "SERVER")
    wsgi, asgi = server.help.split("; ")
    assert wsgi == "gunicorn (default), granian, gunicorn-sync or gunicorn-gevent under WSGI"
    assert asgi.startswith("uvicorn (default), ")
    assert asgi.endswith(" or gunicorn-uvicorn under ASGI")
