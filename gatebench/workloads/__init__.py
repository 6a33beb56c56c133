"""What is done to which app, a file each. A new file with a Workload in it is a new value of the knob WORKLOAD, and a
Guided in it a new row of the guide.
"""

from __future__ import annotations

from gatebench.registry import found
from gatebench.values.guided import Guided
from gatebench.values.workload import Workload

WORKLOADS = found(__name__, __path__, Workload)
GUIDED = found(__name__, __path__, Guided)
"""What `make guide` measures, by the workload's name."""
