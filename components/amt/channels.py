"""Input data of a training job: fetched from the store once per content, linked into each container.

The cache keeps one file per object version, read-only and with a fixed modification time: a script that wrote into
its input would show, and the file is fetched again for the next.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from components.amt.trimming import drop_least_used
from components.amt.validation import CREATE, client_error
from components.errors import Damaged, InvalidInput, NotFound
from components.storage.store import ObjectInfo, ObjectStore, parse_uri

_CACHED_MTIME_S = 1_000_000_000
# Another file system, or one without links, or with no more of them.
_NO_LINKS = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS)
_MANIFEST_BYTES = 16 * 1024**2


class Cache:
    """Objects of a store as local files.

    Args:
        folder: Where the files are kept.
        store: Where they come from.
    """

    def __init__(self, folder: Path, store: ObjectStore) -> None:
        self._folder = folder
        self._store = store
        self._lock = threading.Lock()

    def file(self, found: ObjectInfo) -> Path:
        """The object's content as a file nobody may change.

        Raises:
            NotFound: It is gone from the store.
            Unavailable: The store does not answer.
            Damaged: What came is not what was listed.
        """
        digest = hashlib.sha256(f"{found.uri}\n{found.size}\n{found.etag}".encode()).hexdigest()
        path = self._folder / digest[:2] / digest
        with self._lock:  # two training jobs that start together fetch once
            if not _intact(path, found.size):
                path.parent.mkdir(parents=True, exist_ok=True)
                fresh = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
                try:
                    self._store.get(found.uri, fresh)
                    if fresh.stat().st_size != found.size:
                        raise Damaged(
                            f"{found.uri} must have the {found.size} bytes listed, got {fresh.stat().st_size}"
                        )
                    fresh.chmod(0o444)
                    os.utime(fresh, (time.time(), _CACHED_MTIME_S))
                    fresh.replace(path)
                finally:
                    fresh.unlink(missing_ok=True)
            else:  # the time of its last use is its access time, said by us: many disks do not keep it
                os.utime(path, (time.time(), _CACHED_MTIME_S))
        return path

    def trim(self) -> None:
        """Drop what has not been used for longest, beyond 10 GiB; a file in use stays where it is linked.

        Raises:
            OSError: Something cannot be deleted.
        """
        drop_least_used(self._folder, now_s=time.time())


def _intact(path: Path, size: int) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return found.st_size == size and int(found.st_mtime) == _CACHED_MTIME_S


def s3_uri(channel: Mapping[str, Any]) -> str:
    """The S3 prefix of a channel."""
    return str(channel["DataSource"]["S3DataSource"]["S3Uri"])


def check_inputs(definition: Mapping[str, Any], *, store: ObjectStore, region: str, operation: str = CREATE) -> None:
    """Refuse a definition whose channels have no objects, as Create does.

    Raises:
        ClientError: ValidationException with AWS's text.
        Unavailable: The store does not answer.
    """
    for channel in definition.get("InputDataConfig") or ():
        uri = s3_uri(channel)
        bucket = uri.removeprefix("s3://").partition("/")[0]
        try:
            found = next(iter(store.list(uri)), None)
        except (NotFound, InvalidInput):  # no such bucket, or no such prefix can be
            found = None
        if found is None:
            text = (
                f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
                f"exists in the selected region ({region}), that objects exist under that S3 prefix, and that the role "
                f'"{definition["RoleArn"]}" has "s3:ListBucket" permissions on bucket "{bucket}".'
            )
            raise client_error("ValidationException", text, operation)


def place_channel(channel: Mapping[str, Any], *, folder: Path, store: ObjectStore, cache: Cache, mode: str) -> None:
    """Put a channel's files where the container reads them, `input/data/<channel>/`.

    FastFile streams on AWS and copies nothing: here a store on this machine is read where it is, however large.

    Args:
        channel: One entry of InputDataConfig with an S3Prefix or a ManifestFile.
        folder: The channel's folder; it is made.
        store: Where the objects are.
        cache: Where their content is kept here.
        mode: The algorithm's TrainingInputMode, where the channel has none of its own.

    Raises:
        NotFound: No object is there.
        InvalidInput: A key cannot be a path here, or the manifest is none.
        Unavailable: The store does not answer.
    """
    uri = s3_uri(channel)
    folder.mkdir(parents=True)
    empty = True
    streamed = channel.get("InputMode", mode) == "FastFile"
    is_manifest = channel["DataSource"]["S3DataSource"].get("S3DataType") == "ManifestFile"
    for found, relative in _listed(uri, store) if is_manifest else _below(uri, store):
        empty = False
        try:
            original = store.in_place(found.uri) if streamed else None
            if original is None:
                _place(cache.file(found), folder / relative)
            else:
                (folder / relative).parent.mkdir(parents=True, exist_ok=True)
                (folder / relative).symlink_to(original)
        except FileExistsError as error:
            raise InvalidInput(f"two objects of a channel must not land at one path, got {found.uri} again") from error
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise InvalidInput(f"each part of a key has at most 255 bytes, got {found.uri}") from error
    if empty:
        raise NotFound(f"No S3 objects found under S3 URL {uri!r} given in input data source.")


def _below(prefix: str, store: ObjectStore) -> Iterator[tuple[ObjectInfo, PurePosixPath]]:
    """The objects of a prefix, and where each lands below its channel's folder."""
    for found in store.list(prefix):
        relative = relative_key(parse_uri(prefix)[1], parse_uri(found.uri)[1])
        if relative is not None:
            yield found, relative


def _listed(manifest: str, store: ObjectStore) -> Iterator[tuple[ObjectInfo, PurePosixPath]]:
    """The objects that a manifest names, such as `[{"prefix": "s3://bucket/some/"}, "a.csv"]`, and their paths."""
    law = 'a manifest is a JSON array, first {"prefix": "s3://..."}, then the rest of each S3Uri as text'
    head = _exactly(manifest, store)
    if head.size > _MANIFEST_BYTES:
        raise InvalidInput(f"{law}, at most {_MANIFEST_BYTES} bytes; got {head.size} bytes in {manifest}")
    try:
        first, *names = json.loads(store.get_bytes(manifest))
        prefix = str(first["prefix"])
        usable = all(isinstance(name, str) and name.strip("/") and "\0" not in name for name in names)
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise InvalidInput(f"{law}; got something else in {manifest}") from error
    if not usable:
        raise InvalidInput(f"{law}; got an entry that is not in {manifest}")
    for name in dict.fromkeys(names):
        yield _exactly(prefix + name, store), PurePosixPath(name.lstrip("/"))


def _exactly(uri: str, store: ObjectStore) -> ObjectInfo:
    found = next((entry for entry in store.list(uri) if entry.uri == uri), None)
    if found is None:
        raise NotFound(f"No S3 object found at {uri!r} given in input data source.")
    return found


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with source.open("rb") as content, target.open("xb") as copy:
            shutil.copyfileobj(content, copy)


def relative_key(prefix: str, key: str) -> PurePosixPath | None:
    """Where an object of a prefix lands below its channel's folder.

    `dir/` and `dir` give what is below `dir`; a prefix that ends inside a name, or is the object itself, keeps the
    name.

    Returns:
        None for a folder marker.
    """
    if key.endswith("/"):
        return None
    if prefix and not prefix.endswith("/") and not key.startswith(prefix + "/"):
        prefix = prefix.rpartition("/")[0]
    return PurePosixPath(key[len(prefix) :].lstrip("/"))
