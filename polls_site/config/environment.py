"""Settings read from environment variables: one function a kind of value.

A missing variable and an empty one are the same, because a compose file that passes a variable on passes "" when it
is unset. A bad value raises ImproperlyConfigured with one sentence that names the variable and what it may be.
"""

import os

from django.core.exceptions import ImproperlyConfigured


def text(name, default=None):
    return os.environ.get(name) or default


def secret(name):
    value = os.environ.get(name)
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set: give it a long random string, for example with "
            f"export {name}=$(python -c 'import secrets; print(secrets.token_urlsafe(50))')."
        )
    return value


def flag(name, default):
    """True or False, from "1" or "0"."""
    return choice(name, ("0", "1"), default="1" if default else "0") == "1"


def choice(name, allowed, default):
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}: set it to {' or '.join(allowed)}.")
    return value


def some_of(name, allowed):
    """A list, from a string with commas; empty when it is not set."""
    chosen = names(name, default="")
    if unknown := [one for one in chosen if one not in allowed]:
        raise ImproperlyConfigured(f"{name} names {unknown[0]!r}: there are {', '.join(allowed)}.")
    return chosen


def number(name, default):
    value = text(name, default)
    try:
        return float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}: set it to a number, such as {default}.") from None


def names(name, default):
    """A list, from a string with commas."""
    return [item.strip() for item in text(name, default).split(",") if item.strip()]
