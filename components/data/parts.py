"""The bytes of a snapshot's files, and the digest of what they mean.

The digest is of values, not of Parquet bytes: those hold the version of the library that wrote them, and the same data
must have the same name on every machine.
"""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.data.schema import Part, RawPart
from components.data.transform import Matrix

# float32 holds every integer up to here
EXACT_INTEGERS = 2**24


def channel_csv(labels: Matrix, matrix: Matrix) -> bytes:
    """A channel as SageMaker's built-in algorithms read it: no header, label first, missing as `nan`.

    `nan` rather than an empty field: XGBoost's own reader takes both as missing, but loses a last column that is
    empty in every row (its width is the longest row's). Numbers are in the shortest form that reads back as the same
    float32.

    Args:
        labels: float32 of shape (rows,).
        matrix: float32 of shape (rows, features).
    """
    columns = [_as_text(column) for column in (labels, *matrix.T)]
    return ("\n".join(map(",".join, zip(*columns, strict=True))) + "\n").encode()


def raw_parquet(features: pd.DataFrame, labels: pd.Series[Any], target: str) -> bytes:
    """Raw rows and, as the last column, original labels."""
    table = pa.Table.from_pandas(features.assign(**{target: labels}), preserve_index=False)
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), buffer, compression="zstd", store_schema=False)
    return buffer.getvalue()


def read_raw(content: bytes, *, part: Part, target: str) -> RawPart:
    """What `raw_parquet` wrote."""
    table = pq.read_table(pa.BufferReader(content))
    # boolean without missing values is bool, else an object column of True, False and None
    frame = table.to_pandas()
    return RawPart(part=part, features=frame.drop(columns=target), labels=frame[target])


def content_digest(features: pd.DataFrame, labels: pd.Series[Any]) -> str:
    """SHA-256 (hex) of raw rows' values, whatever wrote them."""
    digest = hashlib.sha256()
    for name, column in (*features.items(), ("", labels)):
        kind, values = _canonical(column)
        digest.update(json.dumps([str(name), kind, len(values)]).encode())
        digest.update(values)
    return digest.hexdigest()


def _canonical(column: pd.Series[Any]) -> tuple[str, bytes]:
    if column.dtype in (object, "boolean"):
        places, distinct = pd.factorize(column)
        texts = json.dumps([str(value) for value in distinct], ensure_ascii=False)
        return f"{'boolean' if column.dtype == 'boolean' else 'text'} {texts}", places.astype("<i4").tobytes()
    if column.dtype == "int64":
        return "integer", column.to_numpy().astype("<i8").tobytes()
    numbers = column.to_numpy(dtype=np.float64)
    # one bit pattern for every NaN, and +0 for -0
    return "number", np.where(np.isnan(numbers), np.nan, numbers + 0.0).astype("<f8").tobytes()


def _as_text(column: npt.NDArray[np.float32]) -> list[str]:
    distinct, places = np.unique(column, return_inverse=True)
    return np.array([_shortest(value) for value in distinct], dtype=object)[places].tolist()  # type: ignore[no-any-return]


def _shortest(value: np.float32) -> str:
    if abs(value) < EXACT_INTEGERS and value == int(value):
        return str(int(value))
    return str(value)
