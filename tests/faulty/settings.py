"""The site's settings with a fault planted: ENV='DJANGO_SETTINGS_MODULE=tests.faulty.settings' and a FAULT_… beside."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

# Fault stands last, so that nothing is between it and the view.
MIDDLEWARE = ["tests.faulty.middleware.block", *MIDDLEWARE, "tests.faulty.middleware.Fault"]
