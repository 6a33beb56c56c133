"""How a process gets its connections to PostgreSQL: by a pool, persistent, or a new one for each request.

| POLLS_DB    | driver    | connections                                                                          |
|-------------|-----------|--------------------------------------------------------------------------------------|
| pool        | psycopg 3 | POLLS_DB_POOL_SIZE a process, opened at the first query and lent to one request each |
| persistent  | psycopg2  | one a thread, kept for as long as the thread lives                                   |
| per-request | psycopg2  | one a request, opened by its first query and closed at its end                       |
"""

import sys

from . import environment

WAYS = ("pool", "persistent", "per-request")


def default_database(way):
    """The settings of DATABASES["default"], from libpq's own variables and POLLS_DB_POOL_*."""
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": environment.text("PGDATABASE", "polls"),
        "CONN_MAX_AGE": None if way == "persistent" else 0,
        "CONN_HEALTH_CHECKS": False,
        # libpq reads these by itself too. They are here so that Django's messages and `dbshell` know them.
        "HOST": environment.text("PGHOST", ""),
        "PORT": environment.text("PGPORT", ""),
        "USER": environment.text("PGUSER", ""),
        "PASSWORD": environment.text("PGPASSWORD", ""),
    }
    if way == "pool":
        database["OPTIONS"] = {"pool": pool_options()}
    return database


def pool_options():
    # A pool of fixed size: one that grows would have the first seconds of every step pay for connecting.
    size = environment.positive_int("POLLS_DB_POOL_SIZE", 8)
    return {
        "min_size": size,
        "max_size": size,
        "timeout": environment.positive_seconds("POLLS_DB_POOL_TIMEOUT", 10),
    }


def choose_driver(way):
    """Make Django's PostgreSQL backend load psycopg 3 for the pool and psycopg2 for the other ways.

    Must run before the backend is imported, so settings.py calls it.
    """
    if way != "pool":
        # The backend tries `import psycopg` first and takes psycopg2 only when that fails; there is no setting for it.
        # None in sys.modules is Python's documented way to make an import fail.
        sys.modules["psycopg"] = None
