"""A trained model asked about raw rows: the code that travels with it, inside MLflow's pyfunc and into a container.

It needs Python, numpy, pandas and the model's own library, and nothing of ours and nothing of MLflow's: rows go through
the very same lines wherever a version answers. A model of kind `inference` runs the training job's own `inference.py`,
with all the rights of the process that loads it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Matrix = npt.NDArray[np.float32]
_IMPORTING = threading.Lock()


class RawModel:
    """A trained model that takes raw rows.

    Args:
        serving: `kind`, `form` of the raw answer, `classes`; and `script` of the kind `inference`.
        preprocessing: JSON text of the fitted preprocessing.
        transform: Its code, a Python file.
        model: A Booster file, or the folder that `inference.py` finds its model in.

    Attributes:
        feature_names: The raw columns it takes, in order.
    """

    def __init__(self, *, serving: Mapping[str, Any], preprocessing: str, transform: Path, model: Path) -> None:
        self._preprocessing = load_module(transform).Preprocessing.from_json(preprocessing)
        self.feature_names: Sequence[str] = self._preprocessing.feature_names
        self._form: str = serving["form"]
        self._classes: Sequence[Any] | None = serving["classes"]
        self._ask: Callable[[Matrix], Any] = (
            booster_predictor(model) if serving["kind"] == "xgboost" else script_predictor(model, serving["script"])
        )

    def matrix(self, rows: pd.DataFrame) -> Matrix:
        """Raw rows as the model takes them. Raises ValueError naming every column at fault."""
        matrix: Matrix = self._preprocessing.transform(rows)
        return matrix

    def answers(self, matrix: Matrix) -> pd.DataFrame:
        """Answers, a row each.

        They are `prediction` (an original label, or a number), and with probabilities `probability` (two classes: of
        the second one) or `probability_<label>` of each.
        """
        return answer(self._ask(matrix), self._form, self._classes)


def booster_predictor(path: Path) -> Callable[[Matrix], Any]:
    """A Booster file as a function of the matrix; class scores become probabilities where xgboost keeps them back."""
    import xgboost as xgb

    booster = xgb.Booster()
    booster.load_model(bytearray(path.read_bytes()))  # a file without extension would be loaded with a warning
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    margin = objective in ("binary:logitraw", "multi:softmax")
    lock = threading.Lock()  # predicting is thread-safe for gbtree only, not for dart

    def predict(matrix: Matrix) -> Any:
        data = xgb.DMatrix(matrix, missing=np.nan)
        with lock:
            raw = booster.predict(data, output_margin=margin, validate_features=False)
        return raw if not margin else _sigmoid(raw) if objective == "binary:logitraw" else _softmax(raw)

    return predict


def script_predictor(folder: Path, script: str) -> Callable[[Matrix], Any]:
    """A training job's own `inference.py` as a function of the matrix: SageMaker's model_fn, then predict_fn.

    Args:
        folder: SM_MODEL_DIR as the training job left it; model_fn's argument.
        script: Path of inference.py below it.
    """
    path = folder / script
    place = str(path.parent.resolve())
    with _IMPORTING:  # its own modules are found beside it, and forgotten again: versions share a process
        before = set(sys.modules)
        sys.path.insert(0, place)
        try:
            module = load_module(path)
            model = module.model_fn(str(folder))
        finally:
            sys.path.remove(place)
            for name in set(sys.modules) - before:
                file = getattr(sys.modules[name], "__file__", None)
                if file is not None and str(Path(file).resolve()).startswith(place) and name != module_name(path):
                    del sys.modules[name]
    return lambda matrix: module.predict_fn(matrix, model)


def answer(raw: Any, form: str, classes: Sequence[Any] | None) -> pd.DataFrame:
    """A model's raw answer as a frame.

    Args:
        raw: An array of n rows.
        form: `numbers`, `labels` (as they are), `codes` (of classes), `second` (probability of the second class), or
            `each` (probability of every class).
        classes: Labels in code order; None for a numeric target, whose codes are its labels.
    """
    values = np.asarray(raw)
    if form in ("numbers", "labels"):
        flat = values.reshape(len(values))
        return pd.DataFrame({"prediction": flat.astype(np.float64) if form == "numbers" else flat.astype(str)})
    if form == "codes":
        return pd.DataFrame({"prediction": _labels(values.reshape(len(values)).astype(np.int64), classes)})
    if form == "second":
        second = values.reshape(len(values)).astype(np.float64)
        return pd.DataFrame({"prediction": _labels((second > 0.5) * 1, classes), "probability": second})  # noqa: PLR2004
    columns: dict[str, Any] = {"prediction": _labels(values.argmax(axis=1), classes)}
    names = classes if classes is not None else range(values.shape[1])
    if len(names) == 2:  # noqa: PLR2004  two classes
        columns["probability"] = values[:, 1].astype(np.float64)
    else:
        columns.update({f"probability_{name}": values[:, code].astype(np.float64) for code, name in enumerate(names)})
    return pd.DataFrame(columns)


def load_module(path: Path) -> ModuleType:
    """A Python file as a module of its own, whatever else of that name this process has loaded."""
    name = module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"a Python file is needed, got {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up
    spec.loader.exec_module(module)
    return module


def module_name(path: Path) -> str:
    """A name no two files share."""
    return f"retune_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"


def _labels(codes: npt.NDArray[np.int64], classes: Sequence[Any] | None) -> npt.NDArray[Any]:
    return codes if classes is None else np.array(classes, dtype=object)[codes]


def _sigmoid(margin: Matrix) -> npt.NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-margin.astype(np.float64))))


def _softmax(margins: Matrix) -> npt.NDArray[np.float64]:
    powers = np.exp(margins.astype(np.float64) - margins.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
