"""Git revisions of a project, each in a worktree of its own, so that two of them can be measured as sides."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gatebench.errors import UsageError


@contextlib.contextmanager
def worktrees(folder: Path, revisions: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Revision -> the folder as it is there; they are gone afterwards. Raises UsageError for one that git has not."""
    if len(revisions) < 2:
        raise UsageError("One revision has nothing to be compared with: give two, as in --at main --at my-branch.")
    top = Path(_git(folder, "rev-parse", "--show-toplevel", wrong=f"{folder} is in no git repository"))
    with tempfile.TemporaryDirectory(prefix="gatebench-revisions-") as home, contextlib.ExitStack() as afterwards:
        found = {}
        for revision in dict.fromkeys(revisions):
            path = Path(home) / re.sub(r"\W+", "-", revision)
            wrong = f"git has no revision {revision} of {top}"
            _git(top, "worktree", "add", "--detach", "--quiet", str(path), revision, wrong=wrong)
            afterwards.callback(_remove, top, path)
            found[revision] = path / folder.relative_to(top)
        yield found


def _remove(top: Path, path: Path) -> None:
    remove = ["git", "-C", str(top), "worktree", "remove", "--force", str(path)]
    subprocess.run(remove, capture_output=True, check=False)


def _git(folder: Path, *words: str, wrong: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UsageError(f"{wrong} ({last.removeprefix('fatal: ')}): name others with --at.")
    return done.stdout.strip()
