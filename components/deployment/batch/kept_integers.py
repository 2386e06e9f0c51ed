"""Kept columns of a CSV file that hold integers: numbers in a Parquet file, for as long as every value is one.

An integer here is written as one would write it, so that nothing is lost on the way back to text: 0042, which may be a
postcode, is none, and anything else stays the text that it is.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_FROM_CSV = {b"retune.from": b"csv"}
_INTEGER = r"^(|0|-?[1-9][0-9]{0,17})$"  # an empty field is none; 18 digits are an int64


def from_csv(name: str) -> pa.Field:
    """The field of a column whose values are the text that stood in a CSV file."""
    return pa.field(name, pa.string(), metadata=_FROM_CSV)


def integers_among(table: pa.Table) -> set[str]:
    """Columns out of a CSV file with an integer in them and nothing else."""
    marked = [field.name for field in table.schema if (field.metadata or {}).items() >= _FROM_CSV.items()]
    return {name for name in marked if are_integers(table[name]) and pc.any(pc.not_equal(table[name], "")).as_py()}


def are_integers(column: pa.ChunkedArray) -> bool:
    """Whether a column goes on as integers: it is of such a type, or its text is as one writes them."""
    if pa.types.is_string(column.type):
        return pc.all(pc.match_substring_regex(column, _INTEGER), min_count=0).as_py() is True
    return bool(pa.types.is_integer(column.type))


def as_integers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text to numbers, an empty field to none."""
    if not pa.types.is_string(column.type):
        return column.cast(pa.int64())
    return pc.if_else(pc.equal(column, ""), None, column).cast(pa.int64())


def as_texts(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """These columns as they stood in the CSV file."""
    for name in names:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pc.fill_null(table[name].cast(pa.string()), ""))
    return table


def rewrite(place: Path, names: Sequence[str], about: Mapping[str, str]) -> tuple[Any, pq.ParquetWriter]:
    """A file that was written and closed, begun anew with these columns as text; it stays the same file.

    Returns:
        Sink and writer, to go on with.
    """
    with tempfile.TemporaryFile(dir=place.parent) as was:
        with place.open("rb") as file:
            shutil.copyfileobj(file, was)
        was.seek(0)
        old = pq.ParquetFile(was)
        schema = as_texts(old.schema_arrow.empty_table(), names).schema.with_metadata(dict(about))
        sink = pa.OSFile(str(place), "wb")
        writer = pq.ParquetWriter(sink, schema, compression="zstd")
        for group in range(old.num_row_groups):
            writer.write_table(as_texts(old.read_row_group(group), names).cast(schema))
    return sink, writer
