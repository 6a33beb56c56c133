"""Before any load: does the app do what a user needs? Index, form, vote, results, and the vote in the database."""

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

from gatebench.config import App
from gatebench.errors import AppCheckError
from gatebench.loopback import opener

TIMEOUT_S = 30
WARM_UP_REQUESTS = 200
WARM_UP_AT_ONCE = 8


def live_facts(app: App, url: str) -> dict[str, Any]:
    """What the live app says of itself: interface, driver and versions, as its readiness URL has them."""
    return dict(json.loads(_open(opener(), url + app.ready_path)))


def check(app: App, url: str, votes: Callable[[], int]) -> None:
    """Votes once as a person would, and raises AppCheckError at the first thing that is not as it must be."""
    browser = opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    _open(browser, url + app.index_path)
    page = _Form()
    page.feed(_open(browser, url + app.form_path))
    if page.action is None or page.choice is None:
        raise AppCheckError(f"{app.form_path} shows no form with a choice to make: look at it in the app's log.")
    before = votes()
    fields = urllib.parse.urlencode({**page.hidden, page.choice[0]: page.choice[1]}).encode()
    _open(browser, urllib.parse.urljoin(url + app.form_path, page.action), fields, leads_to=url + app.results_path)
    if (after := votes()) != before + 1:
        raise AppCheckError(
            f"One vote was sent and the database went from {before} to {after} votes: the app under test does not "
            "store what it confirms, or something else writes to its database."
        )


def warm_up(app: App, url: str) -> None:
    """Sends a few hundred form requests, so that no worker meets its first request while it is measured."""
    with ThreadPoolExecutor(WARM_UP_AT_ONCE) as pool:
        for _ in pool.map(lambda _: _open(opener(), url + app.form_path), range(WARM_UP_REQUESTS)):
            pass


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
