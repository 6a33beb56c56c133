"""Follows each failed request through the logs, by its id, its connection and its second."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gatebench.analysis.frames import ended, failed
from gatebench.analysis.logs import read_app_errors, read_error_log
from gatebench.run_folder import RunFolder

ALERT_S = 1
"""How far from an alert of Nginx a failure may be and still be its doing: the error log has whole seconds."""

_OUT_OF_CONNECTIONS = "worker_connections are not enough"


def trace(requests: pd.DataFrame, proxy: pd.DataFrame, folder: RunFolder) -> pd.DataFrame:
    """A row a failed request, in the order of their ends; whatever a log does not tell is missing.

    Columns: request_id, step, measured, ended, cause, status (the client's view); logged, proxy_status,
    upstream_status, upstream_connected (its line in proxy.log); nginx_line (what the error log says of its connection);
    alert_line (that Nginx was out of connections in that second); exception, traceback, app_line (the app's own words).
    """
    failures = client_view(requests).assign(logged=requests.loc[failed(requests), "nginx_ms"].notna())
    failures = failures.sort_values("ended", ignore_index=True)
    errors = read_error_log(folder)
    app = read_app_errors(folder).rename(columns={"line": "app_line"})
    lines = _with_nginx_error(_proxy_lines(failures, proxy), errors)
    failures["alert_line"] = _alert_lines(failures, errors)
    return failures.merge(lines, on="request_id", how="left").merge(app, on="request_id", how="left")


def client_view(requests: pd.DataFrame) -> pd.DataFrame:
    """A row a failed request, with what the client saw of it."""
    failures = requests[failed(requests)]
    return failures[["request_id", "step", "measured", "cause", "status"]].assign(ended=ended(failures))


def _proxy_lines(failures: pd.DataFrame, proxy: pd.DataFrame) -> pd.DataFrame:
    """A row a failure that Nginx logged: of a redirect that was followed, its end."""
    columns = ["request_id", "time", "status", "upstream_status", "upstream_connected", "connection"]
    lines = proxy.loc[proxy["request_id"].isin(failures.loc[failures["logged"], "request_id"]), columns]
    lines = lines.sort_values("time").drop_duplicates("request_id", keep="last")
    return lines.rename(columns={"status": "proxy_status"}).astype(
        {"proxy_status": "Int16", "upstream_connected": "boolean", "connection": "Int64"}
    )


def _with_nginx_error(lines: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """The last that the error log says of the connection, up to the second in which Nginx logged the request."""
    about = errors.dropna(subset="connection").sort_values("time")[["time", "connection", "line"]]
    about = about.rename(columns={"line": "nginx_line"})
    found = pd.merge_asof(lines, about, on="time", by="connection", tolerance=1 + ALERT_S)
    return found.drop(columns=["time", "connection"])


def _alert_lines(failures: pd.DataFrame, errors: pd.DataFrame) -> pd.Series[Any]:
    alerts = errors[errors["message"].str.contains(_OUT_OF_CONNECTIONS, regex=False)].drop_duplicates("time")
    alerts = alerts.sort_values("time")
    if alerts.empty:
        return pd.Series(index=failures.index, dtype="category")
    seconds, moments = alerts["time"].to_numpy(), failures["ended"].to_numpy()
    nearest = np.searchsorted(seconds, moments + ALERT_S, side="right") - 1
    near = (nearest >= 0) & (moments - seconds[nearest] < 1 + ALERT_S)
    lines = alerts["line"].cat.remove_unused_categories().take(np.maximum(nearest, 0)).set_axis(failures.index)
    return lines.where(near)
