"""report.html: the list of its sections, and the document around them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from gatebench.analysis.comparing.sides import Side
from gatebench.analysis.comparing.verdict import Verdict
from gatebench.analysis.showing.page.again import again
from gatebench.analysis.showing.page.answer import answer, headline
from gatebench.analysis.showing.page.audited import fairness, ledger, validity
from gatebench.analysis.showing.page.causes import causes
from gatebench.analysis.showing.page.failed import failed
from gatebench.analysis.showing.page.html import Content, Markup, prose, tag
from gatebench.analysis.showing.page.measured import cpu, latency, steps, throughput, updates
from gatebench.analysis.showing.page.seconds import second_by_second
from gatebench.analysis.showing.page.subject import Page, Part, Subject, subject
from gatebench.analysis.showing.page.tables import table_of
from gatebench.analysis.showing.report import Section

HERE = Path(__file__).parent


def gates(about: Subject) -> Part | None:
    told = about.told.get("Gates")
    if told is None:
        return None
    table = told.tables[0][1]
    missed = sum(line[-1] != "pass" for line in table.rows)
    finding = f"{missed} of {len(table.rows)} are not passed" if missed else "All are passed"
    return Part(
        "gates", "Gates", finding, [tag("p", told.intro, class_="small"), table_of(table, "Gates", hidden=True)]
    )


REPORT: Page = (
    gates, failed, latency, updates, throughput, cpu, steps, causes, second_by_second, validity, fairness, ledger,
    again,
)  # fmt: skip
"""The sections below the answer, in their order. Another page is another list of such functions."""


def report_page(sides: Sequence[Side], verdicts: Sequence[Verdict], told: Sequence[Section]) -> str:
    """The whole document. `told` is the report as report.md has it."""
    about = subject(sides, verdicts, told)
    parts = [part for section in REPORT if (part := section(about)) is not None]
    return document(headline(about), answer(about), parts, about.told["What was measured"].intro)


def document(title: str, opening: Sequence[Markup], parts: Sequence[Part], footer: str) -> str:
    """One file: nothing is loaded, and nothing but its own script may run."""
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
    links = [tag("a", part.topic, href=f"#{part.id}") for part in parts]
    body: Content = [
        tag("header", opening, tag("nav", links, aria_label="On this page")),
        tag("main", [part.html() for part in parts]),
        tag(
            "footer",
            tag(
                "div",
                tag("p", prose(footer)),
                tag("p", "Made by Gatebench from tables/*.csv, which stand beside this file."),
            ),
        ),
        tag("script", Markup(script)),
    ]
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        tag("title", f"{title} – Gatebench"),
        tag("link", rel="icon", href="data:,"),
        tag("style", Markup(style)),
    ]
    return f"<!DOCTYPE html>\n{tag('html', tag('head', head), tag('body', body), lang='en')}\n"


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
