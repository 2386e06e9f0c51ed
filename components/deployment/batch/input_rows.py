"""An input's rows as numbered chunks of the columns that are wanted, of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.data.table import PARQUET, ZIP
from components.deployment.batch.csv_rows import csv_batches, csv_header
from components.deployment.batch.input_files import InputFile, Inputs
from components.errors import Damaged, InvalidData
from components.near_names import hint

# 40 MB of text cells at the most common lengths; wider tables are cut into fewer rows.
CHUNK_ROWS = 1 << 16
CHUNK_CELLS = 2_000_000
# Column chunks are read through buffers of this, not whole: a row group may be as large as its file.
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Consecutive rows of one file.

    Attributes:
        file: Its name.
        first: Number of the first row in its file, from 1; a header is no row.
        batch: The wanted columns that the file has.
        is_text: Every value is text as it stood in a CSV file.
    """

    file: str
    first: int
    batch: pa.RecordBatch
    is_text: bool


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Columns to read.

    Attributes:
        features: Of the model; None takes every column there is.
        required: Those of the features that must be there.
        keep: Columns that are passed through, and must be there.
    """

    features: tuple[str, ...] | None
    required: tuple[str, ...]
    keep: tuple[str, ...]

    def of(self, name: str, found: Sequence[str]) -> list[str]:
        """The columns to read of a file that has these. Raises InvalidData naming those that are missing."""
        needed = dict.fromkeys((*self.required, *self.keep))
        missing = [column for column in needed if column not in found]
        if missing:
            raise InvalidData(
                name, [f"column {column!r} must be there ({hint(column, found, quoted=True)})" for column in missing]
            )
        if self.features is None:
            return list(found)
        columns = [column for column in dict.fromkeys((*self.features, *self.keep)) if column in found]
        if not columns:
            raise InvalidData(name, [f"a column of the model must be there, got {', '.join(found)}"])
        return columns


def chunks(inputs: Inputs, wanted: Wanted) -> Iterator[Rows]:
    """All rows, in order; files without rows are passed over.

    Raises:
        InvalidData: A file is of another kind, lacks a column, is ragged; or there is no row at all.
        Damaged: A gzip or Parquet file is cut off or broken.
        Busy: A file changed meanwhile.
    """
    seen = 0
    for file in inputs.files:
        with inputs.on_disk(file) as path:
            first = 1
            is_text, batches = _batches_of(file, path, wanted)
            for batch in batches:
                size = rows_at_once(batch.num_columns)
                for offset in range(0, batch.num_rows, size):
                    part = batch.slice(offset, size)
                    yield Rows(file=file.name, first=first + offset, batch=part, is_text=is_text)
                first += batch.num_rows
            seen += first - 1
    inputs.check_unchanged()
    if not seen:
        raise InvalidData(inputs.source, ["at least one row is needed, got none"])


def rows_at_once(columns: int) -> int:
    """Rows of a chunk with this many columns."""
    return max(1, min(CHUNK_ROWS, CHUNK_CELLS // max(1, columns)))


def _batches_of(file: InputFile, path: Path, wanted: Wanted) -> tuple[bool, Iterator[pa.RecordBatch]]:
    """Whether all is text, and the wanted columns in batches."""
    with path.open("rb") as opened:
        start = opened.read(len(PARQUET))
    if start == ZIP:
        raise InvalidData(file.name, ["CSV(.gz) or Parquet is needed, got a zip or Excel file"])
    if start == PARQUET or file.name.endswith((".parquet", ".pq")):
        return False, _parquet_batches(file.name, path, wanted)
    delimiter, header = csv_header(file.name, path)
    if not header:  # other programs leave empty parts where they had no rows
        return True, iter(())
    columns = wanted.of(file.name, header)
    return True, csv_batches(file.name, path, delimiter=delimiter, header=header, columns=columns)


def _parquet_batches(name: str, path: Path, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
            columns = wanted.of(name, file.schema_arrow.names)
            yield from file.iter_batches(batch_size=rows_at_once(len(columns)), columns=columns, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise Damaged(f"{name}: the Parquet file is cut off or broken ({error}): fetch it again") from error
