"""What MLflow says on stderr that nobody need read, silenced by name and nothing else."""

from __future__ import annotations

import logging
import re
from typing import Any


class _Remark(logging.Filter):
    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._pattern = re.compile(pattern)

    def filter(self, record: logging.LogRecord) -> bool:
        return self._pattern.search(record.getMessage()) is None


# Logger, and the remarks it is asked to keep to itself. What is not listed here is shown.
_REMARKS = {
    # first use of an empty database, 3-8 s
    "mlflow.store.db.utils": _Remark(r"^(Creating initial MLflow database tables|Updating database tables)"),
    "alembic.runtime.migration": _Remark(r"^(Running upgrade|Context impl|Will assume)"),
    # said of every model that is saved with an example
    "mlflow.pyfunc": _Remark(r"^Validating input example against model signature"),
    # an MLflow server answers at once
    "mlflow.store.model_registry.abstract_store": _Remark(r"^Waiting up to \d+ seconds for model version"),
    # an environment made by uv has no pip; requirements are given explicitly, so it does not matter
    "mlflow.utils.environment": _Remark(r"^Failed to resolve installed pip version"),
    # a tracking server that is away for a while; when it stays away an error says so
    "urllib3.connectionpool": _Remark(r"^Retrying \(Retry"),
}


def quiet_mlflow() -> None:
    """Silence the known remarks and the progress bars of local copies in this process; once more changes nothing."""
    from mlflow import environment_variables

    progress_bar: Any = environment_variables.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
    if not progress_bar.is_set():
        progress_bar.set(False)
    for name, remark in _REMARKS.items():
        logging.getLogger(name).addFilter(remark)
