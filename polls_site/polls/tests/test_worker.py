import os

from config import worker
from django.test import SimpleTestCase

PID = str(os.getpid())


def page(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"page"]


async def async_page(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"page"})


class Worker(SimpleTestCase):
    def test_a_wsgi_answer_names_the_process_and_keeps_what_it_had(self):
        told = []
        body = worker.wsgi(page)({}, lambda *answer: told.append(answer))
        self.assertEqual(told, [("200 OK", [("Content-Type", "text/plain"), ("X-Worker", PID)], None)])
        self.assertEqual(body, [b"page"])

    async def test_an_asgi_answer_names_the_process_and_keeps_what_it_had(self):
        sent = []

        async def send(message):
            sent.append(message)

        await worker.asgi(async_page)({"type": "http"}, None, send)
        self.assertEqual(sent[0]["headers"], [(b"content-type", b"text/plain"), (b"x-worker", PID.encode())])
        self.assertEqual(sent[1:], [{"type": "http.response.body", "body": b"page"}])

    def test_both_applications_do_so(self):
        from config import asgi, wsgi

        self.assertEqual(wsgi.application.__qualname__, "wsgi.<locals>.answering")
        self.assertEqual(asgi.application.__qualname__, "asgi.<locals>.answering")
