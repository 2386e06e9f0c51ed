"""A folder that behaves like S3, behind the same `s3://` URIs: bucket = sub folder of the root, key = path below it.

Objects are copied in, never linked: a file its owner goes on changing must not change the object.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from components.errors import CannotWrite, InvalidInput, NotFound, Refused, RetuneError, Unavailable
from components.storage.store import ObjectInfo, open_to_store, parse_uri

# Half-written objects; buckets cannot start with a dot, so no URI reaches them.
INCOMING = ".incoming"
# A writer touches its file all the time: one this old was left by a process that died.
LEFTOVER_AFTER_S = 3600
COPY_BYTES = 1 << 20
CANNOT_WRITE = {
    errno.ENOSPC: "the disk is full: make room, or point RETUNE_HOME to another disk",
    errno.EDQUOT: "the disk quota is used up: make room, or point RETUNE_HOME to another disk",
    errno.EROFS: "the file system is read-only: point RETUNE_HOME to a writable one",
    errno.EACCES: "permission denied: make it writable, or point RETUNE_HOME to a folder that is",
    errno.EPERM: "permission denied: make it writable, or point RETUNE_HOME to a folder that is",
    errno.ENOTDIR: "a part of the path is a file; a folder cannot hold both 'a' and 'a/b'",
    errno.EEXIST: "a part of the path is a file; a folder cannot hold both 'a' and 'a/b'",
    errno.EISDIR: "the path is a folder; a folder cannot hold both 'a' and 'a/b'",
}


class FolderStore:
    """An object store in a folder of this machine.

    Args:
        root: The folder; made when first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._is_swept = False

    def put(self, path: Path, uri: str) -> None:
        """Store a file's bytes: whole and on disk, or not at all.

        Raises:
            CannotWrite: Disk full, no permission, read-only.
            NotFound: `path` is not there.
        """
        with open_to_store(path) as reader:
            self._write(uri, reader)

    def put_bytes(self, content: bytes, uri: str) -> None:
        """Store bytes: whole and on disk, or not at all. Raises CannotWrite."""
        self._write(uri, io.BytesIO(content))

    def get(self, uri: str, path: Path) -> None:
        """Fetch into `path` by rename from a temporary name beside it.

        Raises:
            NotFound: No such object.
            CannotWrite: `path` cannot be written.
        """
        source = self._existing(uri)
        try:
            reader = source.open("rb")
        except OSError as error:
            raise _cannot_read(uri, source, error) from error
        temporary = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}")
        with reader:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with temporary.open("xb") as writer:
                    shutil.copyfileobj(reader, writer, COPY_BYTES)
                temporary.replace(path)
            except OSError as error:
                raise _cannot_write(path, error) from error
            finally:
                _discard(temporary)

    def get_bytes(self, uri: str) -> bytes:
        """Fetch a small object whole. Raises NotFound."""
        source = self._existing(uri)
        try:
            return source.read_bytes()
        except OSError as error:
            raise _cannot_read(uri, source, error) from error

    def get_range(self, uri: str, start: int, length: int) -> bytes:
        """Fetch part of an object: fewer bytes where it ends before. Raises NotFound."""
        source = self._existing(uri)
        try:
            with source.open("rb") as reader:
                reader.seek(start)
                return reader.read(length)
        except OSError as error:
            raise _cannot_read(uri, source, error) from error

    def list(self, prefix_uri: str) -> Iterator[ObjectInfo]:
        """Objects whose URI starts with `prefix_uri` (text, not folders), in the order of their keys' bytes."""
        bucket, prefix = self._bucket_and_key(prefix_uri)
        folder, _, _ = prefix.rpartition("/")
        for key, path in _walk(self.root / bucket / folder, f"{folder}/" if folder else "", prefix):
            try:
                facts = path.stat()
            except FileNotFoundError:  # went away since the folder was read
                continue
            yield ObjectInfo(uri=f"s3://{bucket}/{key}", size=facts.st_size, etag=_etag(facts))

    def exists(self, uri: str) -> bool:
        """Whether this very object is there."""
        try:
            self._existing(uri)
        except NotFound:
            return False
        return True

    def in_place(self, uri: str) -> Path | None:
        """The object's own file; whoever writes to it changes the object. Raises NotFound."""
        return self._existing(uri)

    def _bucket_and_key(self, uri: str) -> tuple[str, str]:
        bucket, key = parse_uri(uri)
        if bucket.startswith(".") or "\0" in uri:
            raise InvalidInput(f"a bucket starts with a letter or digit and a URI holds no NUL, got {uri!r}")
        if key.startswith("/") or "//" in key:
            raise InvalidInput(f"a key has no empty part, got {uri!r}")
        return bucket, key

    def _path(self, uri: str) -> Path:
        bucket, key = self._bucket_and_key(uri)
        if not key or key.endswith("/"):
            raise InvalidInput(f"an object's URI is s3://bucket/key, got {uri!r}")
        return self.root / bucket / key

    def _existing(self, uri: str) -> Path:
        path = self._path(uri)
        try:
            is_there = path.is_file()
        except OSError as error:
            raise _cannot_read(uri, path, error) from error
        if not is_there:
            raise NotFound(f"{uri} is not there (looked for {path})")
        return path

    def _write(self, uri: str, reader: BinaryIO) -> None:
        target = self._path(uri)
        incoming = self.root / INCOMING
        temporary = incoming / uuid.uuid4().hex
        try:
            incoming.mkdir(parents=True, exist_ok=True)
            self._sweep(incoming)
            with temporary.open("xb") as writer:
                shutil.copyfileobj(reader, writer, COPY_BYTES)
                writer.flush()
                os.fsync(writer.fileno())
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(target)
            _sync(target.parent)
        except OSError as error:
            raise _cannot_write(target, error) from error
        finally:
            _discard(temporary)

    def _sweep(self, incoming: Path) -> None:
        """Remove what killed writers left, once per store object."""
        if self._is_swept:
            return
        self._is_swept = True
        for path in incoming.iterdir():
            try:
                if time.time() - path.stat().st_mtime > LEFTOVER_AFTER_S:
                    path.unlink()
            except FileNotFoundError:  # another process swept it
                continue


