"""How the model of `train.py` is loaded and asked: the two functions of SageMaker's scikit-learn serving."""

# ruff: noqa: INP001 - no package: the folder is packed and uploaded as it is
from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]  # ships no types
import numpy as np


def model_fn(model_dir: str) -> Any:
    """The model that `train.py` left in `model_dir`."""
    return joblib.load(Path(model_dir) / "model.joblib")


def predict_fn(data: np.ndarray, model: Any) -> np.ndarray:
    """Probability of the second class, shape (n,), for features of shape (n, d)."""
    return np.asarray(model.predict_proba(np.asarray(data, dtype=float))[:, 1])
