"""The polls site's settings with the run's written in by hand: nothing of Gatebench runs in the app's process."""

import os

from config.settings import *  # noqa: F403
from config.settings import DATABASES

POOL = {"min_size": 8, "max_size": 8, "timeout": 10.0}

ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
DATABASES["default"]["OPTIONS"] = {"pool": POOL}
ROOT_URLCONF = "benchmarks.unwrapped.urls"
STATIC_ROOT = os.environ["UNWRAPPED_STATIC"]