def _walk(folder: Path, stem: str, prefix: str) -> Iterator[tuple[str, Path]]:
    """Keys and paths of the files below `folder` whose key starts with `prefix`; `stem` is the folder's own key."""
    try:
        with os.scandir(folder) as entries:
            # a folder sorts as "name/": S3 lists "a-b" before "a/b"
            found = sorted(
                (os.fsencode(f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name), entry)
                for entry in entries
            )
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _cannot_read(f"prefix {prefix!r}", folder, error) from error
    for _, entry in found:
        key = stem + entry.name
        if entry.is_dir(follow_symlinks=False):
            if f"{key}/".startswith(prefix) or prefix.startswith(f"{key}/"):
                yield from _walk(Path(entry.path), f"{key}/", prefix)
        elif key.startswith(prefix):
            yield key, Path(entry.path)


def _discard(temporary: Path) -> None:
    """Remove a temporary name that a rename has not used up; the error on its way says what went wrong."""
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Have the disk hold the new name too: a power cut must not leave a manifest without its files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _etag(facts: os.stat_result) -> str:
    # every write is a new file, so inode and time change with the content
    return f"{facts.st_size:x}-{facts.st_mtime_ns:x}-{facts.st_ino:x}"


def _cannot_write(path: Path, error: OSError) -> RetuneError:
    if error.errno == errno.ENAMETOOLONG:
        return InvalidInput(f"each part of a key has at most 255 bytes, got {path}")
    reason = CANNOT_WRITE.get(error.errno or 0, f"{error.strerror or error}: check the disk")
    return CannotWrite(f"cannot write {path}: {reason}")


def _cannot_read(uri: str, path: Path, error: OSError) -> RetuneError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return NotFound(f"{uri} is not there (looked for {path})")
    if error.errno in (errno.EACCES, errno.EPERM):
        return Refused(f"cannot read {path}: permission denied: make it readable")
    return Unavailable(f"cannot read {path}: {error.strerror or error}: check the disk")


if TYPE_CHECKING:
    from components.storage.store import ObjectStore

    _proof: ObjectStore = FolderStore(Path())
