"""What a project is: found by running its manage.py as far as Django, in its own interpreter, without any command."""

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
import runpy
import sys
from pathlib import Path

WANTED = (
    "django",
    "asgiref",
    "psycopg",
    "psycopg-pool",
    "psycopg2",
    "psycopg2-binary",
    "channels",
    "gunicorn",
    "uvicorn",
)


def probe(manage="manage.py"):
    """A JSON-like dict: settings, applications by interface, django, python, packages, engine, static_url, media_url,
    pages (those that may be visited without arguments, each with whether it asks for a login), forgetful (whether its
    sessions are in a cache that each process has for itself).
    """
    settings_module = settings_of(manage)
    import django

    django.setup()
    from django.conf import settings

    return {
        "settings": settings_module,
        "applications": applications(settings),
        "python": platform.python_version(),
        "django": django.get_version(),
        "packages": versions(WANTED),
        "installed": installed(),
        "engine": settings.DATABASES.get("default", {}).get("ENGINE", ""),
        "static_url": settings.STATIC_URL,
        "media_url": settings.MEDIA_URL,
        "forgetful": forgetful(settings),
        "apps": list(settings.INSTALLED_APPS),
        "pages": list(pages()),
    }


def settings_of(manage):
    """The settings module that manage.py sets, or that the environment has already."""
    import django.core.management

    sys.path.insert(0, str(Path(manage).resolve().parent))
    django.core.management.execute_from_command_line = lambda *_: None
    sys.argv = [manage, "check"]
    runpy.run_path(manage, run_name="__main__")
    return os.environ.get("DJANGO_SETTINGS_MODULE")


def applications(settings):
    """Interface -> module:name of those that the project has beside its settings."""
    found = {}
    package = settings.SETTINGS_MODULE.partition(".")[0]
    for interface in ("wsgi", "asgi"):
        named = getattr(settings, f"{interface.upper()}_APPLICATION", None)
        path = named or f"{package}.{interface}.application"
        module, _, name = path.rpartition(".")
        with contextlib.suppress(ImportError):  # of the package above it
            if importlib.util.find_spec(module):  # what is wrong inside it is told when it is to be served
                found[interface] = f"{module}:{name}"
    return found


def forgetful(settings):
    engine = settings.SESSION_ENGINE
    cache = settings.CACHES.get(settings.SESSION_CACHE_ALIAS, {}).get("BACKEND", "")
    return engine.endswith(".cache") and cache.endswith(("LocMemCache", "DummyCache"))


def installed():
    """Package -> version of all that this environment has."""
    return {one.metadata["Name"]: one.version for one in importlib.metadata.distributions() if one.metadata["Name"]}


def versions(names):
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def pages():
    """(path, name, login) of each URL without arguments that is not the admin's."""
    from django.urls import URLResolver, get_resolver

    def below(patterns, prefix, namespaces):
        for pattern in patterns:
            route = prefix + simple(str(pattern.pattern))
            if isinstance(pattern, URLResolver):
                if pattern.namespace != "admin":
                    inner = namespaces + ([pattern.namespace] if pattern.namespace else [])
                    yield from below(pattern.url_patterns, route, inner)
            elif is_plain(route):
                name = ":".join([*namespaces, pattern.name or route])
                yield {"path": f"/{route}", "name": name, "login": asks_for_login(pattern.callback)}

    yield from below(get_resolver().url_patterns, "", [])


def simple(pattern):
    """A route, or a regular expression as the path that it alone matches."""
    return pattern.lstrip("^").rstrip("$").replace(r"\Z", "").replace("\\", "")


def is_plain(route):
    return not any(character in route for character in "<>()[]*+?|")


def asks_for_login(view):
    """As far as decorators and mixins of Django's tell."""
    view_class = getattr(view, "view_class", None)
    if view_class is not None:
        return any(one.__name__ in ("LoginRequiredMixin", "PermissionRequiredMixin") for one in view_class.__mro__)
    return "user_passes_test" in getattr(getattr(view, "__code__", None), "co_qualname", "") or hasattr(
        view, "__wrapped__"
    )
