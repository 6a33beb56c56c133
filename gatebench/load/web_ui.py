"""Locust's web UI with a tab more: /gatebench, which shows the run as it goes. There is nothing to press.

Locust's own tabs show plain tables only. So its tab "Gatebench" leads to a page of our own in the same server.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
from flask import request
from locust.env import Environment
from locust.web import WebUI

from gatebench.load.view import view
from gatebench.records import Run
from gatebench.so_far import SoFar

HTML = Path(__file__).with_name("gatebench.html")

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


LOOKS_S = 2.0
"""A page that is open looks more often than that."""


@dataclass(slots=True)
class Page:
    """The web UI with our tab. It listens once it is served, or soon after."""

    run: Run
    so_far: SoFar
    web_ui: WebUI
    looked: float = -math.inf  # when somebody last did

    @classmethod
    def serve(cls, environment: Environment, host: str, run: Run, so_far: SoFar) -> Page:
        web_ui = environment.create_web_ui(host, so_far.config.ui_port, delayed_start=True)
        web_ui.template_args["extended_tabs"] = [TAB]
        page, text = cls(run, so_far, web_ui), HTML.read_text()
        web_ui.app.add_url_rule("/gatebench", "gatebench", lambda: text)
        web_ui.app.add_url_rule("/gatebench/now", "gatebench now", page.now)
        web_ui.app.after_request(_with_tab)
        web_ui.start()
        return page

    def now(self) -> dict[str, Any]:
        self.looked = time.monotonic()
        return view(self.run, self.so_far)

    def stop(self) -> None:
        """Lets whoever watches look once more, at the end; waits for nobody else."""
        ended = time.monotonic()
        if ended - self.looked < LOOKS_S:
            while self.looked < ended and time.monotonic() < ended + LOOKS_S:
                gevent.sleep(0.05)
            gevent.sleep(0.05)  # for the answer to be sent
        self.web_ui.stop()


def _with_tab(answer: Any) -> Any:
    if request.path == "/":
        answer.data = answer.data.replace(b"</body>", LEAD_THERE + b"</body>")
    return answer
