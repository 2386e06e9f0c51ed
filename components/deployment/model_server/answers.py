"""Predictions as MLflow's scoring protocol writes them."""

from __future__ import annotations

import json
import math
from typing import Any


def as_json(predictions: Any, *, version: str) -> bytes:
    """`{"predictions": ..., "model_version": ...}`; a DataFrame is a list of records, NaN and infinity are null.

    Args:
        predictions: What a pyfunc returned: DataFrame, Series, array, list, or whatever MLflow's encoder takes.
        version: The version that answered.

    Raises:
        TypeError: JSON has no form for it.
    """
    from mlflow.utils.proto_json_utils import NumpyEncoder, _get_jsonable_obj

    plain = _get_jsonable_obj(predictions, pandas_orient="records")  # type: ignore[no-untyped-call]  # MLflow's
    try:
        text = json.dumps({"predictions": plain, "model_version": version}, cls=NumpyEncoder, allow_nan=False)
    except ValueError:  # not finite somewhere: MLflow writes NaN, which is no JSON
        plain = _finite(json.loads(json.dumps(plain, cls=NumpyEncoder)))
        text = json.dumps({"predictions": plain, "model_version": version})
    return text.encode()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(one) for one in value]
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return value
