"""Files and Arrow columns to one frame whose dtypes say what every column is.

A number is float64, a boolean pandas' nullable boolean, text an object column of str and None, a time datetime64. The
kind of a text column is decided on all its values, so the same rows give the same frame however they are cut into
files.
"""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.data.csv_table import parse_csv
from components.data.files import Content
from components.data.transform import MISSING_TEXTS
from components.errors import Damaged, InvalidData

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
ZIP = b"PK\x03\x04"
BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows as a source gives them.

    Attributes:
        name: What messages call it.
        frame: Columns of float64, boolean, object (str, None) and datetime64.
        unusable: Columns that hold something else, left out of the frame, with their type.
        is_published: A published data set, which is what it is: constant columns stay.
        notes: What was done to the rows.
    """

    name: str
    frame: pd.DataFrame
    unusable: Mapping[str, str] = field(default_factory=dict)
    is_published: bool = False
    notes: tuple[str, ...] = ()


def table_of_files(name: str, contents: Sequence[Content], columns: Sequence[str]) -> Table:
    """Rows of CSV or Parquet files one after the other.

    Args:
        name: What messages call the whole.
        contents: The files.
        columns: Column names of CSV files without a header line.

    Raises:
        InvalidData: A file is empty, ragged, of another kind, or its columns are not those of the first.
        Damaged: A gzip or Parquet file is cut off or broken.
    """
    parts = [(each.name, _arrow(each, columns)) for each in contents]
    (first_name, (first, is_text)), others = parts[0], parts[1:]
    tables = [first]
    for other_name, (other, other_is_text) in others:
        if set(other.column_names) != set(first.column_names) or other_is_text != is_text:
            missing = sorted(set(first.column_names) ^ set(other.column_names))
            what = f"got different {', '.join(missing)}" if missing else "got CSV and Parquet"
            raise InvalidData(other_name, [f"all files must have the columns of {first_name}, {what}"])
        tables.append(other.select(first.column_names))
    try:
        whole = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise InvalidData(name, [f"a column must have one type in all files: {error}"]) from error
    return _typed(name, whole, is_text=is_text)


def _arrow(part: Content, columns: Sequence[str]) -> tuple[pa.Table, bool]:
    content = part.content
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Damaged(f"{part.name}: the gzip file is cut off or broken ({error}): fetch it again") from error
    if content.startswith(ZIP):
        raise InvalidData(part.name, ["CSV(.gz) or Parquet is needed, got a zip or Excel file"])
    if not content.startswith(PARQUET) and not part.name.endswith((".parquet", ".pq")):
        return parse_csv(part.name, content, columns), True
    if columns:
        raise InvalidData(part.name, ["data.columns is for CSV without a header line, got a Parquet file"])
    return _parquet(part.name, content), False


def _parquet(name: str, content: bytes) -> pa.Table:
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise Damaged(f"{name}: the Parquet file is cut off or broken ({error}): fetch it again") from error
    twice = sorted({column for column in table.column_names if table.column_names.count(column) > 1})
    if twice:
        raise InvalidData(name, [f"column names must differ, got twice: {', '.join(twice)}"])
    if table.num_rows == 0:
        raise InvalidData(name, ["at least one row is needed, got none"])
    return table


def _typed(name: str, table: pa.Table, *, is_text: bool) -> Table:
    series: dict[str, Any] = {}
    unusable: dict[str, str] = {}
    notes = []
    for column in table.column_names:
        values = table.column(column)
        if column.startswith("__index_level_"):
            notes.append(f"{column} left out: pandas' row index, not data")
        elif (typed := _from_text(values) if is_text else _from_parquet(values)) is None:
            unusable[column] = str(values.type)
        else:
            series[column] = typed
    return Table(name=name, frame=pd.DataFrame(series), unusable=unusable, notes=tuple(notes))


def _from_parquet(values: pa.ChunkedArray) -> Any:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if pa.types.is_boolean(kind):
        return pd.array(values.to_pylist(), dtype="boolean")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _coded(values.cast(pa.string()), lambda texts: np.array(texts, dtype=object))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return values.cast(pa.timestamp("ns"), safe=False).to_pandas().to_numpy()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return values.cast(pa.float64(), safe=False).to_numpy()
    return None


def _from_text(values: pa.ChunkedArray) -> Any:
    return _coded(values, _decide)


def _coded(values: pa.ChunkedArray, decide: Callable[[list[str | None]], npt.NDArray[Any]]) -> Any:
    """A text column through its distinct values: they are cleaned and judged once each, then put in place."""
    coded = values.combine_chunks().dictionary_encode()
    cleaned = [_cleaned(text) for text in coded.dictionary.to_pylist()]
    decided = decide([*cleaned, None])
    places = pc.fill_null(coded.indices, len(cleaned)).to_numpy()
    column = decided[places]
    return pd.array(column, dtype="boolean") if _is_boolean(decided) else column


def _cleaned(text: str) -> str | None:
    stripped = text.strip()
    return None if stripped in MISSING_TEXTS else stripped


def _decide(texts: list[str | None]) -> npt.NDArray[Any]:
    """Distinct values of a CSV column as numbers if all are, else as booleans if all are, else as text."""
    with contextlib.suppress(ValueError):
        # the x spoils 1_000, a number to Python only
        return np.array([np.nan if text is None else float(text.replace("_", "x")) for text in texts])
    truths = [None if text is None else BOOLEANS.get(text.lower(), text) for text in texts]
    if all(truth is None or isinstance(truth, bool) for truth in truths):
        return np.array(truths, dtype=object)
    return np.array(texts, dtype=object)


def _is_boolean(decided: npt.NDArray[Any]) -> bool:
    return decided.dtype == object and any(isinstance(value, bool) for value in decided)
