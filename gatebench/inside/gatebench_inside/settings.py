"""The project's settings with the run's over them: DJANGO_SETTINGS_MODULE of every process of a run."""

import importlib
import os
import sys

from . import overlay, spec

_SPEC = spec.read()
if _SPEC.driver == "psycopg2":
    # Django's PostgreSQL backend tries `import psycopg` first and takes psycopg2 only when that fails; there is no
    # setting for it. None in sys.modules is Python's documented way to make an import fail.
    sys.modules["psycopg"] = None  # type: ignore[assignment]

_theirs = importlib.import_module(_SPEC.settings or "")
_values = {name: getattr(_theirs, name) for name in dir(_theirs) if name.isupper()}

GATEBENCH_THEIR_ENGINE = (_values.get("DATABASES") or {}).get("default", {}).get("ENGINE", "")

GATEBENCH_DB = _SPEC.db

GATEBENCH_OVERLAID = overlay.overlaid(_values, _SPEC, os.environ)
"""What the run changed: the live app tells the names (ready.py)."""

globals().update({**_values, **GATEBENCH_OVERLAID})
