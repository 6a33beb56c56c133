"""What happened, in its order, in whatever thread."""

from contextlib import contextmanager
from unittest.mock import patch

HAPPENED = []


def happened(what, where=None):
    HAPPENED.append((what, where))


def names():
    return [what for what, _ in HAPPENED]


def places(what):
    return [where for name, where in HAPPENED if name == what]


@contextmanager
def calls(of, method):
    """A list that grows with each call of a class's method."""
    seen, original = [], getattr(of, method)

    def counted(self, *arguments, **named):
        seen.append(self)
        return original(self, *arguments, **named)

    with patch.object(of, method, counted):
        yield seen
