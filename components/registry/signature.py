"""What a registered model says about its input and output: MLflow's signature, and an example of made-up rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from components.data.snapshot import Column, DataSnapshot

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, TensorSpec

_EXAMPLE_ROWS = 2


def signature_of(snapshot: DataSnapshot, *, form: str, probabilities: Sequence[str]) -> ModelSignature:
    """The signature of a model over raw rows.

    Text is `string`. Numbers, booleans and whatever may be missing are `Any`: MLflow refuses whole numbers in frames
    for a `double` and missing values for a `long`, and turns a missing `boolean` in a request into False (3.17,
    measured). The preprocessing inside the model checks every value and names the column at fault.

    Args:
        snapshot: Raw columns and classes.
        form: As in `asking.answer`.
        probabilities: Names of the probability columns, in order.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    label = DataType.long if snapshot.classes is None else DataType.string
    outputs: list[ColSpec | TensorSpec] = [ColSpec(DataType.double if form == "numbers" else label, "prediction")]
    outputs += [ColSpec(DataType.double, name) for name in probabilities]
    inputs: list[ColSpec | TensorSpec] = [_column(column) for column in snapshot.features]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def example_of(snapshot: DataSnapshot) -> pd.DataFrame:
    """Two made-up rows: each column's type, categories there are, a missing value where there may be one."""
    return pd.DataFrame({column.name: _values(column) for column in snapshot.features})


def _column(column: Column) -> ColSpec:
    from mlflow.types import ColSpec, DataType
    from mlflow.types.schema import AnyType

    is_text = column.kind == "category" and not column.has_missing
    anything = AnyType()  # type: ignore[no-untyped-call]  # MLflow's
    return ColSpec(DataType.string if is_text else anything, column.name)


def _values(column: Column) -> pd.Series[Any]:
    if column.kind == "number":
        return pd.Series([1.0, None if column.has_missing else 2.0], dtype="float64")
    if column.kind == "boolean":
        values: list[Any] = [True, False]
    else:
        categories = column.categories or ("",)
        values = [categories[row % len(categories)] for row in range(_EXAMPLE_ROWS)]
    if column.has_missing:
        values[-1] = None
    return pd.Series(values, dtype=object)
