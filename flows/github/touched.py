"""Which specs a push touches: those whose data are among the files that changed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from components.data.data_spec import ChannelsSpec, DataSpec
from components.errors import InvalidInput
from components.spec import load_spec

_COMMIT = re.compile(r"[0-9a-f]{40}")
_NO_COMMIT = "0" * 40  # what GitHub says was before a branch's first push
_NOTHING = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's empty tree


def touches(changed: Iterable[str], spec: Path, data: DataSpec | ChannelsSpec) -> bool:
    """Whether a spec's data are among changed files.

    Args:
        changed: Paths from the repository's root, with slashes.
        spec: The spec's path; one with a preparation of its own reads `data/<its name>/`.
        data: Its part on data.
    """
    patterns = _places(spec, data)
    return any(fnmatchcase(path, pattern) for path in changed for pattern in patterns)


def _places(spec: Path, data: DataSpec | ChannelsSpec) -> list[str]:
    if isinstance(data, ChannelsSpec):
        return []  # in S3, where no push comes to
    place = f"data/{spec.stem}" if data.source is None else data.source
    if "://" in place or place.startswith("/"):
        return []
    place = str(PurePosixPath(place))
    return [place, f"{place}/*"]


def changed_files(root: Path, before: str, after: str) -> tuple[str, ...]:
    """Files that differ between two commits of the clone.

    Of a new branch those of its last commit. Of a rewritten one, whose commit before is in no clone, all there are:
    data that turn out to be the same are skipped, and those of an earlier commit of the push are not missed.

    Raises:
        InvalidInput: These are no commits of this clone.
    """
    for name, commit in (("before", before), ("after", after)):
        if not _COMMIT.fullmatch(commit):
            raise InvalidInput(f"{name} must be a commit of 40 hex digits, got {commit!r}")
    known = (before, f"{after}^1") if before == _NO_COMMIT else (before,)
    base = next((each for each in known if _is_commit(root, each)), _NOTHING)
    done = _git(root, "diff-tree", "-r", "-z", "--name-only", "--no-renames", base, after)
    if done.returncode != 0:
        raise InvalidInput(f"after must be a commit of this clone: {done.stderr.decode(errors='replace').strip()}")
    return tuple(part.decode(errors="surrogateescape") for part in done.stdout.split(b"\0") if part)


def touched_specs(root: Path, watched: Sequence[str], before: str, after: str) -> tuple[str, ...]:
    """Those of the watched specs whose data a push changed. Raises as `changed_files` and `load_spec`."""
    changed = changed_files(root, before, after)
    return tuple(spec for spec in watched if touches(changed, Path(spec), load_spec(root / spec).data))


def _is_commit(root: Path, name: str) -> bool:
    return _git(root, "cat-file", "-e", f"{name}^{{commit}}").returncode == 0


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
