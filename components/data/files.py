"""Finds the files a spec's source names: a path, a glob, or an `s3://` object, prefix or glob."""

from __future__ import annotations

import fnmatch
import glob
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.errors import Busy, InvalidData, NotFound, Refused
from components.near_names import near
from components.storage.store import ObjectInfo, ObjectStore

WILD = frozenset("*?[")


@dataclass(frozen=True, kw_only=True)
class Content:
    """One file's bytes and the name messages call it by."""

    name: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class FileSet:
    """Files of a source, in the order their rows come.

    Attributes:
        fingerprint: Changes when a file's bytes, or their order, change.
        read: The files' bytes, those the fingerprint is of.
    """

    fingerprint: str
    read: Callable[[], Sequence[Content]]


def local_files(source: str, base_dir: Path) -> FileSet:
    """Files of a path or glob, relative to `base_dir`; a glob's files come by name.

    Raises:
        NotFound: Nothing matches.
        Refused: A file may not be read.
    """
    paths = matching_paths(source, base_dir)
    contents = [Content(name=_shown(path, base_dir), content=_bytes_of(path)) for path in paths]
    digests = [hashlib.sha256(part.content).hexdigest() for part in contents]
    return FileSet(fingerprint=" ".join(digests), read=lambda: contents)


def stored_files(source: str, store: ObjectStore) -> FileSet:
    """Objects of an `s3://` URI: one object, all below a prefix that ends in `/`, or a glob; by key.

    Raises:
        NotFound: Nothing matches.
        Unavailable: The store does not answer.
    """
    objects = matching_objects(source, store)

    def read() -> Sequence[Content]:
        contents = [Content(name=each.uri, content=store.get_bytes(each.uri)) for each in objects]
        if stored_objects(source, store) != objects:
            raise Busy(f"{source} changed while it was read: run again when its writer is done")
        return contents

    return FileSet(fingerprint=" ".join(f"{each.uri} {each.size} {each.etag}" for each in objects), read=read)


def matching_paths(source: str, base_dir: Path, *, place: str = "data.source") -> list[Path]:
    """Files of a path or glob, by name; `place` is what messages call the source. Raises as `local_files`."""
    path = base_dir / source
    if path.is_file():
        return [path]
    if path.is_dir():
        raise InvalidData(place, [f"a file or a glob is needed, got the folder {source}: write {source}/*.csv"])
    if WILD.intersection(source):
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]  # noqa: PTH207 - source may be absolute
        paths = sorted(each for each in found if each.is_file())
        if paths:
            return paths
    raise NotFound(f"{place}: a file must match, got {source}{_hint(path)}")


def _hint(path: Path) -> str:
    """The nearest name in the folder, or the folder that is not there."""
    folder = path.parent
    if WILD.intersection(str(folder)):
        return ""
    if not folder.is_dir():
        return f" (no folder {folder})"
    meant = near(path.name, [each.name for each in folder.iterdir() if each.is_file()])
    return f" (did you mean {meant}?)" if meant else f" (looked in {folder})"


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"data.source: a file must be there, got {path}") from None
    except OSError as error:
        raise Refused(f"cannot read {path}: {error.strerror}: make it readable") from error


def _shown(path: Path, base_dir: Path) -> str:
    return str(path.relative_to(base_dir)) if path.is_relative_to(base_dir) else str(path)


def matching_objects(source: str, store: ObjectStore, *, place: str = "data.source") -> list[ObjectInfo]:
    """Objects of an `s3://` URI, prefix or glob, by key. Raises as `stored_files`."""
    found = stored_objects(source, store)
    if not found:
        raise NotFound(f"{place}: an object must match, got {source} (nothing there)")
    return found


def stored_objects(source: str, store: ObjectStore) -> list[ObjectInfo]:
    """Objects of an `s3://` source in the order of their keys; empty when nothing matches. Raises Unavailable."""
    wild = min((source.find(sign) for sign in WILD if sign in source), default=-1)
    if wild >= 0:
        below = [
            each for each in store.list(source[:wild]) if each.uri == source or fnmatch.fnmatchcase(each.uri, source)
        ]
    elif source.endswith("/"):
        below = list(store.list(source))
    else:
        below = [each for each in store.list(source) if each.uri == source]
    # the marks other programs leave beside data: _SUCCESS, .crc files
    return [each for each in below if not each.uri.rpartition("/")[2].startswith((".", "_")) and each.size > 0]
