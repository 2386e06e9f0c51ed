"""One's own script that leaves an MLflow model in SM_MODEL_DIR: registered as it is."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import mlflow.sklearn
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def channel(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of a channel, missing values as 0."""
    folder = Path(os.environ[f"SM_CHANNEL_{name}"])
    rows = np.concatenate([np.genfromtxt(path, delimiter=",") for path in sorted(folder.glob("*.csv"))])
    return np.nan_to_num(rows[:, 1:]), rows[:, 0]


parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float, default=1.0)
model = make_pipeline(StandardScaler(), LogisticRegression(C=parser.parse_args().C)).fit(*channel("TRAIN"))
features, labels = channel("VALIDATION")
score = average_precision_score(labels, model.predict_proba(features)[:, 1])
print(f"pr_auc = {score:.4f}", flush=True)  # noqa: T201 - the metric's way out
mlflow.sklearn.save_model(
    model,
    os.environ["SM_MODEL_DIR"],
    pip_requirements=["scikit-learn"],
    skops_trusted_types=["numpy.dtype"],
)
