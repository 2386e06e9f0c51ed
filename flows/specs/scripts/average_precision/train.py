"""An example of one's own training script: scikit-learn, tuned on the area under the precision-recall curve.

SageMaker's script mode calls it with one `--name value` per hyperparameter and tells where everything is by SM_*
variables. It prints the metrics that the spec's regexes find and leaves the model with `inference.py` in SM_MODEL_DIR.
"""

# ruff: noqa: INP001 - no package: the folder is packed and uploaded as it is
from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import joblib  # type: ignore[import-untyped]  # ships no types
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score


def channel(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, d) and labels (n,) of a channel: CSV files without header, the label first, empty = missing.

    32-bit, as SageMaker's containers and retune give rows to predict_fn: a 64-bit threshold would part them otherwise.
    """
    folder = Path(os.environ[f"SM_CHANNEL_{name}"])  # noqa: TID251 - how script mode tells
    rows = pd.concat([pd.read_csv(path, header=None) for path in sorted(folder.glob("*.csv"))]).to_numpy("float32")
    return rows[:, 1:], rows[:, 0]


def main() -> None:
    """Train once with the hyperparameters given."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning_rate", type=float, default=0.1)
    parser.add_argument("--max_leaf_nodes", type=int, default=31)
    parser.add_argument("--l2_regularization", type=float, default=0.0)
    parser.add_argument("--max_iter", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = vars(parser.parse_args())
    model = HistGradientBoostingClassifier(random_state=arguments.pop("seed"), early_stopping=False, **arguments)
    model.fit(*channel("TRAIN"))

    features, labels = channel("VALIDATION")
    probability = model.predict_proba(features)[:, 1]
    roc_auc, pr_auc = roc_auc_score(labels, probability), average_precision_score(labels, probability)
    print(f"roc_auc = {roc_auc:.4f}, pr_auc = {pr_auc:.4f}", flush=True)  # noqa: T201 - the metrics' way out

    folder = Path(os.environ["SM_MODEL_DIR"])  # noqa: TID251 - how script mode tells
    joblib.dump(model, folder / "model.joblib")
    shutil.copy(Path(__file__).with_name("inference.py"), folder)


if __name__ == "__main__":
    main()
