"""The two compose files, resolved: the same but for the server, and by default what PROFILE=fair says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gatebench import ROOT
from gatebench.knobs import resolve
from gatebench.records import PGBOUNCER
from gatebench.servers import DEFAULTS
from gatebench.stacks.environment import nginx_environment, pgbouncer_environment
from gatebench.values.codec import from_json
from gatebench.values.server import Interface
from gatebench.values.side import Side
from tests.compose.docker import bare_environment, needs_engine, resolved

pytestmark = needs_engine

FILES = {interface: f"docker-compose.{interface}.yml" for interface in Interface}


@pytest.mark.parametrize("profile", [[], ["--profile", "load"]], ids=["stack", "stack and load"])
def test_the_two_files_differ_in_the_server_and_in_nothing_else(profile: list[str]) -> None:
    wsgi, asgi = (resolved(FILES[interface], *profile) for interface in (Interface.WSGI, Interface.ASGI))
    servers = [whole["services"]["app"]["environment"].pop("GATEBENCH_SERVER") for whole in (wsgi, asgi)]
    assert servers == [DEFAULTS[Interface.WSGI], DEFAULTS[Interface.ASGI]]
    assert wsgi == asgi


@pytest.mark.parametrize("interface", Interface)
def test_with_nothing_set_each_service_has_the_fair_profile(interface: Interface) -> None:
    side = resolve(interface, {"STACK": "compose"}, lambda: True).side
    services = resolved(FILES[interface])["services"]
    wanted = nginx_environment(side)
    assert {name: services["nginx"]["environment"].get(name) for name in wanted} == wanted
    bouncer = resolved(FILES[interface], "--profile", PGBOUNCER)["services"][PGBOUNCER]["environment"]
    assert bouncer == bouncer | pgbouncer_environment(side)
    assert services["postgres"]["command"][-1] == f"max_connections={side.footing.db_connections}"
    assert made_by_hand(services["app"]["environment"]) == side
    assert made_by_hand({**services["app"]["environment"], "GATEBENCH_WORKERS": "3"}).footing.workers == 3


def by_hand(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What compose/app/start asks for, which serves it."""
    command = [sys.executable, "-m", "gatebench.by_hand"]
    environment = {**bare_environment(), **environment}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def made_by_hand(environment: dict[str, str]) -> Side:
    return from_json(Side, json.loads(by_hand(environment).stdout))


def test_a_bad_value_by_hand_is_one_sentence() -> None:
    done = by_hand({"GATEBENCH_SERVER": "gunicorn", "GATEBENCH_DB": "mysql"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("DB=mysql is not known: it is one of pool, persistent, per-request, pgbouncer.")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("interface", Interface)
def test_no_secret_is_written_down(interface: Interface) -> None:
    for service in resolved(FILES[interface], "--profile", "load")["services"].values():
        for name, value in service.get("environment", {}).items():
            assert value == "" or not any(word in name for word in ("SECRET", "PASSWORD"))


@pytest.mark.parametrize("interface", Interface)
def test_only_nginx_and_the_web_ui_are_published_and_on_loopback(interface: Interface) -> None:
    services = resolved(FILES[interface], "--profile", "load")["services"]
    published = {
        name: [(port["host_ip"], port["published"]) for port in service["ports"]]
        for name, service in services.items()
        if service.get("ports")
    }
    assert published == {"nginx": [("127.0.0.1", "8080")], "load": [("127.0.0.1", "8089")]}


@pytest.mark.parametrize("interface", Interface)
def test_every_service_has_a_health_check(interface: Interface) -> None:
    services = resolved(FILES[interface], "--profile", "load")["services"]
    assert set(services) == {"postgres", "app", "nginx", "load"}
    assert all(service["healthcheck"]["test"] for service in services.values())
