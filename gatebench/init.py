"""`gatebench init`: looks at a project and writes what measuring it needs: its configuration and a first locustfile.

What is there already stays as it is: an existing configuration ends it, an existing locustfile is kept, and
pyproject.toml is added to only when the person says so.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gatebench.errors import UsageError
from gatebench.project import OWN_FILE, PYPROJECT, Project, configured, environment_of, find, probe

LOCUSTFILE = Path("bench") / "locustfile.py"

MOST_PAGES = 8
"""In a first locustfile: a reader of it must see what it does."""

HEAD = '''"""What users do, as `gatebench init` proposes it: make it what yours do."""

from locust import FastHttpUser, between, task


class Visitor(FastHttpUser):
    wait_time = between(1, 3)  # seconds of thinking between two tasks
'''

Ask = Callable[[str], bool]


def init(start: Path, har: str | None = None, ask: Ask | None = None) -> Iterator[str]:
    """What was found and what was written, a sentence each; raises UsageError."""
    folder = find(start)
    if (path := configured(folder)) is not None:
        raise UsageError(f"{path} says already what to measure: `gatebench bench` measures it.")
    project = Project(folder.name, folder, environment_of(folder, None), folder / LOCUSTFILE)
    found = probe(project)
    yield from _findings(project, found)
    yield _write_locustfile(project.locustfile, _recorded(Path(har)) if har else _proposed(found["pages"]))
    yield _write_configuration(folder, ask or _ask)
    yield "Run `gatebench bench --quick 1 --users 10,20` for a first look."


def _findings(project: Project, found: Mapping[str, Any]) -> Iterator[str]:
    packages = found["packages"]
    yield f"{project.folder.name}: Django {found['django']} on Python {found['python']}, settings {found['settings']}."
    for interface, made in (("wsgi", "get_wsgi_application"), ("asgi", "get_asgi_application")):
        where = found["applications"].get(interface)
        yield (
            f"{interface.upper()}: {where}."
            if where
            else f"{interface.upper()}: made by {made}, there is no {interface}.py."
        )
    driver = next((name for name in ("psycopg", "psycopg2", "psycopg2-binary") if name in packages), None)
    if driver is None:
        yield "No PostgreSQL driver is installed: a run puts psycopg into a folder beside the project's packages."
    else:
        yield f"Driver: {driver} {packages[driver]}. A run has a PostgreSQL of its own, whatever {found['engine']} has."
    yield "A run changes the settings' database, key, hosts, TLS, mail and static folder: `keep` says what not."


def _proposed(pages: Iterable[Mapping[str, Any]]) -> str:
    """Tasks for pages without arguments or login; the others as comments."""
    open_to_all = [page for page in pages if not page["login"]][:MOST_PAGES]
    behind = [page for page in pages if page["login"]][:MOST_PAGES]
    taken: set[str] = set()
    tasks = [_task(_identifier(page["name"], taken), [f'self.client.get("{page["path"]}", name="{_called(page)}")'])
             for page in open_to_all]  # fmt: skip
    lines = (
        [HEAD, *tasks]
        if tasks
        else [HEAD, _task("visit", ['self.client.get("/", name="front page")  # TODO: your pages'])]
    )
    if behind:
        lines += ["    # These ask for a login. Log in in on_start, then visit them as above:"]
        lines += [f"    #   {page['path']}" for page in behind]
    return "\n".join(lines).rstrip() + "\n"


def _recorded(har: Path) -> str:
    """One task that asks for what the session asked for, in its order; raises UsageError."""
    try:
        entries = json.loads(har.read_text())["log"]["entries"]
        requests = [entry["request"] for entry in entries]
        host = urlsplit(requests[0]["url"]).netloc
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no file {har}: save one in the browser's network tools (“Save all as HAR”)."
        ) from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise UsageError(f"{har} is no recorded session: save one as HAR in the browser's network tools.") from error
    own = [one for one in requests if urlsplit(one["url"]).netloc == host and not _is_file(one["url"])]
    return "\n".join([HEAD, _task("session", [line for one in own for line in _asked(one)])])


def _asked(request: Mapping[str, Any]) -> Iterator[str]:
    parts = urlsplit(request["url"])
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if request["method"] == "GET":
        yield f'page = self.client.get("{path}", name="{parts.path}")'
        return
    data = dict(parse_qsl(request.get("postData", {}).get("text", "")))
    fields = ", ".join(f'"{name}": {_value(name, value)}' for name, value in data.items())
    yield f'self.client.{request["method"].lower()}("{path}", name="{parts.path}", data={{{fields}}})'


def _value(name: str, value: str) -> str:
    """A token that was recorded is worth nothing: it is read from the page before."""
    if name == "csrfmiddlewaretoken":
        return 're.search(\'csrfmiddlewaretoken" value="([^"]+)\', page.text)[1]'
    if "password" in name:
        return '"TODO"'
    return json.dumps(value)


def _is_file(url: str) -> bool:
    return bool(re.search(r"\.(css|js|png|jpe?g|gif|svg|ico|woff2?|map|webp)$", urlsplit(url).path))


def _task(name: str, lines: Iterable[str]) -> str:
    return "\n".join(["    @task", f"    def {name}(self):", *(f"        {line}" for line in lines), ""])


def _called(page: Mapping[str, Any]) -> str:
    return str(page["name"] or page["path"])


def _identifier(name: str, taken: set[str]) -> str:
    base = re.sub(r"\W+", "_", name).strip("_") or "front_page"
    base = f"page_{base}" if base[0].isdigit() or keyword.iskeyword(base) else base
    chosen = next(one for n in range(1, 1000) if (one := base if n == 1 else f"{base}_{n}") not in taken)
    taken.add(chosen)
    return chosen


def _write_locustfile(path: Path, text: str) -> str:
    if path.exists():
        return f"{path} is there already and stays as it is."
    if "re.search" in text:
        text = text.replace("from locust import", "import re\n\nfrom locust import", 1)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return f"Written: {path}, what users do. Look at what it marks as TODO, and make it what yours do."


def _write_configuration(folder: Path, ask: Ask) -> str:
    line = f'locustfile = "{LOCUSTFILE.as_posix()}"\n'
    pyproject = folder / PYPROJECT
    if pyproject.exists() and ask(f"Add [tool.gatebench] to {pyproject}?"):
        before = pyproject.read_text()
        pyproject.write_text(f"{before.rstrip()}\n\n[tool.gatebench]\n{line}")
        return f"Added to {pyproject}: [tool.gatebench]."
    (folder / OWN_FILE).write_text(line)
    return f"Written: {folder / OWN_FILE}, the configuration."


def _ask(question: str) -> bool:
    """No where nobody can answer."""
    return sys.stdin.isatty() and input(f"{question} [Y/n] ").strip().lower() in ("", "y", "yes")
