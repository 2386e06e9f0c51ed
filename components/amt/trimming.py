"""What the caches drop: the least recently used beyond a bound. Everything in them can be made again."""

from __future__ import annotations

import stat
from pathlib import Path

MOST_BYTES = 10 * 1024**3
# What was used this recently may be about to be used.
SPARED_S = 3600.0


def drop_least_used(folder: Path, *, now_s: float, most_bytes: int = MOST_BYTES, spared_s: float = SPARED_S) -> None:
    """Delete the least recently used files below a folder until the rest is small enough.

    Safe beside others that do the same or that read: who needs a file that is gone makes it again.

    Args:
        folder: It need not exist.
        now_s: Seconds since the epoch.
        most_bytes: What may stay.
        spared_s: A file used within so many seconds stays in any case.

    Raises:
        OSError: A file cannot be deleted.
    """
    files = []
    for path in folder.rglob("*"):
        try:
            facts = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISREG(facts.st_mode):
            files.append((max(facts.st_atime, facts.st_mtime), facts.st_size, path))
    total = sum(size for _, size, _ in files)
    for used_s, size, path in sorted(files):
        if total <= most_bytes or used_s > now_s - spared_s:
            return
        path.unlink(missing_ok=True)
        total -= size
