"""HTTP clients with one face: `get` gives the status and the body, or raises NotAnsweredError.

They keep their connections, and open as many as there are requests at once. Each imports its library when it is made:
a process has the one that it uses.
"""

import asyncio
import contextlib
import functools
import importlib
import ssl


class NotAnsweredError(Exception):
    """Why there is no answer that can be used, as the end of a sentence."""


TOO_SLOW = "did not answer in time"
REFUSED = "refused the connection"
BROKE_OFF = "broke off"


class HttpxThreads:
    """For synchronous views: one for all threads of a process, as httpx allows."""

    def __init__(self):
        self._httpx = importlib.import_module("httpx")
        self._client = self._httpx.Client(limits=unlimited(self._httpx), verify=tls(), trust_env=False)

    def get(self, url, headers, timeout_s):
        with troubles_of(self._httpx):
            response = self._client.get(url, headers=headers, timeout=timeout_s)
            return response.status_code, response.content


class Httpx:
    library = "httpx"

    def __init__(self):
        self._httpx = importlib.import_module(self.library)
        self._client = self._httpx.AsyncClient(limits=unlimited(self._httpx), verify=tls(), trust_env=False)

    async def get(self, url, headers, timeout_s):
        """All of it within that time, as aiohttp has it; httpx' own timeout is for each part: connecting, reading."""
        try:
            with troubles_of(self._httpx):
                async with asyncio.timeout(timeout_s):
                    response = await self._client.get(url, headers=headers, timeout=None)
                    return response.status_code, response.content
        except TimeoutError:
            raise NotAnsweredError(TOO_SLOW) from None

    async def close(self):
        await self._client.aclose()


class Httpx2(Httpx):
    library = "httpx2"


class Aiohttp:
    def __init__(self):
        self._aiohttp = importlib.import_module("aiohttp")
        self._session = self._aiohttp.ClientSession(connector=self._aiohttp.TCPConnector(limit=0))

    async def get(self, url, headers, timeout_s):
        timeout = self._aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._session.get(url, headers=headers, timeout=timeout) as response:
                return response.status, await response.read()
        except TimeoutError:
            raise NotAnsweredError(TOO_SLOW) from None
        except self._aiohttp.ClientConnectorError:
            raise NotAnsweredError(REFUSED) from None
        except self._aiohttp.ClientError:
            raise NotAnsweredError(BROKE_OFF) from None

    async def close(self):
        await self._session.close()


@functools.cache
def tls():
    """One for all clients of a process: httpx makes it anew for each, which takes longer than a request."""
    return ssl.create_default_context()


ASYNCHRONOUS = {"httpx": Httpx, "httpx2": Httpx2, "aiohttp": Aiohttp}


def unlimited(httpx):
    return httpx.Limits(max_connections=None, max_keepalive_connections=None)


@contextlib.contextmanager
def troubles_of(httpx):
    try:
        yield
    except httpx.TimeoutException:
        raise NotAnsweredError(TOO_SLOW) from None
    except httpx.ConnectError:
        raise NotAnsweredError(REFUSED) from None
    except httpx.HTTPError:
        raise NotAnsweredError(BROKE_OFF) from None
