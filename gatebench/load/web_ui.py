"""Locust's web UI with a tab more: /gatebench, which shows the run as it goes. There is nothing to press.

Locust's own tabs show plain tables only. So its tab "Gatebench" leads to a page of our own in the same server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import request
from locust.env import Environment
from locust.web import WebUI

from gatebench.load.view import view
from gatebench.records import Run
from gatebench.so_far import SoFar

PAGE = Path(__file__).with_name("gatebench.html")

TAB = {"title": "Gatebench", "key": "gatebench"}
LEAD_THERE = b"""
<script>
  const there = () => location.assign("gatebench");
  addEventListener("click", (event) => {
    if (event.target.closest("[role=tab]")?.textContent === "Gatebench") { event.stopPropagation(); there(); }
  }, true);
  if (new URLSearchParams(location.search).get("tab") === "gatebench") there();
</script>
"""
"""Beside Locust's own script, which knows no tab that leads elsewhere."""


def web_ui_of(environment: Environment, host: str, run: Run, so_far: SoFar) -> WebUI:
    """Listens when it returns, or soon after."""
    web_ui = environment.create_web_ui(host, so_far.config.ui_port, delayed_start=True)
    web_ui.template_args["extended_tabs"] = [TAB]
    page = PAGE.read_text()
    web_ui.app.add_url_rule("/gatebench", "gatebench", lambda: page)
    web_ui.app.add_url_rule("/gatebench/now", "gatebench now", lambda: view(run, so_far))
    web_ui.app.after_request(_with_tab)
    web_ui.start()
    return web_ui


def _with_tab(answer: Any) -> Any:
    if request.path == "/":
        answer.data = answer.data.replace(b"</body>", LEAD_THERE + b"</body>")
    return answer
