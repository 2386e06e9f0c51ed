"""`code/inference.py` of a hosted model: SageMaker's four serving functions over raw rows.

This file travels into the container of SageMaker's XGBoost or scikit-learn image (script mode), where numpy, pandas and
the model's own library are and nothing of ours. All else that it needs lies in `retune/` of the model's archive and not
beside it: the image's toolkit may copy `code/` elsewhere before it imports this.

JSON and CSV come in, JSON or CSV goes out. JSON holds one of `dataframe_split`, `dataframe_records`, `instances` and
`inputs`, as MLflow's scoring protocol has it; CSV has a header line, or else every column in the model's order.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

JSON, CSV = "application/json", "text/csv"
FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_BAD_REQUEST, _NOT_ACCEPTABLE, _UNSUPPORTED = 400, 406, 415
# The model's columns to a request's rows: what the columns are, only the model knows.
Rows = Callable[[Sequence[str]], pd.DataFrame]


def model_fn(model_dir: str) -> Any:
    """The model of the archive that was unpacked into `model_dir`, and its version."""
    folder = Path(model_dir) / "retune"
    spec = importlib.util.spec_from_file_location("retune_asking", folder / "asking.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"a Python file is needed, got {folder / 'asking.py'}")
    asking = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(asking)
    serving = json.loads((folder / "serving.json").read_text(encoding="utf-8"))
    model = asking.RawModel(
        serving=serving,
        preprocessing=(folder / "preprocessing.json").read_text(encoding="utf-8"),
        transform=folder / "transform.py",
        model=folder / "model",
    )
    return model, str(serving["version"])


def input_fn(body: Any, content_type: str) -> Rows:
    """A request's rows, as soon as the columns are known."""
    form = content_type.partition(";")[0].strip().lower()
    if form not in {JSON, CSV}:
        raise _refusal(_UNSUPPORTED, f"Content-Type must be {JSON} or {CSV}, got {content_type}")
    try:
        text = body if isinstance(body, str) else bytes(body).decode("utf-8")
        text = text.lstrip("\ufeff")
        if form == CSV:
            cells = pd.read_csv(io.StringIO(text), header=None, dtype=str, keep_default_na=False, na_values=[""])
            return lambda names: _csv_rows(cells.astype(object), names)
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refusal(_BAD_REQUEST, f"the body must be {form}, got {' '.join(str(error).split())[:200]}") from None
    given = [name for name in FORMATS if name in document] if isinstance(document, dict) else []
    if len(given) != 1:
        raise _refusal(_BAD_REQUEST, f"the body must be an object with exactly one of {', '.join(FORMATS)}")
    return lambda names: _json_rows(given[0], document[given[0]], names)


def predict_fn(rows: Rows, model: Any) -> tuple[pd.DataFrame, str]:
    """Answers, and the version that gave them."""
    asked, version = model
    try:
        matrix = asked.matrix(rows(asked.feature_names))
    except (ValueError, TypeError, OverflowError) as error:  # a server error would set off the endpoint's alarm
        raise _refusal(_BAD_REQUEST, str(error)) from None
    return asked.answers(matrix), version


def output_fn(prediction: tuple[pd.DataFrame, str], accept: str) -> tuple[str, str]:
    """The answer's body and its content type."""
    answers, version = prediction
    wanted = [part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")]
    if CSV in wanted and JSON not in wanted:
        return answers.to_csv(header=False, index=False), CSV
    if not {JSON, "*/*", "application/*"}.intersection(wanted):
        raise _refusal(_NOT_ACCEPTABLE, f"Accept must be {JSON} or {CSV}, got {accept}")
    records = [{name: _plain(value) for name, value in row.items()} for row in answers.to_dict(orient="records")]
    return json.dumps({"predictions": records, "model_version": version}), JSON


def _csv_rows(cells: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    first = [str(cell).strip() for cell in cells.iloc[0]]
    if set(names) <= set(first):
        return cells.iloc[1:].set_axis(first, axis=1).reset_index(drop=True)
    if len(first) != len(names):
        shown = ", ".join(names)
        raise ValueError(f"CSV needs a header with every column, or {len(names)} fields ({shown}), got {len(first)}")
    return cells.set_axis(list(names), axis=1)


def _json_rows(form: str, data: Any, names: Sequence[str]) -> pd.DataFrame:
    if form == "inputs" and isinstance(data, dict):
        columns = {name: values if isinstance(values, list) else [values] for name, values in data.items()}
        if len({len(values) for values in columns.values()}) > 1:
            raise ValueError("inputs: columns must be of one length")
        return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    if form == "dataframe_split":
        if not isinstance(data, dict) or not isinstance(data.get("data"), list):
            raise ValueError("dataframe_split must be an object with 'columns' and 'data'")
        return _positional(data["data"], [str(name) for name in data.get("columns", names)])
    if not isinstance(data, list):
        raise ValueError(f"{form} must be a list of rows")  # noqa: TRY004  a value of the request
    if not any(isinstance(row, dict) for row in data):
        if form == "dataframe_records" and data:
            raise ValueError("dataframe_records must be a list of objects")
        return _positional(data if len(names) > 1 else [row if isinstance(row, list) else [row] for row in data], names)
    for number, row in enumerate(data):
        lacking = [name for name in names if not isinstance(row, dict) or name not in row]
        if lacking:  # one complete row must not excuse another
            raise ValueError(f"every column must be there, missing in row {number}: {', '.join(map(repr, lacking))}")
    return pd.DataFrame([[row[name] for name in names] for row in data], columns=list(names), dtype=object)


def _positional(rows: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise ValueError(f"row {number} must be a list of {len(columns)} values ({', '.join(columns)})")
    return pd.DataFrame(rows, columns=list(columns), dtype=object)


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _refusal(status: int, message: str) -> Exception:
    """An error that the image's toolkit answers with this status; where it knows no such, a ValueError."""
    try:
        errors = importlib.import_module("sagemaker_inference.errors")
    except ImportError:
        return ValueError(message)
    error: Exception = errors.GenericInferenceToolkitError(status, message)
    return error
