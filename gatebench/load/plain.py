"""Users as Locust has them, without a base class of ours: what their clients send is measured like any other request.

Locust's own sessions are told, once, to give every request an id and a timeout, to count it among those in flight, and
to refuse it once the run drains.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import requests.exceptions
from gevent import GreenletExit
from locust import FastHttpUser, HttpUser
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.exception import CatchResponseError, StopUser

from gatebench.load.user import InFlight, MeasuredUser, cause_of, in_flight, next_id
from gatebench.records import Cause

KINDS = (HttpUser, FastHttpUser)
"""Whose requests can be measured: another client's would go unseen."""


def measure(users: list[type[Any]], timeout_s: float | None) -> None:
    """From now on, every request of these users and of those that share their clients' classes."""
    for user in users:
        if issubclass(user, FastHttpUser):
            user.connection_timeout = user.network_timeout = timeout_s
    HttpSession.request = _measured(HttpSession.request, {"timeout": timeout_s})
    FastHttpSession.request = _measured(FastHttpSession.request, {})


def cause_of_plain(exception: Exception) -> Cause:
    """Why a request failed that Locust, or the locustfile itself, calls failed."""
    if isinstance(exception, CatchResponseError):
        return Cause.WRONG_PAGE
    if getattr(getattr(exception, "response", None), "status_code", None):
        return Cause.STATUS
    if isinstance(exception, requests.exceptions.HTTPError):
        return Cause.STATUS
    return cause_of(exception)


def _measured(request: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    @functools.wraps(request)
    def measured(
        session: Any,
        method: str,
        url: str,
        name: str | None = None,
        *,
        context: dict[str, Any] | None = None,
        **more: Any,
    ) -> Any:
        given = context or {}
        if "request_id" in given:  # a MeasuredUser's, which has seen to all this
            return request(session, method, url, name, context=given, **more)
        if MeasuredUser.draining:
            raise StopUser
        request_id = next_id()
        in_flight[request_id] = InFlight(time.time(), method, name or url)
        more = {**options, **more, "headers": {**(more.get("headers") or {}), "X-Request-ID": f"{request_id:016x}"}}
        try:
            return request(session, method, url, name, context={**given, "request_id": request_id}, **more)
        except GreenletExit:  # killed: the request is unfinished
            raise
        except BaseException:
            in_flight.pop(request_id, None)
            raise

    return measured
