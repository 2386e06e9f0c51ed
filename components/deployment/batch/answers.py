"""Chunks of rows through a pyfunc, as the model server would answer them; rows at fault by number and column.

Where SageMaker answers, rows are only looked at here: by the model's preprocessing, which refuses what it refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.data.transform import MISSING_TEXTS
from components.deployment.batch.input_rows import Rows, Wanted
from components.deployment.batch.kept_integers import from_csv
from components.deployment.model_server.asker import Ask, asker
from components.deployment.model_server.columns import BLANKS, conform, is_plain
from components.deployment.model_server.faults import said_by
from components.errors import Damaged, InvalidData, InvalidInput

SHOWN_FAULTS = 3
_ARROW = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
}


@dataclass(frozen=True, kw_only=True)
class BatchModel:
    """A loaded version and what its signature says.

    Attributes:
        version: Its number, as text, for messages.
        model: The pyfunc; or what has its `metadata`, where `ask` is given.
        keep: Input columns that go before the answers.
        ask: What rows go through; None is the pyfunc.
    """

    version: str
    model: Any
    keep: tuple[str, ...] = ()
    ask: Ask | None = None
    _blanks: Mapping[str, Sequence[str]] = field(init=False, repr=False)
    _ask: Ask = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_blanks", self._number_columns())
        object.__setattr__(self, "_ask", asker(self.model) if self.ask is None else self.ask)

    @property
    def wanted(self) -> Wanted:
        """The columns to read."""
        return wanted_columns(self._schema, self.keep)

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        """Of the answers' columns."""
        return answer_types(self.model.metadata.get_output_schema())

    def answer(self, rows: Rows) -> pa.Table:
        """Kept columns and answers, a row for each.

        Raises:
            InvalidData: Rows that the model does not take, the first few of the chunk by number and column.
            Damaged: The model does not answer every row.
        """
        predictions = self.check(rows)
        return answer_table(rows, self.keep, _columns_of(predictions), self.types)

    def check(self, rows: Rows) -> Any:
        """What a chunk's rows become, one for each. Raises as `answer`."""
        frame = self._frame(rows)
        try:
            predictions = self._predict(frame)
        except Exception as error:
            faults = self._faults(frame, rows.first)
            if not faults:  # every row passes alone
                last = rows.first + len(frame) - 1
                faults = [f"rows {rows.first:,} to {last:,}: {self._words(error)}"]
            raise InvalidData(rows.file, faults) from error
        if len(predictions) != len(frame):
            raise Damaged(
                f"version {self.version} must answer every row, got {len(predictions)} answers to {len(frame)} rows"
            )
        return predictions

    @property
    def _schema(self) -> Any:
        return self.model.metadata.get_input_schema()

    def _number_columns(self) -> dict[str, Sequence[str]]:
        """Columns that the model reads as numbers, each with the texts it takes for missing."""
        kinds = ((self.model.metadata.metadata or {}).get("retune") or {}).get("columns", {})
        found: dict[str, Sequence[str]] = {name: MISSING_TEXTS for name, kind in kinds.items() if kind == "number"}
        if is_plain(self._schema):
            typed = {column.name: getattr(column.type, "name", "") for column in self._schema.inputs}
            found |= dict.fromkeys((name for name, kind in typed.items() if kind in ("double", "float")), BLANKS)
        return found

    def _frame(self, rows: Rows) -> pd.DataFrame:
        convert = self._from_text if rows.is_text else self._from_parquet
        names = rows.batch.schema.names
        if self.wanted.features is not None:
            names = [name for name in self.wanted.features if name in names]
        return pd.DataFrame({name: convert(name, rows.batch.column(name)) for name in names})

    def _from_text(self, name: str, column: pa.Array) -> Any:
        if name in self._blanks:
            trimmed = pc.utf8_trim_whitespace(column)
            missing = pc.is_in(trimmed, value_set=pa.array(self._blanks[name]))
            try:
                # a thousand times faster than cell by cell; what is no number stays text, for the model to refuse
                return pc.cast(pc.if_else(missing, None, trimmed), pa.float64()).to_numpy(zero_copy_only=False)
            except pa.ArrowInvalid:
                pass
        # only an empty field is missing: "None" may be a category
        return pc.if_else(pc.equal(column, ""), None, column).to_numpy(zero_copy_only=False)

    @staticmethod
    def _from_parquet(name: str, column: pa.Array) -> Any:
        del name
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        return column.to_pandas()

    def _predict(self, frame: pd.DataFrame) -> Any:
        return self._ask(conform(frame, self._schema) if is_plain(self._schema) else frame, None)

    def _faults(self, frame: pd.DataFrame, first: int) -> list[str]:
        """The first rows that fail alone, found by halves."""
        try:
            self._predict(frame)
        except Exception as error:  # noqa: BLE001  a model is somebody's code
            if len(frame) == 1:
                return [f"row {first:,}: {self._words(error)}"]
        else:
            return []
        half = len(frame) // 2
        faults = self._faults(frame.iloc[:half].reset_index(drop=True), first)
        if len(faults) < SHOWN_FAULTS:
            faults += self._faults(frame.iloc[half:].reset_index(drop=True), first + half)
        return faults[:SHOWN_FAULTS]

    def _words(self, error: Exception) -> str:
        from mlflow.exceptions import MlflowException

        if isinstance(error, (InvalidInput, MlflowException, ValueError, KeyError)):
            return said_by(error)
        return f"version {self.version} failed ({type(error).__name__}: {said_by(error)})"


def answer_table(
    rows: Rows, keep: Sequence[str], answers: Mapping[str, Any], types: Mapping[str, pa.DataType]
) -> pa.Table:
    """Kept columns and answers side by side.

    Raises:
        InvalidInput: A kept column has an answer's name.
        Damaged: An answer is not of its column's type.
    """
    columns: dict[str, Any] = {name: rows.batch.column(name) for name in keep}
    marked = {name: from_csv(name) for name in keep if rows.is_text}
    for name, values in answers.items():
        if name in columns:
            raise InvalidInput(
                f"--keep: the answer has a column {name!r} of its own: keep another, or rename it in the input"
            )
        try:
            columns[name] = pa.array(values, type=types.get(name), from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise Damaged(f"the answers must be of one type a column, got {name!r}: {error}") from error
    table = pa.table(columns)
    return table.cast(pa.schema([marked.get(field.name, field) for field in table.schema]))


def answer_types(schema: Any) -> dict[str, pa.DataType]:
    """Types of the answer's columns as an output schema says, so that all chunks have the same."""
    if schema is None or schema.is_tensor_spec():
        return {}
    named = {column.name or "prediction": getattr(column.type, "name", "") for column in schema.inputs}
    return {name: _ARROW[kind] for name, kind in named.items() if kind in _ARROW}


def wanted_columns(schema: Any, keep: Sequence[str]) -> Wanted:
    """The columns to read for a model with this input schema."""
    if not is_plain(schema):
        return Wanted(features=None, required=(), keep=tuple(keep))
    names, required = schema.input_names(), schema.required_input_names()
    return Wanted(features=tuple(names), required=tuple(required), keep=tuple(keep))


def _columns_of(predictions: Any) -> dict[str, Any]:
    """What a pyfunc returned, as named columns."""
    if isinstance(predictions, pd.DataFrame):
        return {str(name): predictions[name].to_numpy() for name in predictions.columns}
    values = np.asarray(predictions)
    if values.ndim == 1:
        return {"prediction": values}
    flat = values.reshape(len(values), -1)
    return {f"prediction_{place}": flat[:, place] for place in range(flat.shape[1])}
