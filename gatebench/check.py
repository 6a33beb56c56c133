"""Before any load: does the app do what a user needs? Its pages, its form, and what is stored when the form is sent."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any

from gatebench.errors import AppCheckError
from gatebench.loopback import opener
from gatebench.values.app import App
from gatebench.values.workload import FormCheck, Workload, Write

TIMEOUT_S = 30
WARM_UP_REQUESTS = 200
WARM_UP_AT_ONCE = 8


def live_facts(app: App, url: str) -> dict[str, Any]:
    """What the live app says of itself: interface, driver and versions, as its readiness URL has them."""
    text = _open(opener(), url + app.ready_path)
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise AppCheckError(
            f"{app.ready_path} did not answer with a JSON object: have it say what the live process is made of."
        ) from error


def check(workload: Workload, url: str, query: Callable[[str], str]) -> None:
    """Does once what a person would, and raises AppCheckError at the first thing that is not as it must be."""
    browser = opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    for path in workload.app.visits:
        _open(browser, url + path)
    if workload.check is not None:
        before = [_stored(write, query) for write in workload.writes]
        _send_form(workload.check, browser, url)
        for write, was in zip(workload.writes, before, strict=True):
            if (now := _stored(write, query)) != was + 1:
                raise AppCheckError(
                    f"One {write.name} was sent and the database went from {was} to {now}: the app under test does not "
                    "store what it confirms, or something else writes to its database."
                )


def warm_up(workload: Workload, url: str) -> None:
    """Sends a few hundred requests, so that no worker meets its first request while it is measured."""
    page = url + (workload.warm_up_path or workload.app.ready_path)
    with ThreadPoolExecutor(WARM_UP_AT_ONCE) as pool:
        for _ in pool.map(lambda _: _open(opener(), page), range(WARM_UP_REQUESTS)):
            pass


def _stored(write: Write, query: Callable[[str], str]) -> int:
    return int(query(write.sql))


def _send_form(check: FormCheck, browser: urllib.request.OpenerDirector, url: str) -> None:
    page = _Form()
    page.feed(_open(browser, url + check.form_path))
    if page.action is None or page.choice is None:
        raise AppCheckError(f"{check.form_path} shows no form with a choice to make: look at it in the app's log.")
    fields = urllib.parse.urlencode({**page.hidden, page.choice[0]: page.choice[1]}).encode()
    _open(browser, urllib.parse.urljoin(url + check.form_path, page.action), fields, leads_to=url + check.leads_to)


def _open(
    browser: urllib.request.OpenerDirector, url: str, data: bytes | None = None, leads_to: str | None = None
) -> str:
    """The page at an address, or at the one that it must lead to; raises AppCheckError when there is none."""
    try:
        with browser.open(url, data, timeout=TIMEOUT_S) as answer:
            if leads_to in (None, answer.url):
                return str(answer.read().decode())
            what = f"led to {answer.url} and not to {leads_to}"
    except urllib.error.HTTPError as error:
        what = f"answered {error.code} {error.reason}"
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        what = f"did not answer ({error})"
    raise AppCheckError(f"{url} {what}, before any load: see the run's logs for why.")


@dataclass
class _Form(HTMLParser):
    """The first form that posts: where to, its hidden fields, and its first radio button's name and value."""

    action: str | None = None
    hidden: dict[str, str] = field(default_factory=dict)
    choice: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None and values.get("method", "").lower() == "post":
            self.action = values.get("action", "")
        elif tag == "input" and self.action is not None:
            if values.get("type") == "hidden":
                self.hidden[values["name"]] = values["value"]
            elif values.get("type") == "radio" and self.choice is None:
                self.choice = (values["name"], values["value"])
