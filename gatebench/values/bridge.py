"""A Bridge: how synchronous Django code runs under ASGI."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bridge:
    """A module of bridges/src/django_bridges, whose `get_asgi_application` takes the place of Django's."""

    name: str  # the module's, with hyphens
    threads: bool = True  # it is told how many there are: the Footing's, as a WSGI server is
    keeps_threads: bool = False  # so that connections to a database can be kept too
    packages: tuple[str, ...] = ()  # that it needs beside Django

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")
