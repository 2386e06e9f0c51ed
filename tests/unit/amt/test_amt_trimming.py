"""The caches of the local AMT stay within bounds, and drop nothing anybody may be using."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from components.amt.channels import Cache
from components.amt.environments import Environments
from components.amt.trimming import drop_least_used
from components.storage.local import FolderStore

DAY_S = 86_400


def put(folder: Path, name: str, *, size: int, used_s: float) -> Path:
    """A file that was last used then."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (used_s, 1_000_000_000))
    return path


def test_the_least_recently_used_files_go_first(tmp_path: Path) -> None:
    """Beyond the bound files go in the order of their last use; what was used within the hour stays in any case."""
    now = time.time()
    old, older, fresh = (
        put(tmp_path, "a/old", size=40, used_s=now - DAY_S),
        put(tmp_path, "b/older", size=40, used_s=now - 2 * DAY_S),
        put(tmp_path, "c/fresh", size=40, used_s=now),
    )
    drop_least_used(tmp_path, now_s=now, most_bytes=120)
    assert older.exists()
    drop_least_used(tmp_path, now_s=now, most_bytes=100)
    assert (old.exists(), older.exists(), fresh.exists()) == (True, False, True)
    drop_least_used(tmp_path, now_s=now, most_bytes=0)
    assert (old.exists(), fresh.exists()) == (False, True)
    drop_least_used(tmp_path / "nowhere", now_s=now)


def test_a_cached_input_tells_its_last_use(tmp_path: Path) -> None:
    """Each use of a fetched input counts as one, whatever the disk says, and the file stays whole and trusted."""
    store = FolderStore(tmp_path / "store")
    store.put_bytes(b"rows", "s3://bucket/part.csv")
    (found,) = store.list("s3://bucket/part.csv")
    cache = Cache(tmp_path / "objects", store)
    path = cache.file(found)
    inode = path.stat().st_ino
    os.utime(path, (0, path.stat().st_mtime))
    assert cache.file(found) == path
    assert path.stat().st_ino == inode
    assert path.stat().st_atime > time.time() - DAY_S


def test_environments_nobody_used_for_a_month_go(tmp_path: Path) -> None:
    """An environment goes 30 days after its last use; one used since stays, and so does one being made."""
    folder = tmp_path / "environments"
    for name, days in (("unused", 31), ("used", 29), ("making", 0)):
        (folder / name / "venv").mkdir(parents=True)
        (folder / f"{name}.lock").touch()
        if days:
            (folder / name / "made.json").touch()
            os.utime(folder / name / "made.json", (0, time.time() - days * DAY_S))
    Environments(tmp_path, python=sys.executable).trim()
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["making", "used"]
