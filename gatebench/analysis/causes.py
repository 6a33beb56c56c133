"""Why requests failed, and in which layer: the rules, a row each, in the order in which they are tried.

A rule looks at one failure's trace (trace.py): what the client saw, Nginx's log line of the same request id, what
Nginx's error log says of that connection or that second, and what the app wrote about that request id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from gatebench.records import Cause, Run

NGINX, APP_SERVER, DJANGO, POSTGRESQL, UNKNOWN = "nginx", "app server", "Django", "PostgreSQL", "unknown"

Failures = pd.DataFrame
Mask = pd.Series


@dataclass(frozen=True, slots=True)
class Rule:
    """A cause. `failure` names it, for each failure by itself where it is a function."""

    failure: str | Callable[[Failures], pd.Series]
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
        return found if said is None else found & failures["nginx_error"].str.contains(said, na=False)

    return applies


def app_error(text: str) -> Callable[[Failures], Mask]:
    return lambda failures: failures["traceback"].str.contains(text, na=False)


def out_of_connections(failures: Failures) -> Mask:
    """Closed at accept (no log line), or refused a connection towards the app (500 by Nginx itself)."""
    closed = client(Cause.RESET, Cause.CLOSED)(failures) & ~failures["logged"]
    no_upstream = (failures["proxy_status"] == 500) & (failures["upstream_status"] == "-")
    return failures["alert_line"].notna() & (closed | no_upstream)


def gave_up(connected: bool) -> Callable[[Failures], Mask]:
    """The client's time was over (Nginx logs 499) with the app server connected to, or still not."""
    return lambda failures: (
        client(Cause.TIMEOUT, Cause.UNFINISHED)(failures)
        & failures["logged"]
        & (failures["upstream_connected"] == connected)
    )


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
        answered(502, "Connection reset|Broken pipe"),
        "A worker ended in mid-request, or its keep-alive is shorter than Nginx's: see logs/app.log.",
        "nginx_line",
    ),
    Rule(
        "app server closed the connection early",
        APP_SERVER,
        answered(502, "prematurely closed"),
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
        lambda failures: (
            (failures["proxy_status"] >= 400) & (failures["proxy_status"].astype("str") == failures["upstream_status"])
        ),
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
        "connection refused",
        NGINX,
        client(Cause.REFUSED),
        "Nothing was listening at the address: see logs/nginx-error.log for Nginx's end.",
        "nginx_line",
    ),
)
"""Tried in order: the first that applies is the cause."""


def diagnose(failures: Failures) -> Failures:
    """The failures with `failure`, `layer`, `advice` and `evidence`; where no rule applies the layer is unknown."""
    if not failures["traced"].all():
        return _client_view(failures)
    named = failures.assign(failure="unknown (" + _client_words(failures) + ")", layer=UNKNOWN, advice=UNTRACED)
    named["evidence"] = pd.Series(index=failures.index, dtype="str")
    undecided = pd.Series(True, index=failures.index)
    for rule in RULES:
        chosen = rule.applies(failures).fillna(False).astype(bool) & undecided
        if not chosen.any():
            continue
        undecided &= ~chosen
        some = failures[chosen]
        named.loc[chosen, "failure"] = rule.failure if isinstance(rule.failure, str) else rule.failure(some)
        named.loc[chosen, "layer"] = rule.layer
        named.loc[chosen, "advice"] = rule.advice
        if rule.evidence:
            named.loc[chosen, "evidence"] = some[rule.evidence]
    return named


UNTRACED = "The logs do not say: look at logs/ around the time of these failures."
CLIENT_VIEW = "Only the client's view is known: proxy.log is missing from the run folder."


def _client_view(failures: Failures) -> Failures:
    words = _client_words(failures)
    return failures.assign(
        failure=words, layer=UNKNOWN, advice=CLIENT_VIEW, evidence=pd.Series(index=failures.index, dtype="str")
    )


def _client_words(failures: Failures) -> pd.Series:
    """ "unexpected status 502", "connection reset"."""
    status = failures["status"].astype("str")
    return failures["cause"].astype("str").where(failures["cause"] != Cause.STATUS, Cause.STATUS + " " + status)


def causes_table(failures: Failures, run: Run) -> pd.DataFrame:
    """A row a cause and step, most frequent first: failure, layer, step, users, failures, advice, evidence.

    Only failures of requests that started while a step was held count, as in the failure table.
    """
    counted = failures[failures["measured"]]
    keys = ["failure", "layer", "step"]
    table = counted.groupby(keys, as_index=False).agg(
        failures=("request_id", "size"), advice=("advice", "first"), evidence=("evidence", "first")
    )
    total = table.groupby(["failure", "layer"])["failures"].transform("sum")
    table = table.assign(total=total, users=table["step"].map({step.number: step.users for step in run.steps}))
    table = table.sort_values(["total", "failure", "step"], ascending=[False, True, True], ignore_index=True)
    return table[["failure", "layer", "step", "users", "failures", "advice", "evidence"]]
