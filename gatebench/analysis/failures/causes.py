"""Why requests failed, and in which layer: the rules, a row each, in the order in which they are tried.

A rule looks at one failure's trace (follow.py): what the client saw, Nginx's log line of the same request id, what
Nginx's error log says of that connection or that second, what the app wrote about that request id, and what the logs
and samples say of the whole system while the request lived. A request that merely waited is charged to whoever had it
for most of its time. Otherwise the surest proof comes first: an exception that names its reason before a second in
which something was wrong, and that before what did not happen in time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
import pandas as pd

from gatebench.analysis.failures.split import time_sentence
from gatebench.analysis.reading.logs import ENDED, KILLED, TIMED_OUT
from gatebench.records import Cause, Run

CLIENT, NGINX, APP_SERVER, DJANGO, POSTGRESQL = "client", "nginx", "app server", "Django", "PostgreSQL"
SERVICE, PGBOUNCER = "service", "PgBouncer"
UNKNOWN = "unknown"

SYN_AGAIN_MS = 900
"""Connecting to a full backlog takes this long at least: the kernel asks again after 1, 3 and 7 s."""

Failures: TypeAlias = pd.DataFrame
Mask: TypeAlias = "pd.Series[Any]"


@dataclass(frozen=True, slots=True)
class Rule:
    """A cause. `failure` names it, for each failure by itself where it is a function."""

    failure: str | Callable[[Failures], pd.Series[Any]]
    layer: str
    applies: Callable[[Failures], Mask]
    advice: str
    evidence: str | Callable[[Failures], str | None] | None = (
        None  # the trace's column with the line to show, or its words
    )

    def proof(self, failures: Failures) -> str | None:
        """One line that proves the cause of one of the failures, where there is one."""
        if callable(self.evidence):
            return self.evidence(failures)
        lines = failures[self.evidence].dropna().head(1).tolist() if self.evidence else []
        return str(lines[0]) if lines else None


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


def worker_ended(how: str) -> Callable[[Failures], Mask]:
    """The app server broke off, and one of its workers came to its end around then."""
    return lambda failures: (
        broke_off("prematurely closed|Connection reset|Broken pipe")(failures) & (failures["worker_end"] == how)
    )


def worker_timed_out(failures: Failures) -> Mask:
    """Broken off when a worker timed out; or 500 by gunicorn itself, which answers so for the worker that it ends."""
    by_server = (failures["proxy_status"] == 500) & (failures["upstream_status"] == "500") & failures["app_line"].isna()
    return worker_ended(TIMED_OUT)(failures) | (by_server & (failures["worker_end"] == TIMED_OUT))


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


def waited(failures: Failures) -> Mask:
    """Nobody said why: the client's time, or the run's, was over."""
    return client(Cause.TIMEOUT, Cause.UNFINISHED)(failures)


def mostly(part: str) -> Callable[[Failures], Mask]:
    """It waited, and most of its time went there (split.PARTS)."""
    return lambda failures: waited(failures) & (2 * failures[part] > failures["elapsed_ms"])


def nginx_backlog_full(failures: Failures) -> Mask:
    """The client waited for Nginx while connections were turned away."""
    in_front = mostly("before_ms")(failures) | ~failures["logged"]
    return client(Cause.TIMEOUT)(failures) & in_front & failures["overflow_line"].notna()


def held_by(line: str) -> Callable[[Failures], Mask]:
    """A worker of the app server's answered nobody for most of the time that the request was there."""
    return lambda failures: (waited(failures) | answered(504)(failures)) & failures[line].notna()


def gave_up(connected: bool) -> Callable[[Failures], Mask]:
    """The client's time was over (Nginx logs 499) with the app server connected to, or still not."""
    return lambda failures: (
        client(Cause.TIMEOUT)(failures) & failures["logged"] & (failures["connect_ms"].notna() == connected)
    )


def app_backlog_full(failures: Failures) -> Mask:
    """Nginx did not get through to the app server, or at the second try only, while connections were turned away."""
    waiting = client(Cause.TIMEOUT, Cause.UNFINISHED)(failures) & failures["logged"]
    slow = failures["connect_ms"].isna() | (failures["connect_ms"] >= SYN_AGAIN_MS)
    return failures["overflow_line"].notna() & (answered(504, "while connecting")(failures) | (waiting & slow))


