"""Metrics by name: SageMaker XGBoost's objective metrics and scikit-learn's, in any spelling.

A name both know means what the trainer's log line means: `f1` is macro, `precision` and `recall` are of the second
class, `auc` of several classes is one-against-the-rest weighted by frequency, `rmse` of two classes is of the second
one's probability, and `aucpr` interpolates as xgboost does (Davis and Goadrich 2006), which `average_precision` (also
`PR-AUC`) does not. Tested against both libraries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from components.registry import metric_formulas as formulas
from components.registry.metric_formulas import Answers, CannotScoreError, Formula
from components.registry.ranking_areas import Floats, average_precision, interpolated_precision, roc_area

__all__ = ["Answers", "CannotScoreError", "canonical", "evaluate", "evaluate_weighted", "greater_is_better", "is_known"]


@dataclass(frozen=True, kw_only=True)
class _Known:
    compute: Formula
    greater: bool = True
    of_classes: bool = False  # only labels and predicted classes matter


def canonical(metric: str) -> str:
    """The one name of a metric: `validation:PR-AUC` and `average_precision` are the same."""
    plain = re.sub(r"[\s_-]+", "_", metric.rpartition(":")[2].strip()).lower()
    return _ALIASES.get(plain, plain)


def is_known(metric: str) -> bool:
    """Whether `evaluate` can compute it."""
    return canonical(metric) in _METRICS


def is_scale_free(metric: str) -> bool:
    """Whether only classes and the order of the scores matter, so that margins do as well as probabilities."""
    return _metric(metric).greater and canonical(metric) != "r2"


def is_of_classes(metric: str) -> bool:
    """Whether rows of the same label and the same predicted class are all the same to it."""
    return _metric(metric).of_classes


def greater_is_better(metric: str) -> bool:
    """The metric's direction.

    Raises:
        CannotScoreError: The name is not known.
    """
    return _metric(metric).greater


def evaluate(metric: str, answers: Answers) -> float:
    """A metric's value, in the metric's units.

    Raises:
        CannotScoreError: The name is not known, or the answers do not hold what it needs.
    """
    value = evaluate_weighted(metric, answers, np.ones((1, len(answers))))[0]
    if not np.isfinite(value):
        raise CannotScoreError(f"{canonical(metric)} must be a finite number, got {value} on {len(answers)} rows")
    return float(value)


def evaluate_weighted(metric: str, answers: Answers, weights: Floats) -> Floats:
    """A metric's value for each weighting of the rows, shape (b,); NaN where it has none, as of a single class.

    Args:
        metric: In any spelling.
        answers: To n rows.
        weights: How often each row counts, shape (b, n).

    Raises:
        CannotScoreError: As `evaluate`.
    """
    return _metric(metric).compute(answers, weights)


def _metric(name: str) -> _Known:
    metric = _METRICS.get(canonical(name))
    if metric is None:
        raise CannotScoreError(f"a metric that can be recomputed is one of {', '.join(_METRICS)}; got {name}")
    return metric


def _of_classes(compute: Formula) -> _Known:
    return _Known(compute=compute, of_classes=True)


def _loss(compute: Formula) -> _Known:
    return _Known(compute=compute, greater=False)


_MSE = formulas.mean(lambda y, p: (y - p) ** 2)
_SQUARED_LOG = formulas.mean(lambda y, p: (np.log1p(y) - np.log1p(p)) ** 2)

_METRICS: dict[str, _Known] = {
    "accuracy": _of_classes(formulas.accuracy),
    "balanced_accuracy": _of_classes(formulas.balanced_accuracy),
    "f1": _of_classes(formulas.classification("f1", "macro")),
    "f1_binary": _of_classes(formulas.classification("f1", "binary")),
    "f1_weighted": _of_classes(formulas.classification("f1", "weighted")),
    "precision": _of_classes(formulas.classification("precision", "binary")),
    "precision_macro": _of_classes(formulas.classification("precision", "macro")),
    "precision_weighted": _of_classes(formulas.classification("precision", "weighted")),
    "recall": _of_classes(formulas.classification("recall", "binary")),
    "recall_macro": _of_classes(formulas.classification("recall", "macro")),
    "recall_weighted": _of_classes(formulas.classification("recall", "weighted")),
    "auc": _Known(compute=formulas.ranking(roc_area, weighted=True)),
    "aucpr": _Known(compute=formulas.ranking(interpolated_precision, weighted=False)),
    "average_precision": _Known(compute=formulas.ranking(average_precision, weighted=False)),
    "error": _Known(
        compute=lambda answers, weights: 1.0 - formulas.accuracy(answers, weights), greater=False, of_classes=True
    ),
    "logloss": _loss(formulas.logloss),
    "rmse": _loss(formulas.root(_MSE)),
    "mse": _loss(_MSE),
    "mae": _loss(formulas.mean(lambda y, p: np.abs(y - p))),
    "mape": _loss(formulas.mean(lambda y, p: np.abs((y - p) / y))),
    "rmsle": _loss(formulas.root(_SQUARED_LOG)),
    "mphe": _loss(formulas.mean(lambda y, p: np.sqrt(1 + (y - p) ** 2) - 1)),
    "r2": _Known(compute=formulas.r2),
    "poisson_nloglik": _loss(formulas.mean(formulas.poisson)),
    "gamma_nloglik": _loss(formulas.mean(lambda y, p: y / p + np.log(p))),
    "gamma_deviance": _loss(formulas.mean(lambda y, p: 2 * (np.log(p / y) + y / p - 1))),
}
_ALIASES = {
    "acc": "accuracy",
    "accuracy_score": "accuracy",
    "precision_micro": "accuracy",  # the same with one label a row
    "recall_micro": "accuracy",
    "f1_micro": "accuracy",
    "f1_macro": "f1",
    "precision_binary": "precision",
    "recall_binary": "recall",
    "roc_auc": "auc",
    "auroc": "auc",
    "roc_auc_score": "auc",
    "pr_auc": "average_precision",
    "prauc": "average_precision",
    "average_precision_score": "average_precision",
    "merror": "error",
    "mlogloss": "logloss",
    "log_loss": "logloss",
    "root_mean_squared_error": "rmse",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "mean_absolute_percentage_error": "mape",
    "r2_score": "r2",
}
