"""The value types of the data stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A raw feature column, as the deployed model takes it.

    Attributes:
        name: Column name.
        kind: What its values are.
        categories: Of a category: the values seen in train, in the order of the model's codes.
        has_missing: Whether a value was missing in train.
    """

    name: str
    kind: Literal["number", "category", "boolean"]
    categories: tuple[str, ...] = ()
    has_missing: bool = False


@dataclass(frozen=True, kw_only=True)
class DataSnapshot:
    """An immutable copy of a run's data, named by its content.

    Attributes:
        digest: 64 hex digits over the content: the same data and data spec give the same digest on every machine.
        uri: `s3://bucket/<prefix>/snapshots/<first 16 digits>`.
        features: Raw feature columns, in the order of the channels' columns.
        target: Target column.
        classes: Labels in code order 0..k-1 of a text or boolean target (booleans as "False", "True"); None for a
            numeric target, which is kept as it is.
        rows: Rows of train, validation and test (0 when there is none).
        preprocessing: JSON text for `transform.Preprocessing`.
        files: Path below `uri` to SHA-256 (hex) of the object there.
        notes: What a reader should know: rows left out, columns that say little.
        identifiers: Feature columns of whole numbers that look like identifiers.
    """

    digest: str
    uri: str
    features: tuple[Column, ...]
    target: str
    classes: tuple[str, ...] | None
    rows: Mapping[str, int]
    preprocessing: str
    files: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()

    def channel_uri(self, part: Literal["train", "validation"]) -> str:
        """Prefix of a channel: CSV without header, label first, what SageMaker's built-in algorithms read."""
        return f"{self.uri}/{part}/"

    def raw_uri(self, part: Part) -> str:
        """Parquet of a part's raw rows, its last column the original label."""
        return f"{self.uri}/{raw_path(part)}"


@dataclass(frozen=True, kw_only=True)
class RawPart:
    """A part's rows as they came, for whoever feeds them to a whole model.

    Attributes:
        part: train, validation or test.
        features: Raw feature columns: numbers as float64, booleans as True/False/None, text as str/None.
        labels: Original labels: str for classes, numbers for a numeric target.
    """

    part: Part
    features: pd.DataFrame
    labels: pd.Series[Any]


def channel_path(part: Literal["train", "validation"]) -> str:
    """Path of a channel's one file below a snapshot's URI."""
    return f"{part}/part-00000.csv"


def raw_path(part: Part) -> str:
    """Path of a part's raw rows below a snapshot's URI."""
    return f"raw/{part}.parquet"
