"""One Parquet or CSV file of answers: in its place whole, or not at all.

It grows under a temporary name beside its place (of an `s3://` URI: in the scratch folder) and takes its name by one
rename, or one Put. What a killed writer left is not locked any more, and removed by the next one to the same place.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from components.deployment.batch.kept_integers import are_integers, as_integers, as_texts, integers_among, rewrite
from components.errors import CannotWrite, Damaged, InvalidInput
from components.storage.store import ObjectStore, parse_uri

FORMATS = (".parquet", ".pq", ".csv", ".csv.gz")
# A Parquet row group; chunks alone would make thousands of small ones.
GROUP_ROWS = 1 << 18


class _Format(Protocol):
    """ParquetWriter and CSVWriter."""

    def write_table(self, table: pa.Table, row_group_size: int | None = None) -> None: ...

    def close(self) -> None: ...


class OutputFile:
    """A file that is being written.

    Attributes:
        rows: Written so far.
        columns: Their names; none before the first rows.
    """

    def __init__(self, name: str, place: Path, about: Mapping[str, str]) -> None:
        self.rows = 0
        self.columns: tuple[str, ...] = ()
        self._name = name
        self._place = place
        self._integers: set[str] = set()
        self._sink: Any = pa.OSFile(str(place), "wb")
        self._about = about
        self._schema: pa.Schema | None = None
        self._writer: _Format | None = None
        self._waiting: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        """Add rows; their types become those of the first ones, but for integers out of a CSV file that turn to text.

        Raises:
            InvalidInput: A kept column's values are not of the type they began with.
            Damaged: The answers are of other columns than before.
        """
        if self._schema is None:
            self._integers = integers_among(table) if self._is_parquet else set()
            table = self._with_integers(table)
            # a column without a value so far may hold text later
            fields = [pa.field(f.name, pa.string() if pa.types.is_null(f.type) else f.type) for f in table.schema]
            self._schema = pa.schema(fields, metadata=dict(self._about))
            self.columns = tuple(table.schema.names)
        if tuple(table.schema.names) != self.columns:
            raise Damaged(
                f"answers must have the columns {', '.join(self.columns)}, got {', '.join(table.schema.names)}"
            )
        texts = sorted(name for name in self._integers if not are_integers(table[name]))
        if texts:
            self._turn_to_text(texts)
        table = self._with_integers(table)
        try:
            self._waiting.append(table.cast(self._schema))
        except pa.ArrowException as error:
            raise InvalidInput(f"{self._name}: a column must keep the type of its first rows: {error}") from error
        self.rows += table.num_rows
        if sum(each.num_rows for each in self._waiting) >= GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        if self._writer is not None:
            self._writer.close()
        self._sink.close()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        self._waiting.clear()
        if self._writer is None:
            self._writer = self._open()
        self._writer.write_table(table)

    @property
    def _is_parquet(self) -> bool:
        return self._name.endswith((".parquet", ".pq"))

    def _with_integers(self, table: pa.Table) -> pa.Table:
        for name in self._integers:
            table = table.set_column(table.schema.get_field_index(name), name, as_integers(table[name]))
        return table

    def _turn_to_text(self, names: Sequence[str]) -> None:
        """Write these columns as text from the first row on."""
        self._integers -= set(names)
        self._waiting = [as_texts(table, names) for table in self._waiting]
        assert self._schema is not None  # noqa: S101  rows have been written
        fields = [pa.field(field.name, pa.string()) if field.name in names else field for field in self._schema]
        self._schema = pa.schema(fields, metadata=dict(self._about))
        self._waiting = [table.cast(self._schema) for table in self._waiting]
        if self._writer is not None:
            self._writer.close()
            self._sink.close()
            self._sink, self._writer = rewrite(self._place, names, self._about)

    def _open(self) -> _Format:
        if self._is_parquet:
            return pq.ParquetWriter(self._sink, self._schema, compression="zstd")  # type: ignore[no-any-return]
        if self._name.endswith(".gz"):
            self._sink = pa.CompressedOutputStream(self._sink, "gzip")
        return pacsv.CSVWriter(self._sink, self._schema)  # type: ignore[no-any-return]


def check_output(output: str, base_dir: Path) -> None:
    """Refuse before anything is read what could not be written at the end.

    Raises:
        InvalidInput: The name says no format, or is a folder's.
    """
    scheme, separator, _ = output.partition("://")
    if separator and scheme != "s3":
        raise InvalidInput(f"--output is a path or an s3:// URI, got {output!r}")
    if not output.endswith(FORMATS) or output.rpartition("/")[2] in FORMATS:
        raise InvalidInput(f"--output names a file that ends in {', '.join(FORMATS)}, got {output!r}")
    if separator:
        parse_uri(output)
    elif (base_dir / output).is_dir():
        raise InvalidInput(f"--output names a file, got the folder {output}")


@contextmanager
def writing(
    output: str, *, base_dir: Path, store: ObjectStore, scratch: Path, about: Mapping[str, str]
) -> Iterator[OutputFile]:
    """A file to write to; it takes its place when the block ends well.

    Args:
        output: Path or `s3://` URI; its ending says the format. What was there is replaced.
        base_dir: Where relative paths start.
        store: Where `s3://` is.
        scratch: Where a file for the store grows.
        about: Kept in a Parquet file's metadata.

    Raises:
        CannotWrite: Disk or folder cannot take it.
    """
    stored = output.startswith("s3://")
    place = scratch / "batch-output" if stored else base_dir / output
    name = Path(output).name
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place)
        growing = place.with_name(f".{place.name[:100]}.{secrets.token_hex(6)}.part")
        with growing.open("xb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                written = OutputFile(name, growing, about)
                yield written
                written.close()
                os.fsync(lock.fileno())
                if stored:
                    store.put(growing, output)
                else:
                    growing.replace(place)
            finally:
                growing.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite(f"cannot write {output}: {error.strerror or error}: make room, or write elsewhere") from error


def _sweep(place: Path) -> None:
    """Remove what killed writers to this place left: their lock went with them."""
    for left in place.parent.glob(f".{glob.escape(place.name[:100])}.*.part"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
