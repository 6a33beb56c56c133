"""X-Worker: which process answered, as its id. Nginx logs it and keeps it from clients (nginx/nginx.conf.template)."""

import os

NAME = "X-Worker"


def wsgi(application):
    """The application, each of whose answers names the process that made it."""

    def answering(environ, start_response):
        def start(status, headers, exc_info=None):
            return start_response(status, [*headers, (NAME, str(os.getpid()))], exc_info)

        return application(environ, start)

    return answering


def asgi(application):
    """The same for ASGI, in the event loop and without a task of its own."""

    async def answering(scope, receive, send):
        def sending(message):
            if message["type"] == "http.response.start":
                worker = (NAME.lower().encode(), str(os.getpid()).encode())
                message = {**message, "headers": [*message.get("headers", ()), worker]}
            return send(message)

        await application(scope, receive, sending)

    return answering
