"""PostgreSQL's sessions."""

from django.db import connection


def end_other_sessions():
    """Those that threads keep would keep the test database from being removed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
