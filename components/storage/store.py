"""The store every stage is handed: objects under `s3://bucket/key`, wherever they really are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from components.errors import InvalidInput, NotFound, Refused


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """One stored object.

    Attributes:
        uri: `s3://bucket/key`.
        size: Bytes.
        etag: Changes when the content changes; opaque.
    """

    uri: str
    size: int
    etag: str


def parse_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an `s3://bucket/key` URI; the key may be empty.

    Raises:
        InvalidInput: It is not such a URI, or its key leaves the bucket (`..`).
    """
    bucket, slash, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise InvalidInput(f"a store's URI is s3://bucket/key, got {uri!r}")
    if slash and any(part in (".", "..") for part in key.split("/")):
        raise InvalidInput(f"a key has no '.' or '..' part, got {uri!r}")
    return bucket, key


def open_to_store(path: Path) -> BinaryIO:
    """A file that is about to be stored.

    Raises:
        NotFound: It is not there, or is a folder.
        Refused: It may not be read.
    """
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise NotFound(f"a file to store must exist, got {path}") from None
    except OSError as error:
        raise Refused(f"cannot read {path}: {error.strerror}: make it readable") from error


class ObjectStore(Protocol):
    """Objects by URI. Writes are whole or not at all; a reader never sees half an object."""

    def put(self, path: Path, uri: str) -> None:
        """Store a file's bytes. Raises Unavailable or CannotWrite."""

    def put_bytes(self, content: bytes, uri: str) -> None:
        """Store bytes. Raises Unavailable or CannotWrite."""

    def get(self, uri: str, path: Path) -> None:
        """Fetch into `path`, by rename from a temporary name beside it. Raises NotFound or Unavailable."""

    def get_bytes(self, uri: str) -> bytes:
        """Fetch a small object whole. Raises NotFound or Unavailable."""

    def get_range(self, uri: str, start: int, length: int) -> bytes:
        """Fetch part of an object: fewer bytes where it ends before. Raises NotFound or Unavailable."""

    def list(self, prefix_uri: str) -> Iterator[ObjectInfo]:
        """Objects whose URI starts with `prefix_uri` (S3's meaning of prefix: text, not folders), by key."""

    def exists(self, uri: str) -> bool:
        """Whether this very object is there. Raises Unavailable."""

    def in_place(self, uri: str) -> Path | None:
        """The object as a file of this machine, only to be read; None where the store is elsewhere. Raises NotFound."""