def database(line: str) -> Callable[[Failures], Mask]:
    """PostgreSQL kept sessions waiting while the app had the request, and no error of another kind is known."""

    def applies(failures: Failures) -> Mask:
        waiting = waited(failures) & failures["connect_ms"].notna()
        of_database = failures["traceback"].isna() | app_error(DATABASE_ERRORS)(failures)
        broken = failures["proxy_status"].isin([500, 503, 504]) & (failures["upstream_status"] != "-") & of_database
        return failures[line].notna() & (waiting | broken)

    return applies


def sent_away(failures: Failures) -> Mask:
    """The app lost its connection, or was refused one, while PgBouncer sent clients away."""
    return app_error("server closed the connection|FATAL")(failures)


def generator_late(failures: Failures) -> Mask:
    """Most of the time passed outside Nginx, and for most of that the load generator's own clock was late."""
    outside_ms = failures["elapsed_ms"] - failures["nginx_ms"].fillna(0)
    mostly_outside = 2 * outside_ms >= failures["elapsed_ms"]
    return client(Cause.TIMEOUT)(failures) & mostly_outside & (2 * failures["late_ms"] >= outside_ms)


def lateness(failures: Failures) -> str:
    first = failures.iloc[0]
    return f"load.jsonl: its clock was {first.late_ms:,.0f} ms late in the {first.elapsed_ms:,.0f} ms of the request"


def whereabouts(failures: Failures) -> str | None:
    """Where the time of the first went, by both clocks; None where Nginx did not log it."""
    sentence = time_sentence(failures.iloc[0])
    return f"proxy.log: {sentence}" if sentence else None


def turned_away(failures: Failures) -> Mask:
    """503 by the app server: Django writes of one that is its own."""
    by_app = (failures["proxy_status"] == 503) & (failures["upstream_status"] == "503")
    return by_app & failures["app_line"].isna()


def app_said_so(failures: Failures) -> Mask:
    """The status is the app's own. Of 502 and 504 nobody knows: Nginx logs them as the upstream's when it made them."""
    status = failures["proxy_status"]
    by_app = status.astype("str") == failures["upstream_status"].astype("str")
    return client(Cause.STATUS)(failures) & by_app & ~status.isin([502, 504])


def without_service(failures: Failures) -> Mask:
    """The app wrote that the page had to do without a service."""
    return client(Cause.WRONG_PAGE)(failures) & failures["service"].notna()


def gave_service_up(failures: Failures) -> Mask:
    """It had waited for the service for as long as it does."""
    return without_service(failures) & (failures["service_did"] == "did not answer in time")


TOO_MANY_CLIENTS = "too many clients|remaining connection slots"
POOL_TIMEOUT = "PoolTimeout|couldn't get a connection after"
DATABASE_ERRORS = r"^(?:psycopg2?|psycopg_pool|django\.db\.utils)\.(?:OperationalError|InterfaceError|PoolTimeout)"
"""Those that a database which does not answer can raise."""

