"""What a training job leaves: folders packed into archives with the same bytes for the same files."""

from __future__ import annotations

import gzip
import os
import tarfile
from pathlib import Path


def pack(folder: Path, archive: Path) -> bool:
    """Pack a folder into a `.tar.gz` by rename: members sorted, no times, no owners, so equal content is equal bytes.

    Links are kept as links; sockets, FIFOs and devices are left out.

    Returns:
        Whether there was anything to pack.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) if folder.is_dir() else []
    if not names:
        return False
    temporary = archive.with_name(archive.name + ".part")
    with (
        temporary.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in names:
            tar.add(folder / name, arcname=name, recursive=False, filter=_plain)
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(archive)
    return True


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        return None
    member.mtime = 0
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
