"""Follows each failed request through the logs, by its id, its connection and its second."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gatebench.analysis.frames import ended, failed
from gatebench.analysis.logs import read_app_errors, read_error_log
from gatebench.run_folder import RunFolder

ALERT_S = 1.0
"""How far from an alert of Nginx a failure may be and still be its doing: the error log has whole seconds."""

_OUT_OF_CONNECTIONS = "worker_connections are not enough"


def trace(requests: pd.DataFrame, proxy: pd.DataFrame | None, folder: RunFolder) -> pd.DataFrame:
    """A row a failed request, in the order of their ends; whatever a log does not tell is missing.

    Columns: request_id, step, measured, ended, cause, status (the client's view); traced (there is a proxy.log),
    logged, proxy_status, upstream_status, upstream_connected, connection (its line there); nginx_error, nginx_line
    (the error log about its connection); alert_line (Nginx out of connections in that second); exception, traceback,
    app_line (the app about its id).
    """
    failures = requests.loc[
        failed(requests), ["request_id", "step", "measured", "cause", "status", "started", "elapsed_ms"]
    ]
    failures = failures.assign(ended=ended(failures), cause=failures["cause"].astype("str"))
    failures = failures.drop(columns=["started", "elapsed_ms"]).sort_values("ended", ignore_index=True)
    if proxy is None:
        return failures.assign(traced=False, logged=False)
    errors = read_error_log(folder)
    failures = _with_proxy_line(failures, proxy)
    failures = _with_nginx_error(failures, errors)
    failures["alert_line"] = _alert_lines(failures, errors)
    app = read_app_errors(folder).rename(columns={"line": "app_line"})
    return failures.merge(app, on="request_id", how="left").assign(traced=True)


def _with_proxy_line(failures: pd.DataFrame, proxy: pd.DataFrame) -> pd.DataFrame:
    columns = ["request_id", "time", "status", "upstream_status", "upstream_connected", "connection"]
    lines = proxy.loc[proxy["request_id"].isin(failures["request_id"]), columns]
    lines = lines.sort_values("time").drop_duplicates("request_id", keep="last")  # of a followed redirect: its end
    lines = lines.rename(columns={"time": "proxy_time", "status": "proxy_status"}).astype(
        {"proxy_status": "Int16", "upstream_status": "str", "upstream_connected": "boolean", "connection": "Int64"}
    )
    joined = failures.merge(lines, on="request_id", how="left")
    return joined.assign(logged=joined["proxy_time"].notna())


def _with_nginx_error(failures: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """The last thing that the error log says of the connection, up to the second in which the request ended there."""
    about = errors.dropna(subset="connection").rename(columns={"message": "nginx_error", "line": "nginx_line"})
    about = about[["time", "connection", "nginx_error", "nginx_line"]].sort_values("time", ignore_index=True)
    lines = failures[failures["logged"]].sort_values("proxy_time")[["request_id", "proxy_time", "connection"]]
    found = pd.merge_asof(lines, about, left_on="proxy_time", right_on="time", by="connection", tolerance=1 + ALERT_S)
    return failures.merge(found[["request_id", "nginx_error", "nginx_line"]], on="request_id", how="left")


def _alert_lines(failures: pd.DataFrame, errors: pd.DataFrame) -> pd.Series[str]:
    alerts = errors[errors["message"].str.contains(_OUT_OF_CONNECTIONS, regex=False)].drop_duplicates("time")
    alerts = alerts.sort_values("time")
    if alerts.empty:
        return pd.Series(index=failures.index, dtype="str")
    seconds, moments = alerts["time"].to_numpy(), failures["ended"].to_numpy()
    nearest = np.searchsorted(seconds, moments + ALERT_S, side="right") - 1
    near = (nearest >= 0) & (moments - seconds[nearest] < 1 + ALERT_S)
    lines = alerts["line"].take(np.maximum(nearest, 0)).set_axis(failures.index)
    return lines.where(near)
