"""Why requests failed, and in which layer: the rules, a row each, in the order in which they are tried.

A rule looks at one failure's trace (trace.py): what the client saw, Nginx's log line of the same request id, what
Nginx's error log says of that connection or that second, and what the app wrote about that request id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
import pandas as pd

from gatebench.records import Cause, Run

NGINX, APP_SERVER, DJANGO, POSTGRESQL, UNKNOWN = "nginx", "app server", "Django", "PostgreSQL", "unknown"

Failures: TypeAlias = pd.DataFrame
Mask: TypeAlias = "pd.Series[Any]"


@dataclass(frozen=True, slots=True)
class Rule:
    """A cause. `failure` names it, for each failure by itself where it is a function."""

    failure: str | Callable[[Failures], pd.Series[Any]]
    layer: str
    applies: Callable[[Failures], Mask]
    advice: str
    evidence: str | None = None  # the trace's column that holds the log line to show


def client(*causes: Cause) -> Callable[[Failures], Mask]:
    return lambda failures: failures["cause"].isin([str(cause) for cause in causes])


def answered(status: int, said: str | None = None) -> Callable[[Failures], Mask]:
    """Nginx answered `status`, and its error log has `said` of the connection."""

    def applies(failures: Failures) -> Mask:
        found = failures["proxy_status"] == status
        return found if said is None else found & failures["nginx_line"].str.contains(said, na=False)

    return applies


def broke_off(said: str) -> Callable[[Failures], Mask]:
    """The app server ended the connection, before its answer (502) or in the middle of it."""
    return lambda failures: (
        ((failures["proxy_status"] == 502) | client(Cause.CUT_SHORT)(failures))
        & failures["nginx_line"].str.contains(said, na=False)
    )


def app_error(text: str) -> Callable[[Failures], Mask]:
    return lambda failures: failures["traceback"].str.contains(text, na=False)


def out_of_connections(failures: Failures) -> Mask:
    """Closed without a line in the log, or refused a connection towards the app (500 by Nginx itself).

    Of a redirect that the client followed, the line that is missing is the second: the last is the redirect's.
    """
    unlogged = ~failures["logged"] | failures["proxy_status"].between(300, 399).fillna(False)
    closed = client(Cause.RESET, Cause.CLOSED)(failures) & unlogged
    no_upstream = (failures["proxy_status"] == 500) & (failures["upstream_status"] == "-")
    return failures["alert_line"].notna() & (closed | no_upstream)


def gave_up(connected: bool) -> Callable[[Failures], Mask]:
    """The client's time was over (Nginx logs 499) with the app server connected to, or still not."""
    return lambda failures: (
        client(Cause.TIMEOUT)(failures) & failures["logged"] & (failures["upstream_connected"] == connected)
    )


def app_said_so(failures: Failures) -> Mask:
    """The status is the app's own. Of 502 and 504 nobody knows: Nginx logs them as the upstream's when it made them."""
    status = failures["proxy_status"]
    by_app = status.astype("str") == failures["upstream_status"].astype("str")
    return client(Cause.STATUS)(failures) & by_app & ~status.isin([502, 504])


