"""Environments for the app with other packages, or on another Python: WITH and PYTHON on the native stack.

They are made once for each Python, lock file and set of packages, and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from gatebench import ROOT
from gatebench.errors import MachineError
from gatebench.packages import cache, install, make_once, tag
from gatebench.values.virtual_environment import VirtualEnvironment
from gatebench.waiting import Tell

LOCKED = ROOT / "requirements" / "app.txt"


def interpreter(chosen: VirtualEnvironment, tell: Tell) -> Path:
    """Its Python. The environment is made where there is none yet; raises MachineError."""
    base = Path(shutil.which(chosen.python or sys.executable) or chosen.python)
    locked = LOCKED.read_bytes()
    key = hashlib.sha256(json.dumps([str(base), chosen.packages]).encode() + locked).hexdigest()[:16]
    home = cache() / "environments" / f"{tag(base)}-{key}"

    def make(draft: Path) -> None:
        tell(f"Making an environment for {chosen.label}, once")
        command = [str(base), "-m", "venv", "--without-pip", str(draft)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MachineError(f"{base} cannot make a virtual environment: {done.stderr.strip()[-200:]}")
        python = draft / "bin" / "python"
        install(python, ["--require-hashes", "--requirement", str(LOCKED)])
        if chosen.packages:
            install(python, chosen.packages)

    make_once(home, make)
    return home / "bin" / "python"
