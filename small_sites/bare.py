"""The least that either interface can serve, without Django: what a server costs by itself.

It answers what polls_site's hello page answers, to the byte.
"""

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Hello</title></head>
<body><h1>Hello, visitor {visitor}.</h1></body>
</html>
"""


def wsgi(environ, start_response):
    body = page(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError(f"This speaks HTTP and not {scope['type']}.")
    body = page(scope["path"])
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def page(path):
    """The greeting for /hello/bare/7/."""
    return PAGE.format(visitor=int(path.split("/")[3])).encode()