RULES = (
    Rule(
        "Nginx out of connections",
        NGINX,
        out_of_connections,
        "Raise worker_connections: a request in flight holds two, the client's and the app server's.",
        "alert_line",
    ),
    Rule(
        "PostgreSQL out of connections",
        POSTGRESQL,
        app_error("too many clients|remaining connection slots"),
        "Cap the connections: a pool (DB=pool), PgBouncer, or fewer threads; or raise max_connections.",
        "app_line",
    ),
    Rule(
        "pool timeout",
        DJANGO,
        app_error("PoolTimeout|couldn't get a connection after"),
        "Requests waited too long for a pooled connection: a larger pool, or shorter database work in a request.",
        "app_line",
    ),
    Rule(
        lambda failures: failures["exception"],
        DJANGO,
        lambda failures: failures["exception"].notna(),
        "The app raised it: its traceback is in logs/app.log.",
        "app_line",
    ),
    Rule(
        "app server refused the connection",
        APP_SERVER,
        answered(502, "Connection refused"),
        "Nothing was listening: see logs/app.log for a server that ended or was restarted.",
        "nginx_line",
    ),
    Rule(
        "app server reset the connection",
        APP_SERVER,
        broke_off("Connection reset|Broken pipe"),
        "A worker ended in mid-request, or its keep-alive is shorter than Nginx's: see logs/app.log.",
        "nginx_line",
    ),
    Rule(
        "app server closed the connection early",
        APP_SERVER,
        broke_off("prematurely closed"),
        "A worker was killed before it answered (gunicorn's --timeout, memory): see logs/app.log.",
        "nginx_line",
    ),
    Rule(
        "app server did not accept in time",
        APP_SERVER,
        answered(504, "while connecting"),
        "Its listen backlog was full: more workers, or a longer backlog.",
        "nginx_line",
    ),
    Rule(
        "app server did not answer in time",
        APP_SERVER,
        answered(504),
        "The request waited longer than proxy_read_timeout: more workers, or less work in a request.",
        "nginx_line",
    ),
    Rule(
        "app server turned the request away",
        APP_SERVER,
        lambda failures: (failures["proxy_status"] == 503) & (failures["upstream_status"] == "503"),
        "Its own limit was reached: see its concurrency or backpressure setting.",
        "nginx_line",
    ),
    Rule(
        lambda failures: "HTTP " + failures["proxy_status"].astype("str") + " from the app",
        DJANGO,
        app_said_so,
        "The app answered so and logs/app.log has no error with the request's id.",
    ),
    Rule(
        "wrong page",
        DJANGO,
        client(Cause.WRONG_PAGE),
        "The answer had the right status and was not the page asked for: look at it in a browser.",
    ),
    Rule(
        "no answer in time, the app server had the request",
        APP_SERVER,
        gave_up(connected=True),
        "The request waited or worked longer than the client did: more workers, or less work in a request.",
    ),
    Rule(
        "no answer in time, the app server had not accepted",
        APP_SERVER,
        gave_up(connected=False),
        "Its listen backlog was full: more workers, or a longer backlog.",
    ),
    Rule(
        "unfinished when the run ended, the app server had the request",
        APP_SERVER,
        lambda failures: client(Cause.UNFINISHED)(failures) & failures["upstream_connected"].eq(True),
        "The request was still waited for: see how long the slowest answers took.",
    ),
    Rule(
        "no answer in time, the request never reached Nginx",
        NGINX,
        lambda failures: client(Cause.TIMEOUT)(failures) & ~failures["logged"],
        "Nginx did not accept the connection in time: a longer listen backlog, or more worker_processes.",
    ),
    Rule(
        "connection refused",
        NGINX,
        client(Cause.REFUSED),
        "Nothing was listening at the address: see logs/nginx-error.log for Nginx's end.",
        "nginx_line",
    ),
)
"""Tried in order: the first that applies is the cause."""


NO_RULE = Rule(
    lambda failures: "unknown (" + client_words(failures) + ")",
    UNKNOWN,
    lambda failures: failures["request_id"].notna(),
    "The logs do not say: look at logs/ around the time of these failures.",
)

CLIENT_VIEW = Rule(
    lambda failures: client_words(failures),
    UNKNOWN,
    lambda failures: failures["request_id"].notna(),
    "Only the client's view is known: proxy.log is missing from the run folder.",
)


ALL_RULES = (*RULES, NO_RULE, CLIENT_VIEW)


def client_words(failures: Failures) -> pd.Series[Any]:
    """As "unexpected status 502", "connection reset"."""
    cause = failures["cause"].astype("str")
    return cause.where(cause != Cause.STATUS, Cause.STATUS + " " + failures["status"].astype("str")).fillna(cause)


def diagnose(failures: Failures, traced: bool) -> Failures:
    """The failures with `failure` (the name of the cause) and `rule` (its place in ALL_RULES).

    Without a proxy.log nothing is traced, and the client's view is all there is.
    """
    rules = (*RULES, NO_RULE) if traced else (CLIENT_VIEW,)
    names = np.empty(len(failures), dtype=object)
    numbers = np.zeros(len(failures), dtype=np.int8)
    rest = failures.reset_index(drop=True)
    for rule in rules:
        chosen = rule.applies(rest).fillna(False).to_numpy(bool)
        if chosen.any():
            some = rest[chosen]
            names[some.index] = rule.failure if isinstance(rule.failure, str) else rule.failure(some).astype(object)
            numbers[some.index] = ALL_RULES.index(rule)
            rest = rest[~chosen]
    return failures.assign(failure=pd.Categorical(names), rule=numbers)


def causes_table(failures: Failures, run: Run) -> pd.DataFrame:
    """A row a cause and step, most frequent first: failure, layer, step, users, failures, advice, evidence.

    Only failures of requests that started while a step was held count, as in the failure table.
    """
    users = {step.number: step.users for step in run.steps}
    counted = failures[failures["measured"]]
    lines = []
    for (failure, number), group in counted.groupby(["failure", "rule"], observed=True):
        rule = ALL_RULES[cast(int, number)]
        evidence = group[rule.evidence].dropna().head(1).tolist() if rule.evidence else []
        for step, n in group["step"].value_counts().items():
            step = cast(int, step)
            lines.append((failure, rule.layer, step, users[step], n, rule.advice, *(evidence or [None]), len(group)))
    columns = ["failure", "layer", "step", "users", "failures", "advice", "evidence", "total"]
    table = pd.DataFrame(lines, columns=columns)
    table = table.sort_values(["total", "failure", "layer", "step"], ascending=[False, True, True, True])
    return table.drop(columns="total").reset_index(drop=True).astype({"evidence": "str"})
