"""What runs in the app's own process, in real processes: the polls site behind both wrapped applications."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatebench import ROOT, launch
from gatebench.bridges import BRIDGES
from gatebench.knobs import resolve
from gatebench.refusals import told
from gatebench.stacks.postgres import Postgres, free_ports
from gatebench.stacks.programs import find_postgres
from gatebench.values.server import Interface

SITE = ROOT / "polls_site"

GET = """
import asyncio, io, sys
from wsgiref.util import setup_testing_defaults

def wsgi(path, headers):
    from gatebench_inside.wsgi import application
    environ = {"PATH_INFO": path, "HTTP_HOST": "127.0.0.1", **headers}
    setup_testing_defaults(environ)
    told = []
    body = b"".join(application(environ, lambda status, headers, exc_info=None: told.append((status, headers))))
    status, sent = told[-1]
    return int(status.split()[0]), dict(sent), body.decode()

def asgi(path, headers):
    from gatebench_inside.asgi import application
    names = [(name[5:].lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": path, "raw_path": path.encode(),
             "query_string": b"", "headers": [(b"host", b"127.0.0.1"), *names]}
    sent, asked = [], []
    async def receive():
        await asyncio.sleep(3600 * len(asked))
        asked.append(True)
        return {"type": "http.request", "body": b""}
    async def send(message):
        sent.append(message)
    asyncio.run(application(scope, receive, send))
    headers = {name.decode().title(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:]).decode()
"""


@pytest.fixture(scope="module")
def postgres(start_postgres: Callable[..., Postgres]) -> dict[str, str]:
    """What a process is told of a PostgreSQL that answers. Only the database "postgres" is there."""
    return {**start_postgres(find_postgres()).environment, "PGDATABASE": "postgres"}


def run(code: str, environment: dict[str, str], interface: str = "wsgi", **knobs: str) -> Any:
    side = resolve(Interface(interface), knobs, lambda: False).side
    env = {**os.environ, **environment, **launch.app_environment(side, static="/nowhere", secret="secret")}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=SITE, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def get(
    path: str, environment: dict[str, str], interface: str, headers: dict[str, str] | None = None, **knobs: str
) -> Any:
    """Status, headers and text of an answer, and what the process wrote to its log."""
    code = f"{GET}\nimport json; print(json.dumps({interface}({path!r}, {headers or {}!r})))"
    done = run(code, environment, interface, **knobs)
    assert done.returncode == 0, done.stderr
    return *json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_it_says_what_the_live_process_is_made_of(postgres: dict[str, str], interface: str) -> None:
    status, headers, text, _ = get(launch.READY_PATH, postgres, interface)
    facts = json.loads(text)
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert (facts["ready"], facts["interface"], facts["db"], facts["debug"]) == (True, interface, "pool", False)
    assert re.fullmatch(r"PostgreSQL \d+\.\d+", facts["database"])
    assert "DATABASES" in facts["settings changed"]
    assert facts["synchronous middleware"] == []


@pytest.mark.parametrize(
    ("db", "driver"), [("pool", "psycopg 3."), ("persistent", "psycopg2 2."), ("per-request", "psycopg2 2.")]
)
def test_the_driver_is_the_one_that_the_way_to_connect_is_for(postgres: dict[str, str], db: str, driver: str) -> None:
    _, _, text, _ = get(launch.READY_PATH, postgres, "wsgi", DB=db)
    assert json.loads(text)["driver"].startswith(driver)


@pytest.mark.parametrize("db", ["pool", "per-request"])
def test_without_a_database_it_is_not_ready_and_says_why(db: str) -> None:
    nowhere = {"PGHOST": "127.0.0.1", "PGPORT": str(free_ports(1)[0]), "PGUSER": "polls", "PGDATABASE": "polls"}
    status, _, text, _ = get(launch.READY_PATH, nowhere, "wsgi", DB=db, SET="db_pool_timeout_s=1")
    assert (status, json.loads(text)["ready"]) == (503, False)
    assert json.loads(text)["reason"].startswith("The database does not answer: ")


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_an_answer_names_its_process_and_an_error_its_request(postgres: dict[str, str], interface: str) -> None:
    """There is no table of polls: the view raises."""
    status, headers, _, log = get("/polls/", postgres, interface, {"HTTP_X_REQUEST_ID": "4f1c"})
    assert (status, headers["X-Worker"].isdecimal()) == (500, True)
    assert re.search(r"(?m)^\S+ \S+ ERROR django\.request pid=\d+ request_id=4f1c Internal Server Error: /polls/$", log)
    assert 'relation "polls_question" does not exist' in log


def test_a_request_without_an_id_has_a_dash_and_one_that_is_not_found_has_no_line(postgres: dict[str, str]) -> None:
    *_, log = get("/polls/", postgres, "wsgi")
    assert " request_id=- Internal Server Error: /polls/\n" in log
    status, _, _, log = get("/nowhere/", postgres, "wsgi")
    assert (status, log) == (404, "")


@pytest.mark.parametrize("bridge", BRIDGES)
def test_a_bridge_takes_the_place_of_django_s_own(postgres: dict[str, str], bridge: str) -> None:
    status, headers, *_ = get("/nowhere/", postgres, "asgi", BRIDGE=bridge)
    assert (status, headers["X-Worker"].isdecimal()) == (404, True)
    code = (
        "import inspect, django.core.asgi; from gatebench_inside.asgi import application;"
        "serving = inspect.getclosurevars(application).nonlocals['application'];"
        "print(serving.__module__, django.core.asgi.get_asgi_application.__module__)"
    )
    serving, shipped = run(code, postgres, "asgi", BRIDGE=bridge).stdout.split()
    made = {"wsgi": "a2wsgi.wsgi", "both": "django_bridges.reused"}
    assert serving == made.get(bridge, f"django_bridges.{BRIDGES[bridge].module}")
    assert shipped == "django.core.asgi"


def test_a_project_whose_asgi_py_has_no_place_for_a_bridge_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "ownway.py").write_text(
        "from django.core.handlers.asgi import ASGIHandler\nimport django\n"
        "django.setup(set_prefix=False)\napplication = ASGIHandler()\n"
    )
    code = (
        f"import json, os, sys; sys.path.append({str(tmp_path)!r}); spec = json.loads(os.environ['GATEBENCH_INSIDE']);"
        "spec['applications']['asgi'] = 'ownway:application'; os.environ['GATEBENCH_INSIDE'] = json.dumps(spec);"
        "import gatebench_inside.asgi"
    )
    done = run(code, {}, "asgi", BRIDGE="one-hop")
    assert done.returncode == 1
    assert told(done.stderr.splitlines()[-1], "python", "").endswith(
        "BypassedError: ownway:application does not call django.core.asgi.get_asgi_application, so there is no bridge: "
        "measure it with BRIDGE=shipped."
    )


def test_a_project_that_sets_its_settings_outright_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "outright.py").write_text(
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'\n"
        "from django.core.wsgi import get_wsgi_application; application = get_wsgi_application()"
    )
    code = (
        f"import json, os, sys; sys.path.append({str(tmp_path)!r}); spec = json.loads(os.environ['GATEBENCH_INSIDE']);"
        "spec['applications']['wsgi'] = 'outright:application'; os.environ['GATEBENCH_INSIDE'] = json.dumps(spec);"
        "import gatebench_inside.wsgi"
    )
    done = run(code, {})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "BypassedError: outright:application sets DJANGO_SETTINGS_MODULE outright"
    )
