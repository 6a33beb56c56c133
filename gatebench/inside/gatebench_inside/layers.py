"""Packages beside the project's own, in folders of their own: nothing is ever installed into its environment.

The *front* layer, before its packages, is the server alone. The *back* layer, after them, is what the server needs:
where the project has a package already, the project's is taken.
"""

import sys


def add(front, back):
    """To this process's sys.path; programs that it becomes or forks have them too."""
    sys.path[:0] = [path for path in front if path not in sys.path]
    sys.path.extend(path for path in back if path not in sys.path)
