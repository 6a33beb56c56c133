"""The site's settings with a middleware that is synchronous only: under ASGI each request changes threads for it."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

MIDDLEWARE = [*MIDDLEWARE, "tests.faulty.synchronous.middleware"]


def middleware(get_response):
    return get_response
