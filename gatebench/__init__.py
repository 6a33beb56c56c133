"""Gatebench: behind which gateway interface a Django site holds how many users, and why it fails after that."""

from pathlib import Path

__version__ = "0.1.0"

PACKAGE = Path(__file__).resolve().parent

INSTALLED = (PACKAGE / "share").is_dir()
"""From a wheel, and not a checkout."""

ROOT = PACKAGE / "share" if INSTALLED else PACKAGE.parent
"""Of polls_site/, locustfiles/, nginx/ and compose/: what a relative path of an App or a Workload starts from."""
