"""Raw rows to the model's matrix, from the preprocessing JSON alone.

This file travels: inside the registered model and into a container's `inference.py`. So it needs Python, numpy and
pandas and nothing of ours, and rows that arrive there go through the very code the training rows went through.

A number stays a number, a boolean becomes 0 or 1, a category becomes its place in the fitted order. What is missing,
and a category never seen in training, is NaN: gradient-boosted trees learn a direction for it at every split.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

FORMAT = 1
# Text that means "no value", after outer spaces are gone. "unknown" is somebody's answer, and stays a category.
MISSING_TEXTS = ("", "?", "NA", "NaN", "nan")
TRUTHS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
# Below this many rows a plain loop over the cells is faster than finding the distinct ones.
FEW_ROWS = 64

Cell = Callable[[Any], float]
Matrix = npt.NDArray[np.float32]


class Preprocessing:
    """The fitted preprocessing of one data snapshot.

    Attributes:
        feature_names: The raw feature columns, in the matrix's column order.
        target: Name of the target column.
        classes: Labels in code order 0..k-1; None for a numeric target.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        if document.get("format") != FORMAT:
            raise ValueError(f"preprocessing format must be {FORMAT}, got {document.get('format')!r}")
        self.target: str = document["target"]
        classes = document["classes"]
        self.classes: tuple[str, ...] | None = None if classes is None else tuple(classes)
        self._missing = frozenset(document["missing"])
        self._columns: dict[str, Cell] = {}
        self._kinds: dict[str, str] = {}
        for column in document["columns"]:
            self._columns[column["name"]] = self._cell_of(column)
            self._kinds[column["name"]] = column["kind"]
        self.feature_names: tuple[str, ...] = tuple(self._columns)

    @classmethod
    def from_json(cls, text: str) -> Preprocessing:
        """Read the JSON text a snapshot and a model carry.

        Raises:
            ValueError: It is of another format version.
        """
        return cls(json.loads(text))

    def transform(self, frame: pd.DataFrame) -> Matrix:
        """Raw rows to the model's matrix.

        Args:
            frame: Raw rows in any column order, values as numbers, text, None or NaN. Columns beyond the features are
                left aside.

        Returns:
            float32 of shape (rows, features); NaN is missing.

        Raises:
            ValueError: Columns are missing or hold values of another kind; each is named.
        """
        names = list(frame.columns)
        absent = [name for name in self.feature_names if name not in names]
        if absent:
            raise ValueError(f"every feature column must be there, missing: {', '.join(map(repr, absent))}")
        if len(set(names)) < len(names):
            twice = sorted({str(name) for name in names if names.count(name) > 1})
            raise ValueError(f"column names must differ, got twice: {', '.join(map(repr, twice))}")
        matrix = np.empty((len(frame), len(self.feature_names)), dtype=np.float32)
        faults = []
        for place, (name, cell) in enumerate(self._columns.items()):
            try:
                matrix[:, place] = _encode(frame[name], cell, is_number=self._kinds[name] == "number")
            except ValueError as error:
                faults.append(f"column {name!r}: {error}")
        if faults:
            raise ValueError("; ".join(faults))
        return matrix

    def encode_labels(self, labels: pd.Series[Any] | npt.NDArray[Any] | Sequence[Any]) -> Matrix:
        """Original labels to what the model is trained on: class codes, or the numbers themselves.

        Returns:
            float32 of shape (rows,).

        Raises:
            ValueError: A label is missing or none of the classes.
        """
        if self.classes is None:
            codes = _encode(pd.Series(labels), self._number, is_number=True)
        else:
            codes = _encode(pd.Series(labels), _coded(self.classes), is_number=False)
        if np.isnan(codes).any():
            place = int(np.flatnonzero(np.isnan(codes))[0])
            wanted = "a number" if self.classes is None else f"one of {', '.join(self.classes)}"
            raise ValueError(f"target {self.target!r} must be {wanted}, got {_shown(pd.Series(labels).iloc[place])}")
        return codes

    def decode_labels(self, codes: npt.NDArray[Any] | Sequence[Any]) -> npt.NDArray[Any]:
        """What the model predicts to original labels: class names (as str objects), or the numbers unchanged.

        Args:
            codes: Class codes of shape (rows,), whole numbers of any dtype; or predicted numbers.
        """
        values = np.asarray(codes)
        if self.classes is None:
            return values
        return np.array(self.classes, dtype=object)[values.astype(np.int64)]

    def _cell_of(self, column: Mapping[str, Any]) -> Cell:
        if column["kind"] == "number":
            return self._number
        if column["kind"] == "boolean":
            return self._boolean
        return _coded(column["categories"])

    def _number(self, value: Any) -> float:
        if isinstance(value, str):
            text = value.strip()
            if text in self._missing:
                return math.nan
            try:
                # the x spoils 1_000, a number to Python only
                number = float(text.replace("_", "x"))
            except ValueError:
                raise ValueError(f"a number is needed, got {_shown(value)}") from None
        elif isinstance(value, (bool, int, float, np.number, np.bool_, Decimal)):
            try:
                number = float(value)
            except OverflowError:  # a whole number of 309 digits and more
                number = math.inf
        elif _is_missing(value):
            return math.nan
        else:
            raise ValueError(f"a number is needed, got {_shown(value)}")
        return number

    def _boolean(self, value: Any) -> float:
        if _is_missing(value):
            return math.nan
        text = str(value).strip()
        if text in self._missing:
            return math.nan
        truth = TRUTHS.get(text.lower().removesuffix(".0"))
        if truth is None:
            raise ValueError(f"true or false is needed, got {_shown(value)}")
        return truth


def _encode(values: pd.Series[Any], cell: Cell, *, is_number: bool) -> Matrix:
    """A column as float32; distinct values are looked at once, so 41,000 rows cost milliseconds."""
    kinds = pd.api.types
    if is_number and (kinds.is_bool_dtype(values) or kinds.is_integer_dtype(values) or kinds.is_float_dtype(values)):
        with np.errstate(over="ignore"):
            column = values.to_numpy(dtype=np.float32, na_value=np.nan)
    else:
        cells = values.astype(object).to_numpy()
        try:
            column = _few(cells, cell) if len(cells) < FEW_ROWS else _many(cells, cell)
        except TypeError:  # lists and such have no hash
            column = _few(cells, cell)
    if is_number and np.isinf(column).any():
        found = values.iloc[int(np.flatnonzero(np.isinf(column))[0])]
        raise ValueError(f"a finite 32-bit float is needed, got {_shown(found)}")
    return column


def _few(cells: Iterable[Any], cell: Cell) -> Matrix:
    with np.errstate(over="ignore"):
        return np.array([cell(value) for value in cells], dtype=np.float64).astype(np.float32)


def _many(cells: npt.NDArray[Any], cell: Cell) -> Matrix:
    codes, distinct = pd.factorize(cells)
    # code -1 is missing, and the last entry of an array
    return np.append(_few(distinct, cell), np.float32(np.nan))[codes]


def _coded(categories: Sequence[str]) -> Cell:
    codes = {category: float(code) for code, category in enumerate(categories)}
    return lambda value: math.nan if _is_missing(value) else codes.get(_text(value), math.nan)


def _text(value: Any) -> str:
    """A category as text; a JSON client may send the category "5" as 5."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _shown(value: Any) -> str:
    return repr(value.item() if isinstance(value, np.generic) else value)[:80]


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))
