"""The profiles: settings that belong together, under one name. Both servers of a comparison get the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gatebench.values.footing import Footing


@dataclass(frozen=True, slots=True)
class Profile:
    """A footing, and the workload that it is measured with when none is named."""

    footing: Footing
    workload: str

    @property
    def name(self) -> str:
        return self.footing.name


FAIR = Profile(
    Footing(
        name="fair",
        db="pool",
        debug=False,
        timeout_s=10.0,
        workers=2,
        threads=8,
        backlog=2048,
        db_pool_size=8,
        db_pool_timeout_s=10.0,
        db_connections=100,
        nginx_connections=8192,
        nginx_open_files=16384,
        nginx_backlog=4096,
        nginx_upstream_http="1.1",
        nginx_upstream_connection="",
        nginx_buffering="on",
        nginx_connect_timeout_s=5,
        nginx_read_timeout_s=60,
    ),
    workload="vote",
)

# What a team has that installs a server and Nginx, and changes nothing.
DEFAULTS = Profile(
    replace(
        FAIR.footing,
        name="defaults",
        db="per-request",
        workers=1,
        nginx_connections=1024,
        nginx_backlog=511,
        nginx_upstream_http="1.0",
        nginx_upstream_connection="close",
        nginx_connect_timeout_s=60,
    ),
    workload="vote",
)

ARTICLE = Profile(
    Footing(
        name="article",
        db="per-request",
        debug=True,
        timeout_s=None,
        workers=2,
        threads=1,
        backlog=2048,
        db_pool_size=8,
        db_pool_timeout_s=10.0,
        db_connections=100,
        nginx_connections=1024,
        nginx_open_files=16384,
        nginx_backlog=511,
        nginx_upstream_http="1.0",
        nginx_upstream_connection="close",
        nginx_buffering="on",
        nginx_connect_timeout_s=60,
        nginx_read_timeout_s=60,
    ),
    workload="article",
)

PROFILES = {profile.name: profile for profile in (FAIR, DEFAULTS, ARTICLE)}
