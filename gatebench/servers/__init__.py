"""The app servers, a file each. A new file with a Server in it is a new value of the knob SERVER."""

from __future__ import annotations

from gatebench.registry import found
from gatebench.values.server import Server

SERVERS = found(__name__, __path__, Server)

DEFAULTS = {server.interface: server.name for server in SERVERS.values() if server.is_default}
"""The server that an interface is measured on when none is named."""
