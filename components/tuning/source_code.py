"""One's own training script: its digest, and its packed form as SageMaker's script mode takes it."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.errors import InvalidInput, NotFound
from components.naming import code_prefix
from components.storage import ObjectStore

_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class SourceCode:
    """A packed `source_dir`.

    Attributes:
        digest: SHA-256 (64 hex digits) over paths and contents; the same on every machine.
        entry_point: Script inside it.
        archive: `sourcedir.tar.gz`, the same bytes for the same digest.
    """

    digest: str
    entry_point: str
    archive: bytes


def pack(source_dir: Path, entry_point: str) -> SourceCode:
    """Pack a folder of code, without hidden files and caches.

    Raises:
        NotFound: There is no such folder, or no such script in it.
        InvalidInput: The script is outside the folder, or the folder is over 64 MiB.
    """
    if not source_dir.is_dir():
        raise NotFound(f"training.source_dir: there is no folder {source_dir}")
    script = (source_dir / entry_point).resolve()
    if not script.is_relative_to(source_dir.resolve()):
        raise InvalidInput(f"training.entry_point must lie inside source_dir, got {entry_point!r}")
    if not script.is_file():
        raise NotFound(f"training.entry_point: there is no {entry_point} in {source_dir}")
    files = [(path.relative_to(source_dir).as_posix(), path.read_bytes()) for path in _files(source_dir)]
    size = sum(len(content) for _, content in files)
    if size > _MAX_BYTES:
        raise InvalidInput(f"training.source_dir must hold at most 64 MiB, got {size / 2**20:.0f} MiB in {source_dir}")
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return SourceCode(digest=digest.hexdigest(), entry_point=entry_point, archive=_archive(files))


def code_archive_uri(code: SourceCode, base_uri: str) -> str:
    """Where the archive of this code is kept."""
    return f"{base_uri}/{code_prefix(code.digest)}/sourcedir.tar.gz"


def publish(code: SourceCode, *, store: ObjectStore, base_uri: str) -> None:
    """Upload once per digest."""
    uri = code_archive_uri(code, base_uri)
    if not store.exists(uri):
        store.put_bytes(code.archive, uri)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not path.is_symlink() and not hidden:
            yield path


def _archive(files: list[tuple[str, bytes]]) -> bytes:
    # No names, times or users of this machine: the same code is the same archive.
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)
