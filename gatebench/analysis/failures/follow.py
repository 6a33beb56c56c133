"""Follows each failed request through the logs and samples: by its id, its connection, its second and its life."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gatebench.analysis.failures import trouble, waits, workers
from gatebench.analysis.failures.split import PARTS, nginx_times, split
from gatebench.analysis.reading.frames import ended, failed
from gatebench.analysis.reading.logs import read_app_log, read_error_log, read_pgbouncer_log, read_service_log
from gatebench.analysis.reading.samples import Samples
from gatebench.records import Cause
from gatebench.run_folder import RunFolder

_OUT_OF_CONNECTIONS = "worker_connections are not enough"
_WORKER_ENDED = "exited on signal"

_WITHOUT_SERVICE = r"\bService (\w+) ((?:did not answer|refused|broke off|answered)[^.]*)"
"""What an app writes of a service that its page had to do without: its name, and what it did."""

_CHARGED = (
    "nginx_stop_line", "stop_line", "busy_line", "held_line", "silent_line", "lock_line", "disk_line", "query_line"
)  # fmt: skip

_CLIENT = ["request_id", "started", "elapsed_ms", "name", "method", "step", "measured", "cause", "status"]


def followed(requests: pd.DataFrame, proxy: pd.DataFrame, folder: RunFolder, samples: Samples) -> pd.DataFrame:
    """A row a failed request, in the order of their ends; whatever a log or a sample does not tell is missing.

    The client's view: request_id, started, elapsed_ms, name, method, step, measured, ended, cause, status. Its line in
    proxy.log: logged, proxy_status, upstream_status, nginx_started, nginx_ms, upstream_ms, connect_ms. Where its time
    went: split.PARTS. What Nginx's error log says of its connection: nginx_line; and of that second: alert_line (out of
    connections), nginx_end_line (its worker ended). What the app wrote: exception, traceback, app_line; limit_line
    (that the app server turns requests away). While it lived: overflow_line (a listen backlog was full), stall_line
    (PostgreSQL was silent), refusal_line (PostgreSQL refused the pool connections), late_ms (by how much the load
    generator's clock was late). When it failed: leak_line (under ASGI most connections of PostgreSQL's were idle),
    bouncer_line (PgBouncer sent a client away). Most of the time: nginx_stop_line (Nginx's worker was stopped). Most of
    the time that the app server had it: stop_line, busy_line, held_line, silent_line (a worker of the app server's was
    stopped, was busy, had a stream in each thread, or was silent while others answered), lock_line, disk_line (sessions
    of PostgreSQL waited for a lock, for the disk), query_line (one began then and was still at one query in the end).
    When it failed: worker_end, worker_line (how a worker of the app server ended). Where the app wrote that it did
    without a service: service (its name), service_did (what the app wrote of it), service_line (of its own log, about
    this request), service_in_time (whether it answered before the app gave up), and service_lived (whether it answered
    others towards the end).
    """
    failures = client_view(requests).assign(logged=requests.loc[failed(requests), "nginx_ms"].notna())
    failures = failures.sort_values("ended", ignore_index=True)
    errors, app = read_error_log(folder), read_app_log(folder)
    lines = nginx_times(proxy, failures.loc[failures["logged"], "request_id"]).rename(
        columns={"status": "proxy_status"}
    )
    lines = _with_nginx_error(lines.astype({"proxy_status": "Int16", "connection": "Int64"}), errors)
    said = app.errors.rename(columns={"line": "app_line"})
    failures = failures.merge(lines, on="request_id", how="left").merge(said, on="request_id", how="left")
    failures[list(PARTS)] = split(failures)
    started, over = failures["started"].to_numpy(), failures["ended"].to_numpy()
    ends = trouble.worker_ends(samples, app.worker_ends)
    failures["alert_line"] = trouble.overlapping(trouble.alerts(errors, _OUT_OF_CONNECTIONS), over, over)
    failures["nginx_end_line"] = trouble.overlapping(trouble.alerts(errors, _WORKER_ENDED), over, over)
    failures["overflow_line"] = trouble.overlapping(trouble.overflows(samples.machine), started, over)
    failures["stall_line"] = trouble.overlapping(trouble.stalls(samples.database), started, over)
    failures["bouncer_line"] = trouble.overlapping(trouble.sent_away(read_pgbouncer_log(folder)), over, over)
    failures["leak_line"] = trouble.overlapping(_leaks(samples, proxy, folder), over, over)
    failures["refusal_line"] = trouble.overlapping(trouble.refusals(app.refusals), started, over)
    failures["worker_end"], failures["worker_line"] = _worker_ends(ends, over)
    failures["limit_line"] = app.limit_line
    failures["late_ms"] = _late_ms(samples.clock, started, over)
    failures = _with_service(failures, folder)
    held = workers.held(*_streams(requests, proxy, folder)) if len(failures) else trouble.NONE
    return _with_nginx_stopped(failures.assign(**_charged(failures, proxy, samples, held)))


def _leaks(samples: Samples, proxy: pd.DataFrame, folder: RunFolder) -> pd.DataFrame:
    """None where threads stay, as under WSGI, and with them their connections: too many is then what was asked for."""
    config = folder.read_run().config
    stay = config["interface"] == "wsgi" or (config.get("bridge_row") or {}).get("keeps_threads")
    return trouble.NONE if stay else trouble.leaks(samples.database, proxy)


def _with_nginx_stopped(failures: pd.DataFrame) -> pd.DataFrame:
    """An Nginx that was stopped had no clock: what it logs of the app server's time is its own."""
    beyond = ["connecting_ms", "in_app_ms"]
    stopped = failures["nginx_stop_line"].notna()
    failures.loc[stopped, "in_nginx_ms"] += failures.loc[stopped, beyond].sum(axis=1)
    failures.loc[stopped & failures["logged"], beyond] = 0
    return failures


def _streams(requests: pd.DataFrame, proxy: pd.DataFrame, folder: RunFolder) -> tuple[pd.DataFrame, int]:
    """The worker that had each stream, from its start to its end; and how many threads per worker has. None under ASGI.

    Whoever is no user of ours and was answered at length is taken for one who watches. A thread sees that somebody has
    left when it next writes twice, which is a heartbeat later at the least, where there is no news.
    """
    config = folder.read_run().config
    workload, threads = config.get("workload", {}), config.get("settings", {}).get("threads", 0)
    names, heartbeat = workload.get("streams", ()), workload.get("settings", {}).get("heartbeat_s", {"value": 0})
    if not (names and threads) or config["interface"] != "wsgi" or "--threads" in config.get("server_args", ""):
        requests, proxy = requests.head(0), proxy.head(0)
    lines = proxy[proxy["worker"].notna() & (proxy["upstream_ms"] > 1000 * trouble.WAITED_S)]
    ours, opened = requests["request_id"], requests.loc[requests["name"].isin(names), "request_id"]
    lines = lines[lines["request_id"].isin(opened) | ~lines["request_id"].isin(ours)]
    over = lines["time"] + heartbeat["value"]
    return lines.assign(start=lines["time"] - lines["upstream_ms"] / 1000, end=over), threads


def _charged(
    failures: pd.DataFrame, proxy: pd.DataFrame, samples: Samples, held: pd.DataFrame
) -> dict[str, pd.Series[Any]]:
    """The lines of what went on for most of a request's time."""
    if not len(failures):
        return dict.fromkeys(_CHARGED, trouble.nothing(0))
    started, over = failures["started"].to_numpy(), failures["ended"].to_numpy()
    taken = np.maximum(failures["nginx_started"].to_numpy(float), started)  # missing where Nginx logged nothing
    waited = failures["cause"].isin((Cause.TIMEOUT, Cause.UNFINISHED)) | (failures["proxy_status"] == 504)
    proxy = proxy if waited.any() else proxy.head(0)  # ten million answers are looked through for these only
    answered = workers.answer_times(proxy)
    silent = workers.silences(proxy, samples.processes)
    sessions = waits.awake(samples.sessions, trouble.stalls(samples.database))
    lines = (
        trouble.covering(workers.stops(samples.processes, "nginx", answered), started, over),
        trouble.covering(workers.stops(samples.processes, "app", answered), taken, over),
        trouble.covering(silent[workers.BUSY], taken, over),
        trouble.covering(held, taken, over),
        _of_several(trouble.covering(silent[workers.SILENT], taken, over).where(waited)),
        trouble.covering(waits.lock_waits(sessions), taken, over),
        trouble.covering(waits.disk_waits(sessions), taken, over),
        trouble.own(waits.queries(sessions), taken, over),
    )
    return dict(zip(_CHARGED, lines, strict=True))


def _of_several(lines: pd.Series[Any]) -> pd.Series[Any]:
    """The lines that AT_ONCE failures or more have."""
    often = lines.value_counts()
    return lines.where(lines.isin(often.index[often >= workers.AT_ONCE]))


def client_view(requests: pd.DataFrame) -> pd.DataFrame:
    """A row a failed request, with what the client saw of it."""
    failures = requests[failed(requests)]
    return failures[_CLIENT].assign(ended=ended(failures))


def _with_service(failures: pd.DataFrame, folder: RunFolder) -> pd.DataFrame:
    """What the service that the app did without says of the request, and whether it answered others at its end."""
    answers = read_service_log(folder)
    service = folder.read_run().config.get("workload", {}).get("service") or {"timeout_s": np.nan}
    moments = np.sort(answers["answered"].dropna().to_numpy())
    over = failures["ended"].to_numpy()
    middle = (failures["started"].to_numpy() + over) / 2
    failures["service_lived"] = np.searchsorted(moments, over) > np.searchsorted(moments, middle)
    wrote = failures["app_line"].dropna().astype("str").str.extract(_WITHOUT_SERVICE)
    failures[["service", "service_did"]] = wrote.reindex(failures.index)
    said = answers.drop(columns="answered").rename(columns={"line": "service_line"})
    said = said.drop_duplicates(["request_id", "service"]).astype({"service": failures["service"].dtype})
    failures = failures.merge(said, on=["request_id", "service"], how="left")
    failures["service_in_time"] = failures.pop("waited_ms") < 1000 * service["timeout_s"]
    return failures


def _with_nginx_error(lines: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """The last that the error log says of the connection, up to the second in which Nginx logged the request."""
    about = errors.dropna(subset="connection").sort_values("time")[["time", "connection", "line"]]
    about = about.rename(columns={"line": "nginx_line"})
    found = pd.merge_asof(lines, about, on="time", by="connection", tolerance=1 + trouble.ROUNDED_S)
    return found.drop(columns=["time", "connection"])


def _worker_ends(
    ends: dict[str, pd.DataFrame], moments: npt.NDArray[np.float64]
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """How a worker ended around each moment, and the line; of several ends, the one of which is known most."""
    hows, lines = trouble.nothing(len(moments)), trouble.nothing(len(moments))
    for how, of_how in reversed(ends.items()):
        if not of_how.empty:
            found = trouble.overlapping(of_how, moments, moments)
            lines = lines.astype(object).mask(found.notna(), found.astype(object))
            hows = hows.astype(object).mask(found.notna(), how)
    return hows, lines


def _late_ms(
    clock: pd.DataFrame | None, started: npt.NDArray[np.float64], over: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Missing where the load generator did not tell."""
    if clock is None:
        return np.full(len(started), np.nan)
    sums = clock.groupby("time")["late_ms"].sum().cumsum()
    until = [np.interp(moments, sums.index.to_numpy(), sums.to_numpy()) for moments in (over, started)]
    late: npt.NDArray[np.float64] = until[0] - until[1]
    return late
