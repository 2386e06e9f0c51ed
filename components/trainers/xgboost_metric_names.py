"""The objective metrics of SageMaker's XGBoost and which way each is better.

Names and directions as in sagemaker-xgboost-container (2026-06) and the developer guide, "Tune an XGBoost Model".
Imports nothing, so that the local AMT can read the table without loading xgboost.
"""

from __future__ import annotations

MAXIMIZE = (
    "accuracy",
    "auc",
    "aucpr",
    "balanced_accuracy",
    "f1",
    "f1_binary",
    "f1_macro",
    "map",
    "ndcg",
    "precision",
    "precision_macro",
    "precision_micro",
    "r2",
    "recall",
    "recall_macro",
    "recall_micro",
)
MINIMIZE = (
    "aft-nloglik",
    "cox-nloglik",
    "error",
    "gamma-deviance",
    "gamma-nloglik",
    "interval-regression-accuracy",
    "logloss",
    "mae",
    "mape",
    "merror",
    "mlogloss",
    "mphe",
    "mse",
    "poisson-nloglik",
    "rmse",
    "rmsle",
    "tweedie-nloglik",
)
# Of these, the ones xgboost does not know and the container computes with scikit-learn.
CUSTOM = (
    "accuracy",
    "balanced_accuracy",
    "f1",
    "f1_binary",
    "f1_macro",
    "mse",
    "precision",
    "precision_macro",
    "precision_micro",
    "r2",
    "recall",
    "recall_macro",
    "recall_micro",
)


def is_maximized(metric: str) -> bool:
    """Whether more is better; a threshold or cut-off as in `ndcg@5` does not matter."""
    return metric.partition("@")[0] in MAXIMIZE
