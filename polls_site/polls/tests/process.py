"""Python code run in a process of its own: the settings and the driver are chosen once, when a process starts."""

import os
import subprocess
import sys

from django.conf import settings


def run_python(code, **changes):
    """Run code with the environment changed (None removes a variable); return the finished process."""
    environ = {name: value for name, value in (os.environ | changes).items() if value is not None}
    environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
