"""Asks the shop's internal services over HTTP: what each offers a visitor, or None where it does not say.

No service is waited for longer than SHOP_TIMEOUT_S. Why one did not answer is a line in the log.
"""

import asyncio
import contextlib
import functools
import json
import logging

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest

from .clients import ASYNCHRONOUS, HttpxThreads, NotAnsweredError

NAMES = ("promotions", "recommendations")

logger = logging.getLogger("shop")

client_of_threads = functools.cache(HttpxThreads)
"""One for the process, once it is asked for."""

_clients = {}
"""Event loop -> its client. A client is of no use to another loop."""


def ask(request, name, visitor):
    try:
        return items(*client_of_threads().get(*question(request, name, visitor)))
    except NotAnsweredError as error:
        return without(name, error)


async def ask_async(client, request, name, visitor):
    try:
        return items(*await client.get(*question(request, name, visitor)))
    except NotAnsweredError as error:
        return without(name, error)


@contextlib.asynccontextmanager
async def client_for(request):
    """The asynchronous client that SHOP_CLIENT names.

    Under ASGI a process has one event loop, and its client is kept with its connections. Under WSGI each asynchronous
    view runs in an event loop of its own, and its client ends with it.
    """
    make = ASYNCHRONOUS[settings.SHOP_CLIENT]
    if isinstance(request, ASGIRequest):
        loop = asyncio.get_running_loop()
        if loop not in _clients:
            _clients.clear()
            _clients[loop] = make()
        yield _clients[loop]
        return
    client = make()
    try:
        yield client
    finally:
        await client.close()


def question(request, name, visitor):
    """Address, headers and patience. A service gets the id of the visitor's request too, where it has one."""
    request_id = request.headers.get("X-Request-ID")
    headers = {"X-Request-ID": request_id} if request_id else {}
    return f"{settings.SHOP_SERVICES}/{name}/{visitor}", headers, settings.SHOP_TIMEOUT_S


def items(status, body):
    """What is offered, a list of names; raises NotAnsweredError for any other answer."""
    if status != 200:
        raise NotAnsweredError(f"answered {status}")
    try:
        offered = json.loads(body)["items"]
    except (ValueError, TypeError, KeyError):
        offered = None
    if not isinstance(offered, list) or not all(isinstance(item, str) for item in offered):
        raise NotAnsweredError("answered nonsense")
    return offered


def without(name, error):
    logger.warning("Service %s %s.", name, error)
