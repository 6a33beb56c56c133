"""Where a request's time went, by the client's clock and by Nginx's, which are one machine's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gatebench.analysis.words import number

PARTS = ("before_ms", "in_nginx_ms", "connecting_ms", "in_app_ms", "back_ms")


def split(requests: pd.DataFrame) -> pd.DataFrame:
    """PARTS of each request's elapsed_ms, to which they add up; missing where Nginx did not log the request.

    before_ms: until Nginx took it. in_nginx_ms: Nginx had it and the app server had not. connecting_ms: Nginx connected
    to the app server. in_app_ms: the app server had it. back_ms: Nginx had ended it and the client had not.

    Wants started (s), elapsed_ms; and of Nginx nginx_started (s), nginx_ms, upstream_ms and connect_ms. What Nginx did
    after the client had given up is no part of the client's time.
    """
    elapsed_ms = requests["elapsed_ms"].astype("float64")
    before = (1000 * (requests["nginx_started"] - requests["started"])).clip(0, elapsed_ms)
    taken = requests["nginx_ms"].astype("float64").clip(0, elapsed_ms - before)
    upstream = requests["upstream_ms"].astype("float64").fillna(0).clip(0, taken)
    connecting = requests["connect_ms"].astype("float64").fillna(upstream).clip(0, upstream)
    parts = (before, taken - upstream, connecting, upstream - connecting, elapsed_ms - before - taken)
    return pd.DataFrame(dict(zip(PARTS, parts, strict=True))).where(requests["nginx_ms"].notna())


SHARES = tuple(part.replace("_ms", "_pct") for part in PARTS)


def nginx_times(proxy: pd.DataFrame, request_ids: pd.Series[Any]) -> pd.DataFrame:
    """A row each of these requests that Nginx logged, as its line in proxy.log has it, with what `split` wants.

    Of a redirect that was followed it is the last line, and the times of both together.
    """
    lines = proxy[proxy["request_id"].isin(request_ids)].drop(columns="worker").sort_values("time")
    lines["nginx_started"] = lines["time"] - lines["request_ms"] / 1000
    if lines["request_id"].duplicated().any():
        of_request = lines.groupby("request_id")
        lines["nginx_started"] = of_request["nginx_started"].transform("min")
        lines["request_ms"] = of_request["request_ms"].transform("sum")
        lines["upstream_ms"] = of_request["upstream_ms"].transform("sum", min_count=1)
        lines = lines.drop_duplicates("request_id", keep="last")
    return lines.rename(columns={"request_ms": "nginx_ms"})


def splits(requests: pd.DataFrame, proxy: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    """A row a step: step, users, requests and their mean SHARES of the time, of the step's slow ones: those slower than
    its p95, failures too, that Nginx logged.
    """
    step, elapsed_ms = requests["step"].to_numpy(), requests["elapsed_ms"].to_numpy()
    slower = np.zeros(len(requests), dtype=bool)
    for one, p95_ms in zip(steps["step"], steps["p95_ms"].fillna(0), strict=True):
        slower |= (step == one) & (elapsed_ms > p95_ms)
    counted = slower & requests["measured"] & requests["timed"] & requests["comparable"]
    slow = requests.loc[counted, ["request_id", "step", "started", "elapsed_ms"]]
    slow = slow.merge(nginx_times(proxy, slow["request_id"]), on="request_id")
    shares = split(slow).div(slow["elapsed_ms"], axis=0).mul(100).set_axis(list(SHARES), axis=1)
    of_step = shares.groupby(slow["step"].astype("int64"))
    table = of_step.mean().assign(requests=of_step.size()).reset_index()
    return steps[["step", "users"]].merge(table, on="step")[["step", "users", "requests", *SHARES]]


_WORDS = ("before Nginx took it", "in Nginx", "connecting to the app server", "in the app server", "on the way back")
WORTH_TELLING = 0.01
"""Of the time: less than that is left out of a sentence."""


def time_sentence(request: Any) -> str | None:
    """As "of its 4,000 ms 3,990 went by before Nginx took it and 10 in Nginx"; None where Nginx did not log it."""
    told = [
        (getattr(request, part), words)
        for part, words in zip(PARTS, _WORDS, strict=True)
        if getattr(request, part) > WORTH_TELLING * request.elapsed_ms
    ]
    if not told:
        return None
    (first_ms, first), *others = told
    more = "".join(f", {number(ms)} {words}" for ms, words in others)
    return f"of its {number(request.elapsed_ms)} ms {number(first_ms)} went by {first}{more}"
