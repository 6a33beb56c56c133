"""What a run sets in a project's settings, and why: pure functions of its settings, the run's spec and PG*.

| setting                                   | becomes                                                                  |
|-------------------------------------------|--------------------------------------------------------------------------|
| DATABASES["default"]                      | the run's PostgreSQL, with the project's engine if that is one for it    |
| DEBUG, SECRET_KEY                         | the run's: one fresh key for all processes                               |
| ALLOWED_HOSTS                             | the project's and those that Nginx asks by                               |
| SECURE_SSL_REDIRECT, …_COOKIE_SECURE, …   | as without TLS, which the load does not speak                            |
| EMAIL_BACKEND, backends of MAILERS        | Django's dummy: nobody gets mail                                         |
| STATIC_ROOT, MEDIA_ROOT                   | folders of the run, never the project's                                  |
"""

from collections.abc import Mapping
from typing import Any

from .spec import Spec

WITHOUT_TLS = {
    "SECURE_SSL_REDIRECT": False,
    "SECURE_HSTS_SECONDS": 0,
    "SESSION_COOKIE_SECURE": False,
    "CSRF_COOKIE_SECURE": False,
    "LANGUAGE_COOKIE_SECURE": False,
    "SESSION_COOKIE_DOMAIN": None,
    "CSRF_COOKIE_DOMAIN": None,
    "LANGUAGE_COOKIE_DOMAIN": None,
}

POSTGRESQL = "django.db.backends.postgresql"

KEPT_OF_DATABASE = ("ATOMIC_REQUESTS", "AUTOCOMMIT", "TIME_ZONE", "DISABLE_SERVER_SIDE_CURSORS", "OPTIONS", "TEST")

ELSEWHERE = ("pool", "service", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey")
"""Options that say where and how to connect: to another server than the run's."""

DUMMY_MAIL = "django.core.mail.backends.dummy.EmailBackend"


def overlaid(theirs: Mapping[str, Any], spec: Spec, environment: Mapping[str, str]) -> dict[str, Any]:
    """Name -> value of each setting that the run changes; those of `keep`, and those that are so already, are not."""
    wanted: dict[str, Any] = {
        "DEBUG": spec.debug,
        "SECRET_KEY": spec.secret_key,
        "ALLOWED_HOSTS": _hosts(theirs.get("ALLOWED_HOSTS", []), spec.hosts),
        "DATABASES": _databases(theirs.get("DATABASES") or {}, spec, environment),
        "STATIC_ROOT": spec.static_root,
        "MEDIA_ROOT": spec.media_root,
        **{name: value for name, value in WITHOUT_TLS.items() if name in theirs},
        **_mail(theirs),
    }
    return {name: value for name, value in wanted.items() if name not in spec.keep and theirs.get(name, ...) != value}


def _hosts(theirs: Any, ours: Any) -> Any:
    return theirs if "*" in theirs else [*theirs, *(name for name in ours if name not in theirs)]


def _databases(theirs: Mapping[str, Any], spec: Spec, environment: Mapping[str, str]) -> dict[str, Any]:
    """Only the default one is the run's: others stay where they are."""
    default = theirs.get("default") or {}
    engine = str(default.get("ENGINE", ""))
    if is_postgresql(engine):
        kept = {name: default[name] for name in KEPT_OF_DATABASE if name in default}
        kept["OPTIONS"] = {name: value for name, value in kept.get("OPTIONS", {}).items() if name not in ELSEWHERE}
    else:
        engine, kept = POSTGRESQL, {}
        kept = {name: default[name] for name in ("ATOMIC_REQUESTS", "AUTOCOMMIT", "TIME_ZONE") if name in default}
        kept["OPTIONS"] = {}
    if spec.db == "pool":
        # Of fixed size: one that grows would have the first seconds of every step pay for connecting.
        pool = {"min_size": spec.pool_size, "max_size": spec.pool_size, "timeout": spec.pool_timeout_s}
        kept["OPTIONS"] = {**kept["OPTIONS"], "pool": pool}
    if spec.db == "pgbouncer":
        # The next transaction may have another connection of PostgreSQL's, where the cursor is not.
        kept["DISABLE_SERVER_SIDE_CURSORS"] = True
    of_run = {
        "ENGINE": engine,
        "NAME": environment.get("PGDATABASE", ""),
        "HOST": environment.get("PGHOST", ""),
        "PORT": environment.get("PGPORT", ""),
        "USER": environment.get("PGUSER", ""),
        "PASSWORD": environment.get("PGPASSWORD", ""),
        "CONN_MAX_AGE": None if spec.db == "persistent" else 0,
        "CONN_HEALTH_CHECKS": False,
    }
    return {**theirs, "default": {**kept, **of_run}}


def is_postgresql(engine: str) -> bool:
    """Also PostGIS, and the wrappers that are named after either."""
    return any(word in engine.lower() for word in ("postgres", "postgis", "psql"))


def _mail(theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Of MAILERS (Django 6.1) only those that there are: an empty one means "no mail" to a project. Beside it Django
    allows no EMAIL_BACKEND.
    """
    if "MAILERS" not in theirs:
        return {"EMAIL_BACKEND": DUMMY_MAIL}
    return {"MAILERS": {name: {**one, "BACKEND": DUMMY_MAIL} for name, one in theirs["MAILERS"].items()}}
