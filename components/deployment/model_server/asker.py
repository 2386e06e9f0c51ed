"""How a loaded version is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from components.deployment.model_server.columns import is_plain

Ask = Callable[[Any, Mapping[str, Any] | None], Any]


def asker(model: Any) -> Ask:
    """Rows, as `conform` leaves them, and parameters to predictions.

    MLflow looks at every cell once more before a model that retune wrapped sees it: a millisecond of a request, and
    three quarters of a batch (measured). Those rows are checked already, so such a model is asked itself.

    Args:
        model: A pyfunc.
    """
    if not (model.metadata.metadata or {}).get("retune") or not is_plain(model.metadata.get_input_schema()):
        return lambda rows, params: model.predict(rows, params=params)
    python_model = model.unwrap_python_model()
    return lambda rows, params: python_model.predict(None, rows, params)
