"""A model's score on a part of the data, from what it answers to the raw rows.

The same function scores a trial's model against its log line, the challenger and the champion: whatever a model needs
to turn raw rows into answers is inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from components.data.snapshot import RawPart
from components.registry.metrics import Answers, CannotScoreError, canonical, evaluate
from components.registry.ranking_areas import Floats


class Model(Protocol):
    """What `mlflow.pyfunc.load_model` returns, as far as scoring goes."""

    @property
    def metadata(self) -> Any:
        """MLflow's `Model`, with the signature."""

    def predict(self, data: Any) -> Any:
        """Answers to a DataFrame of raw rows."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric's value.

    Attributes:
        metric: Canonical name, without `validation:`.
        part: `train`, `validation` or `test`; `reported` by the training job itself, rows unknown.
        value: In the metric's units.
        rows: Rows it was computed on.
    """

    metric: str
    part: str
    value: float
    rows: int


def score(*, model: Model, rows: RawPart, metric: str, classes: Sequence[str] | None) -> Score:
    """Ask a model and compare with the truth.

    Args:
        model: A pyfunc.
        rows: Raw rows and original labels.
        metric: In any spelling.
        classes: Labels in code order; None for a numeric target.

    Raises:
        CannotScoreError: The metric is unknown or not of these answers, or the model does not answer these rows.
    """
    value = evaluate(metric, ask(model=model, rows=rows, classes=classes))
    return Score(metric=canonical(metric), part=rows.part, value=value, rows=len(rows.labels))


def ask(*, model: Model, rows: RawPart, classes: Sequence[str] | None) -> Answers:
    """A model's answers to a part's raw rows, beside the truth.

    Raises:
        CannotScoreError: It does not answer them, or not in a form that can be told. A model's own exception is told
            in it, whatever its type: the model is somebody's code.
    """
    try:
        frame = model.predict(as_declared(model, rows.features))
    except Exception as error:
        raise CannotScoreError(f"the model does not answer these rows: {cause_of(error)}") from error
    return answers(frame, rows.labels, classes)


def answers(frame: Any, labels: pd.Series[Any], classes: Sequence[str] | None) -> Answers:
    """What a pyfunc returned, beside the truth.

    Args:
        frame: Our models return a DataFrame (`prediction`, and `probability` or `probability_<label>`). Anybody else's
            may return a Series, an array or a DataFrame: of labels, class codes, or a probability per class.
        labels: Original labels, shape (n,).
        classes: Labels in code order; None for a numeric target.

    Raises:
        CannotScoreError: It is none of these, or has another number of rows.
    """
    if not hasattr(frame, "__len__") or len(frame) != len(labels):
        raise CannotScoreError(f"a model must answer every row, got {_size(frame)} to {len(labels)} rows")
    order = None if classes is None else [str(name) for name in classes]
    truth = _codes(labels, order)
    if isinstance(frame, pd.DataFrame) and "prediction" in frame.columns:
        return Answers(
            labels=truth,
            predicted=_codes(frame["prediction"], order),
            probabilities=_named_probabilities(frame, order),
        )
    values = np.asarray(frame)
    if values.ndim == 2 and values.shape[1] == 1:  # noqa: PLR2004  one column
        values = values[:, 0]
    if values.ndim == 2 and np.issubdtype(values.dtype, np.number):  # noqa: PLR2004  a matrix
        probabilities = values.astype(np.float64)
        return Answers(labels=truth, predicted=probabilities.argmax(axis=1) * 1.0, probabilities=probabilities)
    if values.ndim != 1:
        raise CannotScoreError(f"an answer is a value or a row of probabilities, got shape {values.shape}")
    return Answers(labels=truth, predicted=_codes(pd.Series(values), order), probabilities=None)


def cause_of(error: Exception) -> str:
    """The one line of an exception of somebody's code that says what is wrong; MLflow shows the whole data first."""
    text = str(error).strip()
    if text.startswith("Failed to enforce schema"):
        text = text.rpartition("Error: ")[2]
    return text.partition("\n")[0][:300] or type(error).__name__


def _size(frame: Any) -> str:
    return f"{len(frame)} answers" if hasattr(frame, "__len__") else type(frame).__name__


def _codes(values: pd.Series[Any], order: Sequence[str] | None) -> Floats:
    """Labels as class codes; a model that was trained on codes may answer in codes."""
    numbers = np.asarray(pd.to_numeric(values, errors="coerce"), dtype=np.float64)
    if order is None:
        if np.isnan(numbers).any():
            strange = values[np.isnan(numbers)].iloc[0]
            raise CannotScoreError(f"a numeric target needs a number from every row, got {strange!r}")
        return numbers
    known = {label: float(code) for code, label in enumerate(order)}
    texts = [str(value) for value in values]
    if all(text in known for text in texts):
        return np.array([known[text] for text in texts])
    if np.isin(numbers, range(len(order))).all():
        return numbers
    strange = next(text for text in texts if text not in known)
    raise CannotScoreError(f"an answer is one of {', '.join(order)}, got {strange[:80]!r}")


def _named_probabilities(frame: pd.DataFrame, order: Sequence[str] | None) -> Floats | None:
    if "probability" in frame.columns:
        second = frame["probability"].to_numpy(dtype=np.float64)
        return np.column_stack([1 - second, second])
    columns = [str(column) for column in frame.columns if str(column).startswith("probability_")]
    wanted = order if order is not None else [str(code) for code in range(len(columns))]
    names = [f"probability_{name}" for name in wanted]
    return frame[names].to_numpy(dtype=np.float64) if columns and set(names) <= set(columns) else None


def as_declared(model: Model, features: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers as doubles where the signature says so: MLflow casts them in requests, but not in frames."""
    signature = getattr(model.metadata, "signature", None)
    inputs = getattr(signature, "inputs", None)
    if inputs is None or not inputs.has_input_names():
        return features
    doubles = {
        column.name: np.float64
        for column in inputs.inputs
        if str(getattr(column, "type", "")) == "DataType.double"
        and column.name in features
        and pd.api.types.is_integer_dtype(features[column.name])
    }
    return features.astype(doubles)
