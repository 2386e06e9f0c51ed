"""What `--input` names, as files; one that is elsewhere is on this disk only while it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from components.data.files import matching_objects, matching_paths
from components.errors import Busy, InvalidInput, Refused
from components.storage.store import ObjectStore

PLACE = "--input"


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """One file of the input.

    Attributes:
        name: Path or URI, for messages.
        fingerprint: Changes when the file does.
        path: Where it is, of a file of this machine.
    """

    name: str
    fingerprint: str
    path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The files of an input, in the order their rows come.

    Attributes:
        source: As it was named.
        files: At least one.
        store: Where files without a path are fetched from.
        scratch: Where to.
        look: Finds the files again.
    """

    source: str
    files: tuple[InputFile, ...]
    store: ObjectStore
    scratch: Path
    look: Callable[[], tuple[InputFile, ...]]

    @contextmanager
    def on_disk(self, file: InputFile) -> Iterator[Path]:
        """The file's path while the block runs. Raises Refused when it cannot be read."""
        try:
            if file.path is not None:
                yield file.path
                return
            self.scratch.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=self.scratch, prefix="batch-") as folder:
                path = Path(folder) / "input"
                self.store.get(file.name, path)
                yield path
        except OSError as error:
            raise Refused(f"cannot read {file.name}: {error.strerror or error}: make it readable") from error

    def check_unchanged(self) -> None:
        """Raises Busy when the files are not those that were found first: answers would be to rows of two states."""
        if self.look() != self.files:
            raise Busy(f"{PLACE}: {self.source} changed while it was read: run again when its writer is done")


def find_inputs(source: str, *, base_dir: Path, store: ObjectStore, scratch: Path) -> Inputs:
    """The files a path, glob or `s3://` object, prefix or glob names.

    Args:
        source: What the user wrote.
        base_dir: Where relative paths start.
        store: Where `s3://` is.
        scratch: For files that are fetched.

    Raises:
        NotFound: Nothing matches.
        InvalidInput: Another scheme, or a folder.
        Unavailable: The store does not answer.
    """
    scheme, separator, _ = source.partition("://")
    if separator and scheme != "s3":
        raise InvalidInput(f"{PLACE} is a path, a glob or an s3:// URI of CSV(.gz) or Parquet, got {source!r}")

    def look() -> tuple[InputFile, ...]:
        return _stored(source, store) if separator else _local(source, base_dir)

    return Inputs(source=source, files=look(), store=store, scratch=scratch, look=look)


def _stored(source: str, store: ObjectStore) -> tuple[InputFile, ...]:
    return tuple(
        InputFile(name=each.uri, fingerprint=f"{each.size} {each.etag}", path=store.in_place(each.uri))
        for each in matching_objects(source, store, place=PLACE)
    )


def _local(source: str, base_dir: Path) -> tuple[InputFile, ...]:
    files = []
    for path in matching_paths(source, base_dir, place=PLACE):
        try:
            facts = path.stat()
        except OSError as error:
            raise Refused(f"cannot read {path}: {error.strerror}: make it readable") from error
        shown = str(path.relative_to(base_dir)) if path.is_relative_to(base_dir) else str(path)
        files.append(InputFile(name=shown, fingerprint=f"{facts.st_size} {facts.st_mtime_ns}", path=path))
    return tuple(files)
