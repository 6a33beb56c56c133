"""The two compose files, resolved: the same but for the server, and by default what PROFILE=fair says."""

from __future__ import annotations

import pytest

from gatebench.config import resolve
from gatebench.servers import DEFAULTS, Interface
from gatebench.stacks.environment import app_environment, nginx_environment
from tests.compose.docker import needs_engine, resolved

pytestmark = needs_engine

FILES = {interface: f"docker-compose.{interface}.yml" for interface in Interface}
SECRETS = {"DJANGO_SECRET_KEY"}


@pytest.mark.parametrize("profile", [[], ["--profile", "load"]], ids=["stack", "stack and load"])
def test_the_two_files_differ_in_the_server_and_in_nothing_else(profile: list[str]) -> None:
    wsgi, asgi = (resolved(FILES[interface], *profile) for interface in (Interface.WSGI, Interface.ASGI))
    servers = [whole["services"]["app"]["environment"].pop("SERVER") for whole in (wsgi, asgi)]
    assert servers == [DEFAULTS[Interface.WSGI], DEFAULTS[Interface.ASGI]]
    assert wsgi == asgi


@pytest.mark.parametrize("interface", Interface)
def test_with_nothing_set_each_service_has_the_fair_profile(interface: Interface) -> None:
    config = resolve(interface, {"STACK": "compose"}, lambda: True)
    services = resolved(FILES[interface])["services"]
    for service, wanted in (("app", app_environment(config)), ("nginx", nginx_environment(config))):
        public = {name: value for name, value in wanted.items() if name not in SECRETS}
        assert {name: services[service]["environment"].get(name) for name in public} == public


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
