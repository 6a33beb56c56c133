"""LOGGING: what fails is written to stderr, with its traceback and request id; nothing is written for each request."""

import logging


class RequestId(logging.Filter):
    """Gives every record a request_id: the X-Request-ID header of the request it is about, or "-" without one."""

    def filter(self, record):
        headers = getattr(getattr(record, "request", None), "headers", None) or {}
        record.request_id = headers.get("X-Request-ID", "-")
        return True


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "config.logs.RequestId"}},
    "formatters": {
        "error": {
            "format": "{asctime} {levelname} {name} pid={process} request_id={request_id} {message}",
            "style": "{",
        },
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "filters": ["request_id"], "formatter": "error"},
    },
    # The root hears psycopg.pool too, which says there why PostgreSQL refused a connection.
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        # Django's own handlers print only with DEBUG on, or send mail.
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        # From ERROR up: every 404 would be a line otherwise.
        "django.request": {"level": "ERROR"},
    },
}
