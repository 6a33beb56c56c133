"""A server of forty lines: `python -m tests.toys.server APPLICATION HOST PORT`, a thread a connection, one process."""

from __future__ import annotations

import importlib
import os
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """No access log."""


def main() -> None:
    module, _, name = sys.argv[1].partition(":")
    application = getattr(importlib.import_module(module), name)
    print(f"[toy] worker {os.getpid()} is here", flush=True)
    make_server(sys.argv[2], int(sys.argv[3]), application, Server, Quiet).serve_forever()


if __name__ == "__main__":
    main()
