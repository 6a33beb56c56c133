"""The project's applications, wrapped: each request's id is known to the log, each answer names the process that gave
it (Nginx logs that and keeps it from clients), and READY_PATH is answered.

Nothing is added to MIDDLEWARE, and no request changes threads for it.
"""

import contextlib
import importlib
import os
from typing import Any

from . import counting, logs, ready, spec

WORKER = "X-Worker"
REQUEST_ID = "X-Request-ID"

STARTS = {"http": "http.response.start", "websocket": "websocket.accept"}
"""The message that begins an answer, by the type of a connection that has one."""


class BypassedError(Exception):
    """The project goes past what the run sets, so that it does not hold."""


def wsgi():
    application = _application("wsgi")

    def answering(environ, start_response):
        if environ["PATH_INFO"] == spec.READY_PATH:
            status, text = ready.answer("wsgi")
            start_response(f"{status} {'OK' if status == ready.READY else 'Service Unavailable'}", _json_headers())
            return [text.encode()]
        logs.request_id.set(environ.get("HTTP_X_REQUEST_ID", "-"))

        def start(status, headers, exc_info=None):
            return start_response(status, [*headers, (WORKER, str(os.getpid()))], exc_info)

        return application(environ, start)

    return answering


def asgi():
    from asgiref.sync import sync_to_async

    application = _application("asgi")

    async def answering(scope, receive, send):
        if scope["type"] not in STARTS:
            await application(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"] == spec.READY_PATH:
            status, text = await sync_to_async(ready.answer, thread_sensitive=True)("asgi")
            headers = [(name.lower().encode(), value.encode()) for name, value in _json_headers()]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": text.encode()})
            return
        wanted = REQUEST_ID.lower().encode()
        given = next((value for name, value in scope["headers"] if name == wanted), b"-")
        logs.request_id.set(given.decode("latin-1"))

        def sending(message):
            if message["type"] == STARTS[scope["type"]]:
                worker = (WORKER.lower().encode(), str(os.getpid()).encode())
                message = {**message, "headers": [*message.get("headers", ()), worker]}
            return send(message)

        await application(scope, receive, sending)

    return answering


def _application(interface):
    """The project's, or Django's where it has none; raises BypassedError."""
    chosen = spec.read()
    if chosen.counted:
        counting.install()
    with _bridged(chosen, interface):
        application = _found(chosen.applications, interface)
    if chosen.settings:
        from django.conf import settings

        if settings.SETTINGS_MODULE != "gatebench_inside.settings":
            raise BypassedError(f"{chosen.applications.get(interface)} sets DJANGO_SETTINGS_MODULE outright")
    logs.listen(chosen.log)
    return application


@contextlib.contextmanager
def _bridged(chosen, interface):
    """Meanwhile django.core.asgi.get_asgi_application is the bridge's; raises BypassedError where nobody called it."""
    if interface == "wsgi" or chosen.bridge is None:
        yield
        return
    bridge = importlib.import_module(chosen.bridge)  # first, as it may import Django's own
    django_asgi: Any = importlib.import_module("django.core.asgi")
    shipped, made = django_asgi.get_asgi_application, []

    def get_asgi_application():
        made.append(bridge.get_asgi_application(**chosen.bridge_options))
        return made[-1]

    django_asgi.get_asgi_application = get_asgi_application
    try:
        yield
    finally:
        django_asgi.get_asgi_application = shipped
    if not made:
        name = chosen.applications["asgi"]
        raise BypassedError(f"{name} does not call django.core.asgi.get_asgi_application, so there is no bridge")


def _found(applications, interface):
    if interface in applications:
        module, _, name = applications[interface].partition(":")
        return getattr(importlib.import_module(module), name or "application")
    for other in applications.values():  # it may load what the settings need, such as a .env file
        importlib.import_module(other.partition(":")[0])
    if interface == "wsgi":
        from django.core.wsgi import get_wsgi_application as made
    else:
        from django.core.asgi import get_asgi_application as made
    return made()


def _json_headers():
    return [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
