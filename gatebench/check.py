"""Before any load: does the app do what a user needs? Its pages, its form, and what is stored when the form is sent."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from gatebench.errors import AppCheckError
from gatebench.loopback import opener
from gatebench.refusals import last_exception, told
from gatebench.values.app import App
from gatebench.values.side import Side
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


def check(
    workload: Workload, url: str, stored: Callable[[Write], int], rehearse: Callable[[], str], app_log: Path
) -> None:
    """Does once what a person would, and raises AppCheckError at the first thing that is not as it must be."""
    browser = opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    for path in workload.app.visits:
        _open(browser, url + path)
    before = [stored(write) for write in workload.writes]
    if workload.check is not None:
        _send_form(workload.check, browser, url)
        sent = Counter(write.name for write in workload.writes)
    else:
        sent = _rehearsed(rehearse(), workload.app, app_log)
    for write, was in zip(workload.writes, before, strict=True):
        _must_have_risen(write, sum(sent[name] for name in (write.name, *write.beside)), was, stored(write))


def _must_have_risen(write: Write, sent: int, before: int, now: int) -> None:
    if not sent:
        raise AppCheckError(f"No task of the locustfile asks for “{write.name}”: mend its name under writes.")
    if now == before:
        raise AppCheckError(
            f"“{write.name}” succeeded and its writes query did not rise: the form was shown again, perhaps; have the "
            "locustfile look at the answer."
        )
    if now != before + sent:
        raise AppCheckError(
            f"“{write.name}” was sent {_times(sent)} and what is stored went from {before} to {now}: the app under "
            "test does not store what it confirms, or something else writes there."
        )


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _rehearsed(said: str, app: App, app_log: Path) -> Counter[str]:
    """How often each request was sent, by its name; raises AppCheckError at the first that failed."""
    sent: Counter[str] = Counter()
    for line in said.splitlines():
        if not line.startswith("{"):
            continue
        seen = json.loads(line)
        if "mistake" in seen:
            raise AppCheckError(f"{seen['mistake'].rstrip('.')}. Mend the locustfile, then run again.")
        if wrong := _what_is_wrong(seen, app, app_log):
            raise AppCheckError(wrong)
        sent[seen["name"]] += 1
    if not sent:
        raise AppCheckError("The locustfile asks for nothing: give a user a task that does, then run again.")
    return sent


def _what_is_wrong(seen: Mapping[str, Any], app: App, app_log: Path) -> str | None:
    """A sentence with the next step on a request of the rehearsal that did not go well."""
    request = f"{seen['method']} “{seen['name']}”"
    if seen["path"] and "login" in seen["path"] and "login" not in seen["name"]:
        return f"{request} went to {seen['path']}: log in in on_start."
    if seen["wrong"] is None:
        return None
    if seen["status"] == 403:
        return (
            f"{request} answered 403: where that is Django's CSRF check, read the token from each form, for a login "
            "changes it; the run's logs say why."
        )
    if seen["status"] == 429:
        return f"{request} answered 429: the site limits one address, and all users share one."
    answered = f"answered {seen['status']}" if seen["status"] else "had no answer"
    raised = last_exception(app_log.read_text(errors="replace")) if seen["status"] == 500 else None
    if raised:
        return told(
            f"{request} answered 500, before any load: {raised}", app.interpreter or "", f"{app_log} has the traceback"
        )
    return f"{request} {answered}, before any load ({seen['wrong']}): see the run's logs for why."


def warm_up(side: Side, url: str) -> None:
    """Sends a few hundred requests, so that no worker meets its first request while it is measured."""
    path = side.workload.warm_up_path or side.workload.app.ready_path
    page = url + path.format(views=side.views)
    with ThreadPoolExecutor(WARM_UP_AT_ONCE) as pool:
        for _ in pool.map(lambda _: _open(opener(), page), range(WARM_UP_REQUESTS)):
            pass


def keep_busy(side: Side, url: str, enough: Callable[[], bool]) -> int:
    """Sends the requests of the warm-up, several at once, until it is enough; returns how many."""
    sent = 0
    while not enough():
        warm_up(side, url)
        sent += WARM_UP_REQUESTS
    return sent


def counts_per_request(side: Side, url: str) -> dict[str, float]:
    """What one process begins for each request of the page that it is warmed up with, asked one after the other."""
    page = url + (side.workload.warm_up_path or side.workload.app.ready_path).format(views=side.views)

    def counted() -> dict[str, float]:
        return dict(live_facts(side.workload.app, url)["counts"])

    first, before = counted(), counted()
    for _ in range(WARM_UP_REQUESTS):
        _open(opener(), page)
    after = counted()
    question = {name: before[name] - first[name] for name in before}  # what to ask for the counts costs itself
    return {name: (after[name] - before[name] - question[name]) / WARM_UP_REQUESTS for name in after}


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
                return str(answer.read().decode(errors="replace"))
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
