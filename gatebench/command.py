"""What every command does with what goes wrong: a sentence for the person, an exit code for the shell."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable

from gatebench.errors import INTERRUPTED, GatebenchError


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
    except BrokenPipeError:  # as in `analyze.py | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # a mistake of ours: the traceback is for the report, not for the person
        with tempfile.NamedTemporaryFile("w", prefix="gatebench-error-", suffix=".log", delete=False) as log:
            traceback.print_exc(file=log)
        print(
            f"Gatebench made a mistake ({type(error).__name__}: {error}): please report it with {log.name}.",
            file=sys.stderr,
        )
        return GatebenchError.exit_code
