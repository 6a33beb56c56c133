"""What a stack tells its programs by environment variables: the same names and values, natively and in containers."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Mapping

from gatebench.config import RunConfig, parse_environment, without_secrets

_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
_OF_DOCKER = ("DOCKER_", "BUILDKIT_", "BUILDX_", "XDG_", "SSH_")
_OF_A_REMOTE_ENGINE = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def inherited() -> dict[str, str]:
    """All that programs of the stack take over from the shell: nothing else there can change what is measured."""
    return {name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith("LC_")}


def docker_environment() -> dict[str, str]:
    """`inherited`, and what Docker's client finds its engine by. No container sees it."""
    by_name = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_OF_DOCKER) or name.upper() in _OF_A_REMOTE_ENGINE
    }
    return inherited() | by_name


def as_recorded(given: Mapping[str, str]) -> dict[str, str]:
    """A program's environment as run.json has it: with what ENV added, and of what may be secret only "set"."""
    rest = {name: value for name, value in given.items() if name != "APP_ENV"}
    return without_secrets(rest | parse_environment(given.get("APP_ENV", "")))


def app_environment(config: RunConfig) -> dict[str, str]:
    """For gatebench.serve and the Django project. The secret key is made fresh for each run."""
    profile = config.profile_row()
    return {
        "SERVER": config.server,
        "PROFILE": config.profile,
        "WORKERS": str(config.workers),
        "THREADS": str(profile.threads),
        "BACKLOG": str(profile.backlog),
        "SERVER_ARGS": config.server_args,
        "APP_ENV": shlex.join(f"{name}={value}" for name, value in config.env.items()),
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
        "DJANGO_DEBUG": str(int(profile.debug)),
        "POLLS_DB": config.db,
        "POLLS_DB_POOL_SIZE": str(profile.db_pool_size),
        "POLLS_DB_POOL_TIMEOUT": str(profile.db_pool_timeout_s),
        "POLLS_VOTE": profile.vote,
        "POLLS_QUESTIONS": str(profile.questions),
    }


def postgres_settings(config: RunConfig) -> dict[str, str]:
    """What PostgreSQL is told beside its defaults."""
    return {"max_connections": str(config.profile_row().db_connections)}


def nginx_environment(config: RunConfig) -> dict[str, str]:
    """The limits that the template leaves open; addresses and paths are the stack's own."""
    profile = config.profile_row()
    return {
        "NGINX_CONNECTIONS": str(profile.nginx_connections),
        "NGINX_OPEN_FILES": str(profile.nginx_open_files),
        "NGINX_BACKLOG": str(profile.nginx_backlog),
        "NGINX_UPSTREAM_HTTP": profile.nginx_upstream_http,
        "NGINX_UPSTREAM_CONNECTION": profile.nginx_upstream_connection,
        "NGINX_CONNECT_TIMEOUT_S": str(profile.nginx_connect_timeout_s),
        "NGINX_READ_TIMEOUT_S": str(profile.nginx_read_timeout_s),
    }
