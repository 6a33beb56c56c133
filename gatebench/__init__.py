"""Gatebench: behind which gateway interface a Django site holds how many users, and why it fails after that."""

__version__ = "0.1.0"
