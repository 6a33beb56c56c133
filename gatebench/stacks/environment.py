"""What a stack tells its programs by environment variables: the same names and values, natively and in containers."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict

from gatebench import launch
from gatebench.records import SERVICE
from gatebench.values.codec import from_json, without_secrets
from gatebench.values.side import Side

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


def as_recorded(role: str, given: Mapping[str, str]) -> dict[str, str]:
    """A program's environment as run.json has it: with what the launcher tells the app, or the service beside it, and
    of what may be secret only "set".
    """
    seen = {name: value for name, value in given.items() if name != launch.APP_PYTHON}
    if text := seen.pop(launch.SIDE, None):
        side, url = from_json(Side, json.loads(text)), seen.get(launch.SERVICE_URL, "")
        app = launch.app_environment(side, static="a folder of the run's own", secret="set", service_url=url)
        seen |= launch.service_environment(side) if role == SERVICE else app
    return without_secrets(seen)


def app_environment(side: Side) -> dict[str, str]:
    """For gatebench.launch, which tells the app what it has to know."""
    return {launch.SIDE: json.dumps(asdict(side))}


def postgres_settings(side: Side) -> dict[str, str]:
    """What PostgreSQL is told beside its defaults."""
    return {"max_connections": str(side.footing.db_connections)}


def pgbouncer_environment(side: Side) -> dict[str, str]:
    """What its template leaves open; addresses and paths are the stack's own. It has as many connections to PostgreSQL
    as all pools together would, and a request waits for one as long as it would for a pool's.
    """
    footing = side.footing
    return {
        "PGBOUNCER_POOL": str(footing.workers * footing.db_pool_size),
        "PGBOUNCER_WAIT_S": str(math.ceil(footing.db_pool_timeout_s)),
    }


def nginx_environment(side: Side) -> dict[str, str]:
    """What the template leaves open; addresses and paths are the stack's own."""
    footing = side.footing
    return {
        "NGINX_CONNECTIONS": str(footing.nginx_connections),
        "NGINX_OPEN_FILES": str(footing.nginx_open_files),
        "NGINX_BACKLOG": str(footing.nginx_backlog),
        "NGINX_UPSTREAM_HTTP": footing.nginx_upstream_http,
        "NGINX_UPSTREAM_CONNECTION": footing.nginx_upstream_connection,
        "NGINX_UPSTREAM_UPGRADE": "",
        "NGINX_BUFFERING": footing.nginx_buffering,
        "NGINX_LARGEST_BODY": f"{side.workload.largest_body_mb}m",
        "NGINX_CONNECT_TIMEOUT_S": str(footing.nginx_connect_timeout_s),
        "NGINX_READ_TIMEOUT_S": str(footing.nginx_read_timeout_s),
        "NGINX_STATIC_URL": _served(side.workload.app.static_url, "static"),
        "NGINX_MEDIA_URL": _served(side.workload.app.media_url, "media"),
        **(_FOR_WEBSOCKETS if side.workload.websockets else {}),
    }


_FOR_WEBSOCKETS = {
    "NGINX_UPSTREAM_HTTP": "1.1",
    "NGINX_UPSTREAM_CONNECTION": "$http_connection",
    "NGINX_UPSTREAM_UPGRADE": " proxy_set_header Upgrade $http_upgrade;",
}
"""What a client asks for is asked of the app server: the upgrade by those who open a socket, keep-alive by others."""


def _served(url: str | None, what: str) -> str:
    """Where Nginx serves files itself; where nobody asks, when the project's are elsewhere or have no place."""
    return url if url and url.startswith("/") and url != "/" else f"/.gatebench/{what}/"
