"""The site's settings with a fault planted: ENV='DJANGO_SETTINGS_MODULE=tests.faulty.settings' and a FAULT_… beside."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

# Last, so that nothing stands between it and the view.
MIDDLEWARE = [*MIDDLEWARE, "tests.faulty.middleware.Fault"]
