"""A script's `sourcedir.tar.gz`: unpacked as an archive nobody vouches for."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from pathlib import Path
from typing import BinaryIO, cast

MOST_MEMBERS = 20_000
MOST_BYTES = 2 * 1024**3
_SHOWN = 80
# What tarfile and pathlib raise for headers and names nobody writes in good faith: NUL in a path, a broken sparse map,
# numbers without end, headers about headers.
_HOSTILE = (ValueError, ArithmeticError, LookupError, RecursionError)


# tarfile reads a header's own content (a long name, a pax record) in one piece, files in small ones.
_LONGEST_READ = 1024**2


class BadSource(Exception):
    """The archive cannot be used; the message says why, for a FailureReason."""


def unpack(archive: Path, folder: Path, *, most_members: int = MOST_MEMBERS, most_bytes: int = MOST_BYTES) -> None:
    """Unpack into the container's code folder; all but files and folders is refused, and paths that leave it.

    Raises:
        BadSource: It is no gzipped tar, or breaks a limit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    members = total = 0
    try:
        with gzip.open(archive) as content, tarfile.open(fileobj=cast(BinaryIO, _Sparing(content)), mode="r:") as tar:
            for member in tar:
                if not (member.isfile() or member.isdir()) or member.size < 0:
                    raise BadSource(
                        "sourcedir.tar.gz cannot be unpacked: its members must be files and folders with a size of 0 "
                        f"or more, got {member.name[:_SHOWN]!r} of type {member.type!r} and size {member.size}"
                    )
                members += 1
                total += member.size
                if members > most_members or total > most_bytes:
                    raise BadSource(
                        f"sourcedir.tar.gz must hold at most {most_members} files and {most_bytes} bytes unpacked"
                    )
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, zlib.error, EOFError, OSError, *_HOSTILE) as error:
        raise BadSource(f"sourcedir.tar.gz cannot be unpacked: {error}") from error


class _Sparing(io.RawIOBase):
    """A file that refuses to be read in large pieces: a header that claims gigabytes would fill the memory."""

    def __init__(self, content: gzip.GzipFile) -> None:
        self._content = content

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_READ:
            raise BadSource(
                f"sourcedir.tar.gz cannot be unpacked: a header must have at most {_LONGEST_READ} bytes, got {size}"
            )
        return self._content.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()


def check_entry_point(folder: Path, program: str) -> Path:
    """Refuse an entry point that is not there.

    Returns:
        The entry point.

    Raises:
        BadSource: With the reason.
    """
    entry = folder
    try:
        entry = (folder / program).resolve()
        usable = entry.is_relative_to(folder.resolve()) and entry.is_file()
    except (OSError, ValueError):  # a name no file can have: NUL in it, or too long
        usable = False
    if not usable:
        raise BadSource(f"sagemaker_program must name a file of the source directory, got {program!r}")
    return entry
