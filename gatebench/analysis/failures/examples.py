"""One failed request a cause, told from the client to the database."""

from __future__ import annotations

from typing import Any, cast

import pandas as pd

from gatebench.analysis.failures.causes import ALL_RULES, UNKNOWN, client_words
from gatebench.analysis.failures.split import PARTS, time_sentence
from gatebench.analysis.failures.trouble import clock
from gatebench.analysis.words import number

COLUMNS = ["failure", "layer", "name", "method", "started", "elapsed_ms", "client", "logged", "proxy_status",
           "upstream_status", "connect_ms", "nginx_ms", "nginx_line", "app_line", *PARTS, "proof"]  # fmt: skip


LONG_MS = 500
"""From here on it is told where a request's time went."""


def examples(failures: pd.DataFrame) -> pd.DataFrame:
    """A row a cause, with COLUMNS: of its failures in the table the first, or the first that has a proof.

    `client` is what the client saw, `proof` the line that decided. What no log tells is missing.
    """
    chosen = []
    for (_, place), group in failures[failures["measured"]].groupby(["failure", "rule"], observed=True):
        rule = ALL_RULES[cast(int, place)]
        proven = group[group[rule.evidence].notna()] if isinstance(rule.evidence, str) else group
        one = (proven if len(proven) else group).head(1)
        chosen.append(one.assign(layer=rule.layer, client=client_words(one), proof=rule.proof(one)))
    frame = pd.concat(chosen, ignore_index=True) if chosen else failures.head(0)
    return frame.reindex(columns=COLUMNS).astype({"failure": "str", "nginx_line": "object", "app_line": "object"})


def tell(example: Any) -> str:
    """A row of `examples` as sentences, in the order in which the request travelled."""
    lines = (_quoted("Its error log", example.nginx_line), _quoted("The app's log", example.app_line))
    where = _where(example)
    known = example.proof in (example.nginx_line, example.app_line) or (where and str(example.proof).endswith(where))
    proof = None if known else _quoted("What decides", example.proof)
    verdict = None if example.layer == UNKNOWN else f"So it failed in this layer: {example.layer}."
    return " ".join(
        part for part in (_client(example), _nginx(example), _sentence(where), *lines, proof, verdict) if part
    )


def _client(example: Any) -> str:
    moment = f"{clock(example.started)}.{int(example.started * 1000) % 1000:03d}"
    saw = f"the client saw “{example.client}” after {_ms(example.elapsed_ms)}"
    return f"{example.method} {example.name} at {moment} UTC: {saw}."


def _nginx(example: Any) -> str | None:
    """None without a proxy.log."""
    if pd.isna(example.logged):
        return None
    if not example.logged:
        return "Nginx's log has no line of it."
    connected = "was not connected to"
    if not pd.isna(example.connect_ms):
        connected = f"was connected to in {_ms(example.connect_ms)}"
    status = "gave no status" if example.upstream_status in ("-", "") else f"gave {example.upstream_status}"
    took = _ms(example.nginx_ms)
    return f"Nginx logged {example.proxy_status} after {took}; the app server {connected} and {status}."


def _where(example: Any) -> str | None:
    """Where its time went, when it waited for long enough to ask."""
    return time_sentence(example) if example.elapsed_ms >= LONG_MS else None


def _sentence(words: str | None) -> str | None:
    return f"{words[0].upper()}{words[1:]}." if words else None


def _quoted(who: str, line: Any) -> str | None:
    return f"{who}: `{line}`." if isinstance(line, str) else None


def _ms(value: float) -> str:
    return f"{number(value)} ms"
