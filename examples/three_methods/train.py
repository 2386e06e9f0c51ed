"""A training script as SageMaker's script mode runs it: a softmax classifier trained by SGD, its accuracy printed."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import SGDClassifier


def rows(channel: str) -> np.ndarray:
    """All rows of a channel: CSV without a header, the label first."""
    folder = Path(os.environ[f"SM_CHANNEL_{channel.upper()}"])
    return np.concatenate([np.loadtxt(path, delimiter=",", ndmin=2) for path in sorted(folder.glob("*.csv"))])


def main() -> None:
    """Train with the hyperparameters given, print the metric AMT looks for, keep the model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    given = parser.parse_args()

    model = SGDClassifier(
        loss="log_loss",
        learning_rate="constant",
        eta0=given.learning_rate,
        max_iter=given.epochs,
        tol=None,
        random_state=0,
    )
    train, validation = rows("train"), rows("validation")
    model.fit(train[:, 1:], train[:, 0])
    accuracy = model.score(validation[:, 1:], validation[:, 0])
    print(f"validation accuracy = {accuracy:.6f}")
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")


if __name__ == "__main__":
    main()
