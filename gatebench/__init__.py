"""Gatebench: behind which gateway interface a Django site holds how many users, and why it fails after that."""

from pathlib import Path

__version__ = "0.1.0"

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: what a relative path of an App or a Workload starts from. In a container it is /srv."""
