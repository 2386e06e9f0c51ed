"""The code inside every registered model that retune wraps: raw rows in, answers in the user's own terms out.

MLflow copies this file into the model and runs it when the model is loaded ("models from code", no pickle), often
where retune is not installed. So it needs what `pip_requirements` of the model say and nothing of ours: how the model
is asked (asking.py) and the preprocessing code lie beside it as files.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel


class ServedModel(PythonModel):
    """A pyfunc over raw rows.

    Its artifacts: `asking` (code), `serving` (serving.json: `kind`, `form` of the raw answer, `classes`),
    `preprocessing` (JSON), `transform` (its code) and `model` (a Booster file, or the folder that `inference.py` finds
    its model in).
    """

    def load_context(self, context: Any) -> None:
        """Read the model; MLflow calls this once."""
        artifacts = {name: Path(path) for name, path in context.artifacts.items()}
        self._model = _module(artifacts["asking"]).RawModel(
            serving=json.loads(artifacts["serving"].read_text(encoding="utf-8")),
            preprocessing=artifacts["preprocessing"].read_text(encoding="utf-8"),
            transform=artifacts["transform"],
            model=artifacts["model"],
        )

    def predict(self, context: Any, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Answers to raw rows.

        Args:
            context: MLflow's; not needed any more.
            model_input: The raw feature columns; None and NaN are missing values.
            params: None are taken.

        Returns:
            As `RawModel.answers`.
        """
        del context, params
        answers: pd.DataFrame = self._model.answers(self._model.matrix(model_input))
        return answers


def _module(path: Path) -> ModuleType:
    """A file as a module of its own: versions share a process."""
    name = f"retune_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"a Python file is needed, got {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mlflow.models.set_model(ServedModel())
