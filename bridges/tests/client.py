"""A client without a server: what an application sends for a request, in an event loop of the test's own."""

import asyncio
import time
from dataclasses import dataclass
from functools import wraps

PATIENCE_S = 10
"""Until what does not come is a mistake."""


@dataclass
class Answer:
    status: int
    headers: dict
    parts: list

    @property
    def text(self):
        return b"".join(self.parts).decode()


class Asked:
    """A request that an application has been given, with the parts of its body. Its client takes messages one by one,
    and `buffer` of them may wait for that, without a limit where it is 0.
    """

    def __init__(self, application, path, method="GET", body=(b"",), headers=(), root_path="", buffer=0):
        path, _, query = path.partition("?")
        length = sum(map(len, body))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "http",
            "server": ("testserver", 80),
            "client": ("127.0.0.1", 50000),
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": root_path,
            "query_string": query.encode(),
            "headers": [(b"host", b"testserver"), (b"content-length", str(length).encode()), *headers],
        }
        self._received, self._sent = asyncio.Queue(), asyncio.Queue(buffer)
        for number, part in enumerate(body, start=1):
            self._received.put_nowait({"type": "http.request", "body": part, "more_body": number < len(body)})
        self.serving = asyncio.ensure_future(application(scope, self._received.get, self._sent.put))

    def sends_more(self, part):
        self._received.put_nowait({"type": "http.request", "body": part, "more_body": True})

    async def next(self):
        """The next message of the answer; raises what the application raises."""
        coming = asyncio.ensure_future(self._sent.get())
        await asyncio.wait({coming, self.serving}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if not coming.done() and self._sent.empty():
            coming.cancel()
            self.serving.result()
            raise AssertionError("it ended without an answer")
        return await coming

    async def answer(self):
        """All of it; the application has ended then."""
        start = await self.next()
        parts = [await self.next()]
        while parts[-1].get("more_body"):
            parts.append(await self.next())
        await self.end()
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], headers, [body for part in parts if (body := part.get("body", b""))])

    def hangs_up(self):
        self._received.put_nowait({"type": "http.disconnect"})

    async def leaves(self):
        """The application has ended then."""
        self.hangs_up()
        await self.end()

    async def end(self):
        """Raises what the application raises."""
        await asyncio.wait_for(self.serving, PATIENCE_S)


async def get(application, path, **how):
    return await Asked(application, path, **how).answer()


def in_a_loop(claim):
    """A test that is asynchronous; Django's own way would lend its thread to what it calls."""

    @wraps(claim)
    def test(self, *arguments):
        asyncio.run(claim(self, *arguments))

    return test


async def until(true):
    """Waits until something holds."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < PATIENCE_S, "it never came"
        await asyncio.sleep(0.001)
