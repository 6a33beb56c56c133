"""What a stack tells its programs by environment variables: the same names and values, natively and in containers."""

from __future__ import annotations

import json
from dataclasses import asdict

from gatebench.launch import SIDE
from gatebench.values.side import Side


def app_environment(side: Side) -> dict[str, str]:
    """For gatebench.launch, which tells the app what it has to know."""
    return {SIDE: json.dumps(asdict(side))}


def postgres_settings(side: Side) -> dict[str, str]:
    """What PostgreSQL is told beside its defaults."""
    return {"max_connections": str(side.footing.db_connections)}


def nginx_environment(side: Side) -> dict[str, str]:
    """What the template leaves open; addresses and paths are the stack's own."""
    footing = side.footing
    return {
        "NGINX_CONNECTIONS": str(footing.nginx_connections),
        "NGINX_OPEN_FILES": str(footing.nginx_open_files),
        "NGINX_BACKLOG": str(footing.nginx_backlog),
        "NGINX_UPSTREAM_HTTP": footing.nginx_upstream_http,
        "NGINX_UPSTREAM_CONNECTION": footing.nginx_upstream_connection,
        "NGINX_CONNECT_TIMEOUT_S": str(footing.nginx_connect_timeout_s),
        "NGINX_READ_TIMEOUT_S": str(footing.nginx_read_timeout_s),
        "NGINX_STATIC_URL": side.workload.app.static_url,
    }
