"""How much an app has written into its folder: the rows of a CSV file, or the files of a folder.

`python -m gatebench.stored rows|files PATH` prints it, from inside of the app's container.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from gatebench.values.workload import Write


def rows(path: Path) -> int:
    """A row may have several lines. Of a file that is not there yet: none."""
    if not path.exists():
        return 0
    with path.open(newline="") as file:
        return sum(1 for _ in csv.reader(file))


def files(folder: Path) -> int:
    """Also those that somebody left half written. Of a folder that is not there yet: none."""
    return sum(1 for path in folder.rglob("*") if path.is_file())


COUNT = {"rows": rows, "files": files}


def place_of(write: Write) -> tuple[str, str]:
    """What is counted, a name in COUNT, and where it is in the app's folder; of a request that writes there."""
    return ("rows", write.rows_of) if write.rows_of is not None else ("files", str(write.files_in))


if __name__ == "__main__":
    print(COUNT[sys.argv[1]](Path(sys.argv[2])))
