"""stacks.txt: what the app server was doing when it was sampled."""

from __future__ import annotations

import re

from gatebench.run_folder import RunFolder, contents

Stacks = dict[tuple[str, ...], int]
"""Frames from the outermost on, each as "function (file)" -> how many samples."""

_OF_THE_SAMPLER = ("process ", "thread (")
"""What frames begin with that are none."""

_LINE = re.compile(r":\d+\)(?=;|$)")
"""The line where a function begins."""

_OF_GATEBENCH = "(gatebench_inside/counting.py)"
"""What frames end with that count, and are there in no other run."""


def read_stacks(folder: RunFolder) -> Stacks | None:
    """None where nothing was sampled. Lines that are cut off are passed over."""
    try:
        text = contents(folder.stacks).decode(errors="replace")
    except FileNotFoundError:
        return None
    found: Stacks = {}
    for line in text.splitlines():
        frames, _, samples = line.rpartition(" ")
        if not samples.isdecimal():
            continue
        stack = tuple(
            frame
            for frame in _LINE.sub(")", frames).split(";")
            if not frame.startswith(_OF_THE_SAMPLER) and not frame.endswith(_OF_GATEBENCH)
        )
        found[stack] = found.get(stack, 0) + int(samples)
    return found
