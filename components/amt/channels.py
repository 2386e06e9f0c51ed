"""Input data of a training job: fetched from the store once per content, linked into each container.

The cache keeps one file per object version, read-only and with a fixed modification time: a script that wrote into
its input would show, and the file is fetched again for the next.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from components.amt.validation import CREATE, client_error
from components.errors import Damaged, InvalidInput, NotFound
from components.storage.store import ObjectInfo, ObjectStore, parse_uri

_CACHED_MTIME_S = 1_000_000_000


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
                    os.utime(fresh, (_CACHED_MTIME_S, _CACHED_MTIME_S))
                    fresh.replace(path)
                finally:
                    fresh.unlink(missing_ok=True)
        return path


def _intact(path: Path, size: int) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return found.st_size == size and int(found.st_mtime) == _CACHED_MTIME_S


def s3_uri(channel: Mapping[str, Any]) -> str:
    """The S3 prefix of a channel."""
    return str(channel["DataSource"]["S3DataSource"]["S3Uri"])


def check_inputs(definition: Mapping[str, Any], *, store: ObjectStore, region: str) -> None:
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
            raise client_error("ValidationException", text, CREATE)


def place_channel(channel: Mapping[str, Any], *, folder: Path, store: ObjectStore, cache: Cache) -> None:
    """Put a channel's files where the container reads them, `input/data/<channel>/`.

    Args:
        channel: One entry of InputDataConfig with an S3Prefix.
        folder: The channel's folder; it is made.
        store: Where the objects are.
        cache: Where their content is kept here.

    Raises:
        NotFound: No object is there.
        InvalidInput: A key cannot be a path here.
        Unavailable: The store does not answer.
    """
    prefix = s3_uri(channel)
    folder.mkdir(parents=True)
    empty = True
    for found in store.list(prefix):
        relative = relative_key(parse_uri(prefix)[1], parse_uri(found.uri)[1])
        if relative is None:
            continue
        empty = False
        try:
            _place(cache.file(found), folder / relative)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise InvalidInput(f"each part of a key has at most 255 bytes, got {found.uri}") from error
    if empty:
        raise NotFound(f"No S3 objects found under S3 URL {prefix!r} given in input data source.")


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


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
