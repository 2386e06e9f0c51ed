"""A script's `sourcedir.tar.gz`: unpacked as an archive nobody vouches for."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path

MOST_MEMBERS = 20_000
MOST_BYTES = 2 * 1024**3


class BadSource(Exception):
    """The archive cannot be used; the message says why, for a FailureReason."""


def unpack(archive: Path, folder: Path, *, most_members: int = MOST_MEMBERS, most_bytes: int = MOST_BYTES) -> None:
    """Unpack into the container's code folder; links, devices and paths that leave it are refused.

    Raises:
        BadSource: It is no gzipped tar, or breaks a limit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    members = total = 0
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                members += 1
                total += member.size
                if members > most_members or total > most_bytes:
                    raise BadSource(
                        f"sourcedir.tar.gz must hold at most {most_members} files and {most_bytes} bytes unpacked"
                    )
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise BadSource(f"sourcedir.tar.gz cannot be unpacked: {error}") from error


def check_entry_point(folder: Path, program: str) -> None:
    """Refuse an entry point that is not there, or code that wants something installed first.

    Raises:
        BadSource: With the reason.
    """
    entry = (folder / program).resolve()
    if not entry.is_relative_to(folder.resolve()) or not entry.is_file():
        raise BadSource(f"sagemaker_program must name a file of the source directory, got {program!r}")
    for name in ("requirements.txt", "setup.py"):
        if (folder / name).is_file():
            raise BadSource(
                f"{name} in the source directory is not available yet on the local engine: "
                f"install what it names into this environment and leave the file out"
            )
