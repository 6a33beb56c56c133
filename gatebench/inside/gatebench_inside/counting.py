"""What is begun for requests beside their own work, counted since the process began. A run that counts is not timed."""

import asyncio
import functools
import resource
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

COUNTED = {
    "executor submissions": (ThreadPoolExecutor, "submit"),
    "threads started": (threading.Thread, "start"),
    "loop wakeups": (asyncio.BaseEventLoop, "call_soon_threadsafe"),  # of asyncio's own loop: uvloop's cannot be asked
}
"""What is counted -> the method whose calls it is."""

_counts: Counter[str] = Counter()
_lock = threading.Lock()


def install():
    for name, (owner, method) in COUNTED.items():
        setattr(owner, method, _counting(name, getattr(owner, method)))


def _counting(name, original):
    @functools.wraps(original)
    def counted(*args, **kwargs):
        with _lock:
            _counts[name] += 1
        return original(*args, **kwargs)

    return counted


def read():
    """Name -> how many so far; switches of threads are the kernel's count, of those that ended too."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    with _lock:
        return {**dict.fromkeys(COUNTED, 0), **_counts, "context switches": used.ru_nvcsw + used.ru_nivcsw}
