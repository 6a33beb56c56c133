"""What each bridge takes beside the view: CPU time per request of Django's default middleware and a view that does
nothing, sent to the ASGI application itself, without a server or a database.

Every bridge is asked in turns, in one process. Prints the median of the rounds and its ratio to Django's own handler,
from the lowest to the highest of the rounds.

    cd bridges && PYTHONPATH=src python benchmark.py [--rounds 9] [--requests 400] [--at-once 8]
"""

import argparse
import asyncio
import statistics
import time
from importlib import import_module

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path

SHIPPED = "as shipped"
BRIDGES = ("limit", "reused", "sync_middleware", "both", "one_hop", "wsgi")
WITH_THREADS = {"limit", "reused", "both", "one_hop", "wsgi"}
THREADS = 8


def nothing(_request):
    return HttpResponse("nothing")


urlpatterns = [path("", nothing)]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"localhost")],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
}


async def ask(application):
    """One request; raises RuntimeError where it is not answered with 200."""
    sent = []
    body = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        if not body:
            await asyncio.Event().wait()  # the client stays
        return body.pop()

    async def send(message):
        sent.append(message)

    await application(dict(SCOPE), receive, send)
    if sent[0].get("status") != 200:
        raise RuntimeError(f"the application answered {sent[0]}")


async def cost(application, requests, at_once):
    """Seconds of CPU per request."""
    left = iter(range(requests))

    async def client():
        for _ in left:
            await ask(application)

    began = time.process_time()
    await asyncio.gather(*(client() for _ in range(at_once)))
    return (time.process_time() - began) / requests


def applications():
    found = {SHIPPED: get_asgi_application()}
    for name in BRIDGES:
        options = {"threads": THREADS} if name in WITH_THREADS else {}
        found[name] = import_module(f"django_bridges.{name}").get_asgi_application(**options)
    return found


async def measured(rounds, requests, at_once):
    """By bridge, the cost in each round. The first round warms up, and is left out."""
    found = applications()
    costs = {name: [] for name in found}
    for n in range(rounds + 1):
        for name, application in found.items():
            took = await cost(application, requests, at_once)
            costs[name] += [took] * (n > 0)
    return costs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--at-once", type=int, default=8)
    arguments = parser.parse_args()
    settings.configure(
        SECRET_KEY="only for this benchmark",
        ALLOWED_HOSTS=["localhost"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=MIDDLEWARE,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    )
    django.setup()
    costs = asyncio.run(measured(arguments.rounds, arguments.requests, arguments.at_once))
    for name, each in costs.items():
        ratios = sorted(own / shipped for own, shipped in zip(each, costs[SHIPPED], strict=True))
        print(
            f"{name:16}{1e6 * statistics.median(each):7,.0f} µs of CPU per request, {statistics.median(ratios):.2f} "
            f"times ({ratios[0]:.2f} to {ratios[-1]:.2f}) Django's own"
        )


if __name__ == "__main__":
    main()
