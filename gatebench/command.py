"""What every command does with what goes wrong: a sentence for the person, an exit code for the shell."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable

from gatebench.errors import INTERRUPTED, GatebenchError, MachineError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

PREFIX = "GATEBENCH_"
"""Of what is read from the environment: a bare PORT, DB or TIMEOUT there is somebody else's."""


def from_environment() -> dict[str, str]:
    """Name -> text of what the environment has for Gatebench: GATEBENCH_USERS=20 is USERS. Empty is as good as none."""
    return {name.removeprefix(PREFIX): text for name, text in os.environ.items() if name.startswith(PREFIX) and text}


def guarded(work: Callable[[], int], interrupted: str) -> int:
    """The exit code of `work`, or of the error that ended it. `interrupted` is what Ctrl-C answers."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        return work()
    except GatebenchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if error.errno not in DISK_FULL:
            return _our_mistake(error)
        print("The disk is full: free space, then run again.", file=sys.stderr)
        return MachineError.exit_code
    except Exception as error:
        return _our_mistake(error)


def _our_mistake(error: Exception) -> int:
    """Keeps the traceback for a report, and from the person."""
    where = "it again: its log could not be written"
    with (
        contextlib.suppress(OSError),
        tempfile.NamedTemporaryFile("w", prefix="gatebench-error-", suffix=".log", delete=False) as log,
    ):
        traceback.print_exception(error, file=log)
        where = f"it with {log.name}"
    print(f"Gatebench made a mistake ({type(error).__name__}: {error}): please report {where}.", file=sys.stderr)
    return GatebenchError.exit_code
