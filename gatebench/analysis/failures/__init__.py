"""Why requests failed, and in which layer."""
