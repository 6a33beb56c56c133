"""What is done to which app, a file each. A new file with a Workload in it is a new value of the knob WORKLOAD."""

from __future__ import annotations

from gatebench.registry import found
from gatebench.values.workload import Workload

WORKLOADS = found(__name__, __path__, Workload)
