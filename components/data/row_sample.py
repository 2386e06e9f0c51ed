"""Rows of a snapshot in bounded number: what is compared when two snapshots are.

Which rows is a matter of their number alone: one of each of so many equal stretches, drawn with a fixed seed. So a
sample covers the data from their first row to their last, falls in with no rhythm of theirs, and is the same each time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.data.schema import PARTS, Column, DataSnapshot, raw_path

# Two samples of this size are apart by less than 0.006 when their rows are not.
MOST_ROWS = 50_000
_BATCH_ROWS = 65_536

Read = Callable[[str], bytes]  # path below a snapshot's URI -> the file's bytes


@dataclass(frozen=True, kw_only=True)
class RowSample:
    """Some rows of a snapshot, all parts together.

    Attributes:
        digest: The snapshot's.
        columns: Its feature columns.
        target: Name of the target.
        classes: Labels in code order; None for a numeric target.
        features: Raw rows.
        labels: Original labels.
    """

    digest: str
    columns: tuple[Column, ...]
    target: str
    classes: tuple[str, ...] | None
    features: pd.DataFrame
    labels: pd.Series[Any]


def sample_of(snapshot: DataSnapshot, read: Read, *, most_rows: int = MOST_ROWS) -> RowSample:
    """Draw the sample. Each part's file is held compressed, and no more of its rows than a batch and the sample.

    Args:
        snapshot: Of what.
        read: Fetches one of its files.
        most_rows: Rows of the sample at most.
    """
    places = sample_places(sum(snapshot.rows.values()), most_rows)
    pieces, before = [], 0
    for part in PARTS:
        rows = snapshot.rows.get(part, 0)
        own = places[(places >= before) & (places < before + rows)] - before
        before += rows
        if len(own):
            pieces.append(_rows(read(raw_path(part)), own))
    frame = pa.concat_tables(pieces, promote_options="permissive").to_pandas()
    return RowSample(
        digest=snapshot.digest,
        columns=snapshot.features,
        target=snapshot.target,
        classes=snapshot.classes,
        features=frame.drop(columns=snapshot.target),
        labels=frame[snapshot.target],
    )


def sample_places(rows: int, most_rows: int) -> npt.NDArray[np.int64]:
    """Row numbers, ascending: all of them, or one of each of `most_rows` equal stretches."""
    if rows <= most_rows:
        return np.arange(rows)
    # numpy keeps this stream for ever (NEP 19)
    within = np.random.RandomState(0).random_sample(most_rows)
    drawn: npt.NDArray[np.int64] = np.floor((np.arange(most_rows) + within) * (rows / most_rows)).astype(np.int64)
    return drawn


def _rows(content: bytes, places: npt.NDArray[np.int64]) -> pa.Table:
    pieces, before = [], 0
    for batch in pq.ParquetFile(pa.BufferReader(content)).iter_batches(batch_size=_BATCH_ROWS):
        own = places[(places >= before) & (places < before + batch.num_rows)] - before
        before += batch.num_rows
        if len(own):
            pieces.append(batch.take(pa.array(own)))
    return pa.Table.from_batches(pieces)
