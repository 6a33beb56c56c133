"""HTTP on loopback, past every proxy: urllib takes one from the environment, or from macOS's settings, unless told."""

from __future__ import annotations

import urllib.request


def opener(*handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    """Opens addresses of this machine, with urllib's handlers and these."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), *handlers)
