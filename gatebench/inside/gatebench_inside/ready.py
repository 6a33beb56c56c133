"""Whether this process can serve, and what it is made of: the answer to READY_PATH, as (status, JSON text)."""

import json
import platform

from . import counting, spec

READY, NOT_READY = 200, 503


def answer(interface):
    """503 with the reason while PostgreSQL does not answer. It asks the database: not for the event loop.

    An application without settings of the run's may have no database, and need not be Django's: once it is loaded, it
    can serve.
    """
    if spec.read().settings is None:
        return READY, json.dumps({"ready": True, "interface": interface, "python": platform.python_version()})
    from django.db import Error, connection

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        database = "PostgreSQL " + ".".join(str(part) for part in connection.get_database_version())
    except Error as error:
        return NOT_READY, json.dumps({"ready": False, "reason": _reason(error)})
    finally:
        connection.close()  # or, of a pool, given back: no request ends here that would do it
    return READY, json.dumps({"ready": True, "interface": interface, **_facts(), "database": database})


def _facts():
    import django
    from django.conf import settings
    from django.db import connection

    return {
        "python": platform.python_version(),
        "django": django.get_version(),
        "driver": _driver(connection.Database),
        "db": settings.GATEBENCH_DB,
        "debug": settings.DEBUG,
        "settings changed": sorted(settings.GATEBENCH_OVERLAID),
        "synchronous middleware": synchronous_middleware(settings.MIDDLEWARE),
        **({"counts": counting.read()} if spec.read().counted else {}),
    }


def synchronous_middleware(paths):
    """Those that an asynchronous request changes threads for."""
    from django.utils.module_loading import import_string

    return [path for path in paths if not getattr(import_string(path), "async_capable", False)]


def _driver(module):
    """As "psycopg 3.3.9 (c)" or "psycopg2 2.9.13"."""
    version = module.__version__.split()[0]
    if module.__name__ == "psycopg2":
        return f"psycopg2 {version}"
    return f"psycopg {version} ({module.pq.__impl__})"


def _reason(error):
    # The first line is libpq's reason; those after it are its advice.
    lines = str(error).splitlines() or [type(error).__name__]
    return f"The database does not answer: {lines[0].strip().rstrip('.')}."
