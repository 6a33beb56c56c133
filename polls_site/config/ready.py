"""/ready/: says whether this process can serve a poll, and what it is made of."""

import platform

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import Error, connection
from django.db.backends.postgresql.psycopg_any import is_psycopg3
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@never_cache
@require_safe
def ready(request):
    """200 with the versions really loaded, or 503 with the reason when PostgreSQL does not answer.

    With POLLS_DB=pool the 503 takes POLLS_DB_POOL_TIMEOUT: the pool goes on trying to connect for that long.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        database = "PostgreSQL " + ".".join(str(part) for part in connection.get_database_version())
    except Error as error:
        return JsonResponse({"ready": False, "reason": reason(error)}, status=503)
    return JsonResponse(
        {
            "ready": True,
            "interface": "asgi" if isinstance(request, ASGIRequest) else "wsgi",
            "python": platform.python_version(),
            "django": django.get_version(),
            "driver": driver(),
            "database": database,
            "db": settings.DB,
            "vote": settings.VOTE,
            "debug": settings.DEBUG,
        }
    )


def reason(error):
    # The first line is libpq's reason; those after it are its advice.
    lines = str(error).splitlines() or [type(error).__name__]
    return f"The database does not answer: {lines[0].strip().rstrip('.')}."


def driver():
    """ "psycopg 3.3.9" or "psycopg2 2.9.13": the module that Django's backend has loaded."""
    version = connection.Database.__version__.split()[0]
    return f"psycopg {version}" if is_psycopg3 else f"psycopg2 {version}"
