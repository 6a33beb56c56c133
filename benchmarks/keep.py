"""Copies run folders to where they are kept, as small as they can be.

    python benchmarks/keep.py --into results/recorded/campaigns results/2*
    python benchmarks/keep.py --into results/recorded/article-trials --proxy-log results/2*
    python benchmarks/keep.py --into results/recorded/guide --steps-only results/2*

The rows of requests.arrows stay as they are, in one record batch instead of one a second. load.jsonl, resources.csv,
processes.csv and the logs are packed; proxy.log is packed, or left out. run.json and the logs name no folder of the
machine that made them: the results are in `results`, and what else a run had began in `.`, the checkout, a project's
own folder and those of the layers beside it alike; PATH and HOME are left out, and a Python is called by its name. With
--steps-only there is run.json, steps.csv and packed stacks alone, which is what a guide and a ladder are made of.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatebench.command import guarded  # noqa: E402
from gatebench.run_folder import RunFolder, packed  # noqa: E402

SMALLEST = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=19), unify_dictionaries=True)


def keep_steps(folder: RunFolder, into: Path) -> RunFolder:
    """run.json, closely written, steps.csv, and stacks.txt packed, where it has them; raises RunFolderError when the
    folder holds no run.
    """
    folder.read_run()
    kept = RunFolder(into / folder.path.name)
    kept.path.mkdir(parents=True)
    run = json.loads(folder.run_json.read_text())
    kept.run_json.write_text(json.dumps(without_accounts(without(places_of(run), run)), separators=(",", ":")) + "\n")
    if folder.steps_csv.exists():
        shutil.copy(folder.steps_csv, kept.steps_csv)
    if folder.stacks.exists():
        packed(kept.stacks).write_bytes(gzip.compress(folder.stacks.read_bytes(), mtime=0))
    return kept


def keep(folder: RunFolder, into: Path, proxy_log: bool) -> RunFolder:
    """The copy; raises RunFolderError when the folder holds no run."""
    folder.read_run()
    kept = RunFolder(into / folder.path.name)
    shutil.copytree(folder.path, kept.path, ignore=shutil.ignore_patterns(*[folder.proxy_log.name] * (not proxy_log)))
    run = json.loads(kept.run_json.read_text())
    places = places_of(run)
    kept.run_json.write_text(json.dumps(without_accounts(without(places, run)), indent=2) + "\n")
    for log in kept.logs.iterdir():
        log.write_text(without(places, log.read_text(errors="replace")))
    for path in (kept.load_events, kept.resources_csv, kept.processes_csv, kept.proxy_log, *kept.logs.iterdir()):
        if path.exists() and path.stat().st_size:
            packed(path).write_bytes(gzip.compress(path.read_bytes(), mtime=0))
            path.unlink()
    with pa.ipc.open_stream(folder.requests) as recorded:
        rows = recorded.read_all().unify_dictionaries().combine_chunks()
    with pa.ipc.new_stream(str(kept.requests), rows.schema, options=SMALLEST) as writer:
        writer.write_table(rows)
    return kept


def places_of(run: dict[str, Any]) -> dict[str, str]:
    """Folder of the machine that made the run -> how it is called where it is kept; the innermost first."""
    app = run["config"].get("workload", {}).get("app", {})
    environments = run.get("environments", {})
    homes = [environments.get("generator", {}).get("PYTHONPATH", "")]
    if "generator" not in environments:  # it counted
        homes += environments.get("app", {}).get("PYTHONPATH", "").split(os.pathsep)[-1:]
    homes += [str(Path(app.get("folder", "")).parent), *(str(Path(layer).parents[2]) for layer in app.get("front", ()))]
    found = {run["config"].get("results", ""): "results", **dict.fromkeys(homes, ".")}
    if python := run["config"].get("python"):
        found[python] = Path(python).name
    return {home: found[home] for home in sorted(found, key=len, reverse=True) if home.startswith("/") and home != "/"}


ACCOUNT = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR")
"""Variables that say whose machine it was."""


def without_accounts(run: dict[str, Any]) -> dict[str, Any]:
    """Without what its programs' environments say of whose machine it was."""
    environments = {
        role: {name: value for name, value in given.items() if name not in ACCOUNT}
        for role, given in run.get("environments", {}).items()
    }
    return run | ({"environments": environments} if "environments" in run else {})


def without(places: dict[str, str], said: Any) -> Any:
    """Texts, wherever they stand in a JSON value, as they would be had everything been made in one folder."""
    if isinstance(said, dict):
        return {name: without(places, one) for name, one in said.items()}
    if isinstance(said, list):
        return [without(places, one) for one in said]
    if isinstance(said, str):
        for place, name in places.items():
            said = re.sub(rf"{re.escape(place)}(/|(?![\w.-]))", lambda found, name=name: name + found[1], said)
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--proxy-log", action="store_true", help="keep it, packed: causes are traced with it")
    parser.add_argument("--steps-only", action="store_true", help="nothing but run.json and steps.csv")
    arguments = parser.parse_args()
    for path in arguments.runs:
        if arguments.steps_only:
            print(keep_steps(RunFolder(path), arguments.into).path)
        else:
            print(keep(RunFolder(path), arguments.into, arguments.proxy_log).path)
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, interrupted="Interrupted."))