RULES = (
    Rule(
        "Nginx out of connections",
        NGINX,
        out_of_connections,
        "Raise worker_connections: a request in flight holds two, the client's and the app server's.",
        "alert_line",
    ),
    Rule(
        "Nginx's worker ended",
        NGINX,
        lambda failures: (
            client(Cause.RESET, Cause.CLOSED, Cause.REFUSED, Cause.CUT_SHORT)(failures)
            & failures["nginx_end_line"].notna()
        ),
        "Nginx itself broke: its error log has the signal, and the kernel's log whether memory ran out.",
        "nginx_end_line",
    ),
    Rule(
        "the load generator was late itself",
        CLIENT,
        generator_late,
        "This is no failure of the site's: give the generator a core of its own, or measure fewer users.",
        lateness,
    ),
    Rule(
        "Nginx's worker was stopped",
        NGINX,
        lambda failures: waited(failures) & failures["nginx_stop_line"].notna(),
        "Something stopped it, a signal or a debugger: it goes on with `kill -CONT`. All connections wait meanwhile.",
        "nginx_stop_line",
    ),
    Rule(
        "Nginx's listen backlog was full",
        NGINX,
        nginx_backlog_full,
        "Nginx accepts more slowly than connections come: a longer listen backlog, or more worker_processes.",
        "overflow_line",
    ),
    Rule(
        "Nginx took the request too late",
        NGINX,
        mostly("before_ms"),
        "The client waited and Nginx had not begun: its worker was busy, blocked by a disk, or waited for a core.",
        whereabouts,
    ),
    Rule(
        "the answer was late on its way back",
        CLIENT,
        lambda failures: mostly("back_ms")(failures) & (failures["proxy_status"] != 499),
        "Nginx had answered: the time went by on the network, or the load generator read too late.",
        whereabouts,
    ),
    Rule(
        "app server's worker was stopped",
        APP_SERVER,
        held_by("stop_line"),
        "Something stopped it, a signal or a debugger: it goes on with `kill -CONT`. Its connections wait meanwhile.",
        "stop_line",
    ),
    Rule(
        "app server's worker was busy and answered nobody",
        APP_SERVER,
        held_by("busy_line"),
        "One request keeps all of it at work, such as an endless loop: `py-spy dump --pid` shows which line.",
        "busy_line",
    ),
    Rule(
        "connections leaked",
        DJANGO,
        lambda failures: app_error(TOO_MANY_CLIENTS)(failures) & failures["leak_line"].notna(),
        "Under ASGI a connection with CONN_MAX_AGE outlives the thread of its request: set that to 0, or use a pool.",
        "leak_line",
    ),
    Rule(
        "PostgreSQL out of connections",
        POSTGRESQL,
        app_error(TOO_MANY_CLIENTS),
        "Cap the connections: a pool (DB=pool), PgBouncer, or fewer threads; or raise max_connections.",
        "app_line",
    ),
    Rule(
        "PostgreSQL waited for a lock",
        POSTGRESQL,
        database("lock_line"),
        "Who holds it must let go sooner: shorter transactions, no work between their statements, or a lock_timeout.",
        "lock_line",
    ),
    Rule(
        "PostgreSQL waited for its disk",
        POSTGRESQL,
        database("disk_line"),
        "Each commit waits until its log is written: a faster disk, fewer commits, or synchronous_commit=off.",
        "disk_line",
    ),
    Rule(
        "PostgreSQL did not answer",
        POSTGRESQL,
        database("stall_line"),
        "Gatebench's own question waited as well: see logs/postgres.log, its disk and its share of the processor.",
        "stall_line",
    ),
    Rule(
        "PostgreSQL was at one query for too long",
        POSTGRESQL,
        lambda failures: waited(failures) & failures["traceback"].isna() & failures["query_line"].notna(),
        "See what it does with EXPLAIN ANALYZE: an index, or less to do in one query.",
        "query_line",
    ),
    Rule(
        "PgBouncer had no connection in time",
        PGBOUNCER,
        lambda failures: sent_away(failures) & failures["bouncer_line"].str.contains("query_wait_timeout", na=False),
        "All of its connections to PostgreSQL were busy: a larger default_pool_size, or shorter transactions.",
        "bouncer_line",
    ),
    Rule(
        "PgBouncer sent the client away",
        PGBOUNCER,
        lambda failures: sent_away(failures) & failures["bouncer_line"].notna(),
        "Its own log says why, as a limit of its own (max_client_conn) or a PostgreSQL that refused it.",
        "bouncer_line",
    ),
    Rule(
        "PostgreSQL broke off",
        POSTGRESQL,
        app_error("server closed the connection|terminating connection|the database system is |psycopg.*refused"),
        "It ended, restarted or ended the connection: logs/postgres.log says why.",
        "app_line",
    ),
    Rule(
        "PostgreSQL refused the pool connections",
        POSTGRESQL,
        lambda failures: app_error(POOL_TIMEOUT)(failures) & failures["refusal_line"].notna(),
        "All pools together want more than max_connections: smaller pools, fewer workers, or raise max_connections.",
        "refusal_line",
    ),
    Rule(
        "pool timeout",
        DJANGO,
        app_error(POOL_TIMEOUT),
        "Requests waited too long for a pooled connection: a larger pool, or shorter database work in a request.",
        "app_line",
    ),
    Rule(
        "CSRF check failed",
        DJANGO,
        lambda failures: failures["app_line"].str.contains("django.security.csrf", regex=False, na=False),
        "The token or the origin was not the form's: the client must send both, and Nginx Host with its port.",
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
        "app server's worker timed out",
        APP_SERVER,
        worker_timed_out,
        "The server ends a worker that is silent for longer than its --timeout: raise it, or do less in a request.",
        "worker_line",
    ),
    Rule(
        "app server's worker was killed",
        APP_SERVER,
        worker_ended(KILLED),
        "Something killed a worker in mid-request: the kernel for want of memory, or somebody by hand.",
        "worker_line",
    ),
    Rule(
        "app server's worker ended",
        APP_SERVER,
        worker_ended(ENDED),
        "A worker ended in mid-request: logs/app.log may say why, and the kernel's log whether memory ran out.",
        "worker_line",
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
        "app server's listen backlog was full",
        APP_SERVER,
        app_backlog_full,
        "It accepts more slowly than connections come: more workers, a longer backlog, or connections that are kept.",
        "overflow_line",
    ),
    Rule(
        "streams held every thread of a worker",
        APP_SERVER,
        held_by("held_line"),
        "Under WSGI whoever watches holds a thread for as long as that: more threads (THREADS), or ASGI.",
        "held_line",
    ),
    Rule(
        "app server's worker was silent while others answered",
        APP_SERVER,
        held_by("silent_line"),
        "Something blocks all of it, such as synchronous work in async code: `py-spy dump --pid` shows which line.",
        "silent_line",
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
        turned_away,
        "Its own limit was reached: see its concurrency or backpressure setting.",
        "limit_line",
    ),
    Rule(
        lambda failures: "HTTP " + failures["proxy_status"].astype("str") + " from the app",
        DJANGO,
        app_said_so,
        "The app answered so and logs/app.log has no exception with the request's id.",
        "app_line",
    ),
    Rule(
        "the app read a service's answer too late",
        APP_SERVER,
        lambda failures: gave_service_up(failures) & failures["service_in_time"],
        "The service had answered: the app's event loop, its threads or its HTTP client did not get to the answer.",
        "service_line",
    ),
    Rule(
        "the app did not get through to a service",
        APP_SERVER,
        lambda failures: gave_service_up(failures) & failures["service_line"].isna() & failures["service_lived"],
        "The service answered others and never heard of this: the app's HTTP client had no connection in time.",
        "app_line",
    ),
    Rule(
        lambda failures: "service " + failures["service_did"],
        SERVICE,
        without_service,
        "The page came without what it asks a service for: logs/service.log has what was asked by the request's id.",
        "app_line",
    ),
    Rule(
        "wrong page",
        DJANGO,
        client(Cause.WRONG_PAGE),
        "The answer had the right status and was not the page asked for: look at it in a browser.",
    ),
    Rule(
        "mistake in the locustfile",
        CLIENT,
        client(Cause.LOCUSTFILE),
        "This is no failure of the site's: what looks at the answer raised, and logs/load.log has its traceback.",
    ),
    Rule(
        "no answer in time, the app server had the request",
        APP_SERVER,
        gave_up(connected=True),
        "The request waited or worked longer than the client did: more workers, or less work in a request.",
        whereabouts,
    ),
    Rule(
        "no answer in time, the app server had not accepted",
        APP_SERVER,
        gave_up(connected=False),
        "Its listen backlog was full: more workers, or a longer backlog.",
        whereabouts,
    ),
    Rule(
        "unfinished when the run ended, the app server had the request",
        APP_SERVER,
        lambda failures: client(Cause.UNFINISHED)(failures) & failures["connect_ms"].notna(),
        "The request was still waited for: see how long the slowest answers took.",
        whereabouts,
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
        if rest.empty:
            break
        chosen = rule.applies(rest).fillna(False).to_numpy(bool)
        if chosen.any():
            some = rest[chosen]
            names[some.index] = rule.failure if isinstance(rule.failure, str) else rule.failure(some).astype(object)
            numbers[some.index] = ALL_RULES.index(rule)
            rest = rest[~chosen]
    codes, found = pd.factorize(names, sort=True)
    return failures.assign(failure=pd.Categorical.from_codes(codes, pd.Index(found, dtype="str")), rule=numbers)


def causes_table(failures: Failures, run: Run) -> pd.DataFrame:
    """A row a cause and step, most frequent first: failure, layer, step, users, failures, advice, evidence.

    Only failures of requests that started while a step was held count, as in the failure table.
    """
    users = {step.number: step.users for step in run.steps}
    counted = failures[failures["measured"]]
    lines = []
    for (failure, number), group in counted.groupby(["failure", "rule"], observed=True):
        rule = ALL_RULES[cast(int, number)]
        proof = rule.proof(group)
        for step, n in group["step"].value_counts().items():
            step = cast(int, step)
            lines.append((failure, rule.layer, step, users[step], n, rule.advice, proof, len(group)))
    columns = ["failure", "layer", "step", "users", "failures", "advice", "evidence", "total"]
    table = pd.DataFrame(lines, columns=columns)
    table = table.sort_values(["total", "failure", "layer", "step"], ascending=[False, True, True, True])
    return table.drop(columns="total").reset_index(drop=True).astype({"evidence": "str"})
