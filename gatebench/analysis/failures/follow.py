"""Follows each failed request through the logs and samples: by its id, its connection, its second and its life."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gatebench.analysis.failures import trouble
from gatebench.analysis.reading.frames import ended, failed
from gatebench.analysis.reading.logs import read_app_log, read_error_log
from gatebench.analysis.reading.samples import Samples
from gatebench.run_folder import RunFolder

_OUT_OF_CONNECTIONS = "worker_connections are not enough"
_WORKER_ENDED = "exited on signal"

_CLIENT = ["request_id", "started", "elapsed_ms", "name", "method", "step", "measured", "cause", "status"]


def trace(requests: pd.DataFrame, proxy: pd.DataFrame, folder: RunFolder, samples: Samples) -> pd.DataFrame:
    """A row a failed request, in the order of their ends; whatever a log or a sample does not tell is missing.

    The client's view: request_id, started, elapsed_ms, name, method, step, measured, ended, cause, status. Its line in
    proxy.log: logged, proxy_status, upstream_status, nginx_ms, connect_ms. What Nginx's error log says of its
    connection: nginx_line; and of that second: alert_line (out of connections), nginx_end_line (its worker ended). What
    the app wrote: exception, traceback, app_line; limit_line (that the app server turns requests away). While it
    lived: overflow_line (a listen backlog was full), stall_line (PostgreSQL was silent), refusal_line (PostgreSQL
    refused the pool connections), late_ms (by how much the load generator's clock was late). When it failed:
    worker_end, worker_line (how a worker of the app server ended).
    """
    failures = client_view(requests).assign(logged=requests.loc[failed(requests), "nginx_ms"].notna())
    failures = failures.sort_values("ended", ignore_index=True)
    errors, app = read_error_log(folder), read_app_log(folder)
    started, over = failures["started"].to_numpy(), failures["ended"].to_numpy()
    ends = trouble.worker_ends(samples.resources, app.worker_ends)
    failures["alert_line"] = trouble.overlapping(trouble.alerts(errors, _OUT_OF_CONNECTIONS), over, over)
    failures["nginx_end_line"] = trouble.overlapping(trouble.alerts(errors, _WORKER_ENDED), over, over)
    failures["overflow_line"] = trouble.overlapping(trouble.overflows(samples.machine), started, over)
    failures["stall_line"] = trouble.overlapping(trouble.stalls(samples.database), started, over)
    failures["refusal_line"] = trouble.overlapping(trouble.refusals(app.refusals), started, over)
    failures["worker_end"], failures["worker_line"] = _worker_ends(ends, over)
    failures["limit_line"] = app.limit_line
    failures["late_ms"] = _late_ms(samples.clock, started, over)
    lines = _with_nginx_error(_proxy_lines(failures, proxy), errors)
    said = app.errors.rename(columns={"line": "app_line"})
    return failures.merge(lines, on="request_id", how="left").merge(said, on="request_id", how="left")


def client_view(requests: pd.DataFrame) -> pd.DataFrame:
    """A row a failed request, with what the client saw of it."""
    failures = requests[failed(requests)]
    return failures[_CLIENT].assign(ended=ended(failures))


def _proxy_lines(failures: pd.DataFrame, proxy: pd.DataFrame) -> pd.DataFrame:
    """A row a failure that Nginx logged: of a redirect that was followed, its end."""
    columns = ["request_id", "time", "status", "request_ms", "upstream_status", "connect_ms", "connection"]
    lines = proxy.loc[proxy["request_id"].isin(failures.loc[failures["logged"], "request_id"]), columns]
    lines = lines.sort_values("time").drop_duplicates("request_id", keep="last")
    return lines.rename(columns={"status": "proxy_status", "request_ms": "nginx_ms"}).astype(
        {"proxy_status": "Int16", "connection": "Int64"}
    )


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
    for how, spans_of_how in reversed(ends.items()):
        if not spans_of_how.empty:
            found = trouble.overlapping(spans_of_how, moments, moments)
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
