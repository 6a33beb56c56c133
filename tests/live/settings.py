"""The site's settings, with an address that tells what is open in the process that answers."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "tests.live.urls"
