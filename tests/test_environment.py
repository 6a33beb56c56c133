"""What the programs of a stack are told by their environment: an allow list and what Gatebench sets, written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from string import Template

import pytest

from gatebench import ROOT, launch
from gatebench.knobs import STACK_VARIABLES, resolve
from gatebench.launch import SIDE
from gatebench.records import Outcome
from gatebench.run_folder import RunFolder
from gatebench.stacks.environment import app_environment, docker_environment, inherited, nginx_environment
from gatebench.values.server import Interface
from tests.compose.docker import needs_engine, resolved
from tests.conftest import NO_SUCH_PROXY, Bench

TinyRun = Callable[..., RunFolder]

MEDDLING = {
    "GUNICORN_CMD_ARGS": "--access-logfile -",  # a line for each request
    "UVICORN_WORKERS": "7",
    "WEB_CONCURRENCY": "7",
    "DJANGO_SETTINGS_MODULE": "nowhere.settings",
    "PYTHONDEVMODE": "1",
    "PGHOSTADDR": "192.0.2.1",  # libpq goes there, whatever the host is called
    "PGSSLMODE": "require",
    "LOCUST_HEADLESS": "1",
    "COMPOSE_PROFILES": "load",
}


def test_of_a_shell_only_the_allow_list_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"PATH": "/bin", "HOME": "/home/somebody", "LC_ALL": "C", "TZ": "UTC"}
    for name, value in {**MEDDLING, **NO_SUCH_PROXY, **kept, "DOCKER_HOST": "ssh://elsewhere"}.items():
        monkeypatch.setenv(name, value)
    assert kept.items() <= inherited().items()
    assert not (MEDDLING.keys() | NO_SUCH_PROXY.keys() | {"DOCKER_HOST"}) & inherited().keys()
    docker = docker_environment()
    assert {**kept, **NO_SUCH_PROXY, "DOCKER_HOST": "ssh://elsewhere"}.items() <= docker.items()
    assert not MEDDLING.keys() & docker.keys()


def test_what_env_adds_reaches_the_app_as_one_variable() -> None:
    side = resolve(Interface.WSGI, {"ENV": "A='one two' B="}, lambda: False).side
    assert json.loads(app_environment(side)[SIDE])["env"] == {"A": "one two", "B": ""}
    assert (
        launch.app_environment(side, "static", "secret").items()
        >= {"A": "one two", "B": "", "POLLS_VOTE": "atomic"}.items()
    )


def test_nothing_in_a_shell_changes_what_is_measured(bench: Bench) -> None:
    """A run in a shell with a proxy is like any other, too."""
    done = bench.run("wsgi", USERS="5", **MEDDLING, **NO_SUCH_PROXY)
    assert done.returncode == 0, done.stderr
    run = bench.folder().read_run()
    assert run.outcome is Outcome.COMPLETE
    assert (run.sheet["app access log"], run.sheet["app processes"]) == ("off", 3)
    assert set(run.environments) == {"app", "nginx", "postgres", "generator"}
    assert not any(MEDDLING.items() & given.items() for given in run.environments.values())


def test_env_changes_the_app_and_is_written_down(bench: Bench) -> None:
    done = bench.run("wsgi", USERS="5", ENV="GUNICORN_CMD_ARGS='--access-logfile -' MY_TOKEN=hush")
    assert done.returncode == 0, done.stderr
    run = bench.folder().read_run()
    assert run.sheet["app access log"] == "on"
    assert run.config["env"] == {"GUNICORN_CMD_ARGS": "--access-logfile -", "MY_TOKEN": "set"}
    assert run.environments["app"].items() >= run.config["env"].items()
    assert "hush" not in bench.folder().run_json.read_text()


@needs_engine
def test_env_cannot_give_what_compose_gives() -> None:
    given = resolved("docker-compose.wsgi.yml")["services"]["app"]["environment"]
    assert {name for name in given if not name.startswith("GATEBENCH_")} <= set(STACK_VARIABLES)


def test_nginx_passes_an_upgrade_on_for_those_who_need_it_and_says_nothing_of_it_to_others() -> None:
    """What others run behind is to the letter what it was."""
    template = (ROOT / "nginx" / "nginx.conf.template").read_text()

    def filled(workload: str) -> str:
        environment = nginx_environment(resolve(Interface.ASGI, {"WORKLOAD": workload}, bool).side)
        return Template(template).safe_substitute(environment)

    assert 'proxy_set_header Connection "";\n' in filled("live")
    assert "pgrade" not in filled("live")
    assert 'proxy_set_header Connection "$http_connection"; proxy_set_header Upgrade $http_upgrade;\n' in filled(
        "socket"
    )
