"""Copies run folders to where they are kept, as small as they can be.

    python benchmarks/keep.py --into results/recorded/campaigns results/2*
    python benchmarks/keep.py --into results/recorded/article-trials --proxy-log results/2*

The rows of requests.arrows stay as they are, in one record batch instead of one a second; what load.jsonl counts of
them, a second each, is left out. proxy.log is packed, or left out. In run.json `results`, the folder that the run was
made in, becomes `results`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
from pathlib import Path

import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.command import guarded  # noqa: E402
from gatebench.run_folder import RunFolder  # noqa: E402

SMALLEST = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=19), unify_dictionaries=True)


def keep(folder: RunFolder, into: Path, proxy_log: bool) -> RunFolder:
    """The copy; raises RunFolderError when the folder holds no run."""
    folder.read_run()
    kept = RunFolder(into / folder.path.name)
    shutil.copytree(folder.path, kept.path, ignore=shutil.ignore_patterns(folder.proxy_log.name))
    if proxy_log:
        kept.packed_proxy_log.write_bytes(gzip.compress(folder.proxy_log.read_bytes(), mtime=0))
    with pa.ipc.open_stream(folder.requests) as recorded:
        rows = recorded.read_all().unify_dictionaries().combine_chunks()
    with pa.ipc.new_stream(str(kept.requests), rows.schema, options=SMALLEST) as writer:
        writer.write_table(rows)
    if kept.load_events.exists():
        lines = kept.load_events.read_text().splitlines(keepends=True)
        kept.load_events.write_text("".join(line for line in lines if json.loads(line)["event"] != "counted"))
    run = json.loads(kept.run_json.read_text())
    run["config"]["results"] = "results"
    kept.run_json.write_text(json.dumps(run, indent=2) + "\n")
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--proxy-log", action="store_true", help="keep it, packed: causes are traced with it")
    arguments = parser.parse_args()
    for path in arguments.runs:
        print(keep(RunFolder(path), arguments.into, arguments.proxy_log).path)
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, interrupted="Interrupted."))
