"""Columns of a request against a model's signature."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from components.errors import InvalidInput

_TRUTHS: dict[Any, bool] = {True: True, False: False, "true": True, "false": False}  # 1 and 0 equal True and False
# Text that is no value where a number or a boolean is needed; in a text column it is text.
BLANKS = ("", "NA", "NaN", "nan", "null")
# From this many cells on, pandas' own loops are faster than ours.
_MANY = 64
_FLOATS = {"double": "float64", "float": "float32"}
_INTEGERS = {"long": "int64", "integer": "int32"}


def is_plain(schema: Any) -> bool:
    """Whether the signature is of named columns of text, numbers, booleans or anything, as a table's is."""
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return False
    return all(_type_of(column) is not None for column in schema.inputs)


def conform(frame: pd.DataFrame, schema: Any) -> pd.DataFrame:
    """The signature's columns, in its order, with its types. Other columns are left out, as MLflow does.

    A missing value (null, NaN, an empty CSV cell, NA for a number) stays missing; only integers have no room for it.

    Raises:
        InvalidInput: Names every column that is missing, given twice, or holds a value of another kind.
    """
    given = list(frame.columns)
    absent = [column.name for column in schema.inputs if column.required and column.name not in given]
    if absent:
        raise InvalidInput(f"every column must be there, missing: {', '.join(map(repr, absent))}")
    twice = sorted({str(name) for name in given if given.count(name) > 1})
    if twice:
        raise InvalidInput(f"column names must differ, got twice: {', '.join(map(repr, twice))}")
    columns: dict[str, pd.Series[Any]] = {}
    faults = []
    for column in schema.inputs:
        if column.name not in given:
            continue
        try:
            columns[column.name] = _converted(frame[column.name], _type_of(column) or "any")
        except InvalidInput as error:
            faults.append(f"column {column.name!r}: {error}")
    if faults:
        raise InvalidInput("; ".join(faults))
    return pd.DataFrame(columns, index=frame.index)


def _type_of(column: Any) -> str | None:
    from mlflow.types import DataType
    from mlflow.types.schema import AnyType

    if isinstance(column.type, AnyType):
        return "any"
    name = column.type.name if isinstance(column.type, DataType) else ""
    return name if name in {"string", "boolean", *_FLOATS, *_INTEGERS} else None


def _converted(values: pd.Series[Any], kind: str) -> pd.Series[Any]:
    typed = _as_typed(values, kind)
    if typed is not None:
        return typed
    known: dict[str, Callable[[Any], Any]] = {"string": _text, "boolean": _boolean}
    convert: Callable[[Any], Any] = known.get(kind, _integer if kind in _INTEGERS else _number)
    cells = [convert(value) for value in values]
    if kind in _FLOATS:
        return pd.Series(cells, index=values.index, dtype=_FLOATS[kind])
    if kind in _INTEGERS:
        _check_room(cells, _INTEGERS[kind])
        return pd.Series(cells, index=values.index, dtype=_INTEGERS[kind])
    if kind == "boolean" and None not in cells:
        return pd.Series(cells, index=values.index, dtype="bool")
    return pd.Series(cells, index=values.index, dtype="object")


def _as_typed(values: pd.Series[Any], kind: str) -> pd.Series[Any] | None:
    """Values that need no look at each of them; None when they do."""
    if kind == "any":
        return values
    if kind in _FLOATS and pd.api.types.is_float_dtype(values.dtype):
        return pd.Series(values, dtype=_FLOATS[kind])
    if kind == "string" and len(values) >= _MANY and pd.api.types.infer_dtype(values, skipna=True) == "string":
        return values.where(values.notna(), None)
    return None


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _text(value: Any) -> str | None:
    if _is_missing(value):
        return None
    if isinstance(value, (list, dict)):
        raise InvalidInput(f"text is needed, got {value!r:.60}")
    return value if isinstance(value, str) else str(value)


def _is_blank(value: Any) -> bool:
    return _is_missing(value) or (isinstance(value, str) and value.strip() in BLANKS)


def _boolean(value: Any) -> bool | None:
    if _is_blank(value):
        return None
    known = value.strip().lower() if isinstance(value, str) else value
    if isinstance(known, (list, dict)) or known not in _TRUTHS:
        raise InvalidInput(f"true or false is needed, got {value!r:.60}")
    return _TRUTHS[known]


def _number(value: Any) -> float:
    if _is_blank(value):
        return math.nan
    try:
        # the x spoils 1_000, a number to Python only
        return float(value.replace("_", "x") if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"a number is needed, got {value!r:.60}") from None


def _integer(value: Any) -> int:
    number = _number(value)
    if math.isnan(number) or not number.is_integer():
        shown = "a missing value" if _is_blank(value) else f"{value!r:.60}"
        raise InvalidInput(f"a whole number is needed, got {shown}")
    return value if isinstance(value, int) else int(number)


def _check_room(cells: list[int], dtype: str) -> None:
    bound = 2 ** (int(dtype.removeprefix("int")) - 1)
    for cell in cells:
        if not -bound <= cell < bound:
            raise InvalidInput(f"a whole number of {dtype} is needed, got {cell}")
