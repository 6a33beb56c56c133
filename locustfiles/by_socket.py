"""Those of live.py, who watch by a WebSocket. Not named socket.py, which would hide Python's own."""

import live  # the locustfile beside this one
from gatebench.load.web_socket import WebSocketStream


class Watcher(live.Watcher):
    stream_class = WebSocketStream

    def path(self, poll: int) -> str:
        return f"/live/socket/{poll}/"


class Voter(live.Voter):
    """Votes by the same pages."""
