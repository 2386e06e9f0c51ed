"""A request's body as rows for a model, or one line that names the column at fault.

MLflow's own parsing turns a missing boolean into False and "no" into True (3.17: `astype(bool)`), and lets pandas guess
a column's type from the rows of one request. Here every value is kept as it came and checked against the signature.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from components.deployment.model_server.columns import conform, is_plain
from components.errors import InvalidInput

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
JSON, CSV = "application/json", "text/csv"


def form_of(content_type: str) -> str | None:
    """JSON or CSV, as a request's Content-Type says; None when it is neither, or not in UTF-8."""
    form, *options = (part.strip().lower() for part in content_type.split(";"))
    charset = dict(option.partition("=")[::2] for option in options).get("charset", "utf-8").strip('"')
    return form if form in (JSON, CSV) and charset in ("utf-8", "utf8") else None


def read_rows(body: bytes, form: str, schema: Any) -> tuple[Any, Mapping[str, Any] | None]:
    """The model's input and parameters in a request.

    Args:
        body: JSON with one of `dataframe_split`, `dataframe_records`, `instances`, `inputs`, and maybe `params`; or CSV
            with a header.
        form: JSON or CSV.
        schema: The model's input schema, or None.

    Returns:
        A DataFrame with the signature's columns in their order; of a model without named plain columns whatever
        MLflow's own parser makes of it.

    Raises:
        InvalidInput: The body is not of that form, or a column is missing or holds other values.
        MlflowException: MLflow's own parser says so.
    """
    if form == CSV:
        return _from_csv(body, schema), None
    document = _document(body)
    given = [name for name in FORMATS if name in document]
    if len(given) != 1:
        found = ", ".join(map(repr, document)) or "nothing"
        raise InvalidInput(f"the body must hold exactly one of {', '.join(FORMATS)}, got {found:.200}")
    params = document.get("params")
    if params is not None and not isinstance(params, dict):
        raise InvalidInput(f"params must be an object, got {_kind(params)}")
    if not is_plain(schema):
        from mlflow.pyfunc.scoring_server import infer_and_parse_data

        return infer_and_parse_data({given[0]: document[given[0]]}, schema), params
    return conform(
        _frame(given[0], document[given[0]], schema.input_names(), schema.required_input_names()), schema
    ), params


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body must be JSON, got {str(error)[:200] or type(error).__name__}") from None
    if not isinstance(document, dict):
        raise InvalidInput(f"the body must be a JSON object with one of {', '.join(FORMATS)}, got {_kind(document)}")
    return document


def _from_csv(body: bytes, schema: Any) -> pd.DataFrame:
    try:
        text = body.decode("utf-8-sig")
        if not is_plain(schema):
            return pd.read_csv(io.StringIO(text))
        # All cells stay text until the column is known, and only an empty one is missing: "None" may be a category.
        frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, na_values=[""])
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body must be CSV with a header, got {' '.join(str(error).split())[:200]}") from None
    return conform(frame.astype(object), schema)


def _frame(form: str, data: Any, names: Sequence[str], required: Sequence[str]) -> pd.DataFrame:
    """Rows as objects, nothing guessed."""
    if form == "dataframe_split":
        if not isinstance(data, dict) or not isinstance(data.get("data"), list):
            raise InvalidInput(f"{form} must be an object with 'columns' and 'data', got {_kind(data)}")
        columns = data.get("columns", list(names))
        if not isinstance(columns, list):
            raise InvalidInput(f"{form}: 'columns' must be a list, got {_kind(columns)}")
        return _positional(form, data["data"], [str(column) for column in columns])
    if form == "inputs" and isinstance(data, dict):
        columns = {name: values if isinstance(values, list) else [values] for name, values in data.items()}
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InvalidInput(f"{form}: columns must be of one length, got {lengths}")
        return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    if not isinstance(data, list):
        raise InvalidInput(f"{form} must be a list of rows, got {_kind(data)}")
    if form == "dataframe_records" or any(isinstance(row, dict) for row in data):
        return _records(form, data, names, required)
    rows = data if len(names) > 1 else [row if isinstance(row, list) else [row] for row in data]
    return _positional(form, rows, list(names))


def _records(form: str, data: list[Any], names: Sequence[str], required: Sequence[str]) -> pd.DataFrame:
    for number, row in enumerate(data):
        if not isinstance(row, dict):
            raise InvalidInput(f"{form}: row {number} must be an object, got {_kind(row)}")
    found = list(dict.fromkeys(name for row in data for name in row)) if data else list(names)
    needed = set(found).intersection(required)
    for number, row in enumerate(data):
        # One complete row must not excuse another: a typo would get a confident answer.
        missing = [name for name in found if name in needed and name not in row]
        if missing:
            shown = ", ".join(map(repr, missing))
            raise InvalidInput(f"every column must be there, missing in row {number}: {shown:.300}")
    return pd.DataFrame([[row.get(name) for name in found] for row in data], columns=found, dtype=object)


def _positional(form: str, rows: list[Any], columns: list[str]) -> pd.DataFrame:
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            got = f"{len(row)} values" if isinstance(row, list) else _kind(row)
            raise InvalidInput(f"{form}: row {number} must be a list of {len(columns)} values, got {got}")
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
