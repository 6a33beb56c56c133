"""Why a project does not start, told by the last line that it wrote: a sentence with the next step.

What else it may be is told as it stands, beside the log that has the traceback.
"""

from __future__ import annotations

import re

NEEDS = "the project needs the variable {what}: set it under env"

REFUSALS = {
    r"sets DJANGO_SETTINGS_MODULE (?P<what>outright)": "use os.environ.setdefault",
    r"so there is (?P<what>no bridge)": "measure it with BRIDGE=shipped",
    r"No module named '(?P<what>[^']+)'": "is {python} the project's environment",
    r"KeyError: '(?P<what>[A-Z][A-Z0-9_]+)'": NEEDS,  # os.environ["…"]
    r"UndefinedValueError: (?P<what>\w+) not found": NEEDS,  # python-decouple
    r"Set the (?P<what>\w+) environment variable": NEEDS,  # django-environ
    r"Environment variable \"(?P<what>\w+)\" (?:not set|invalid)": NEEDS,  # environs
    r"connecting to (?P<what>[\w.-]+:\d+)": "it cannot connect to {what}, and Gatebench starts PostgreSQL only: "
    "start it, or give another address under env",  # redis, and what is built on it
}
"""Pattern in the line -> what to do."""


_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:: .*)?")
"""As the last line of a traceback, which alone begins at the margin with a name and a colon."""


def last_exception(text: str) -> str | None:
    """The last line of the last traceback in a log."""
    lines = text.splitlines()
    starts = [place for place, line in enumerate(lines) if line.startswith("Traceback ")]
    after = lines[starts[-1] :] if starts else []
    return next((line for line in after[1:] if _EXCEPTION.fullmatch(line)), None)


def last_said(text: str) -> str:
    """The last line of a log that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


def told(line: str, python: str, otherwise: str) -> str:
    """The sentence on a line; `otherwise` says what to do where it is not one that is known."""
    for pattern, what_to_do in REFUSALS.items():
        if found := re.search(pattern, line):
            otherwise = what_to_do.format(what=found["what"], python=python)
            break
    return f"{line.rstrip('.: ')}: {otherwise}."
