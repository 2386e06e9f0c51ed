"""Metrics by name: SageMaker XGBoost's objective metrics and scikit-learn's, in any spelling.

A name both know means what the trainer's log line means: `f1` is macro, `precision` and `recall` are of the second
class, `auc` of several classes is one-against-the-rest weighted by frequency, `rmse` of two classes is of the second
one's probability, and `aucpr` interpolates as xgboost does (Davis and Goadrich 2006), which `average_precision` (also
`PR-AUC`) does not. Tested against both libraries.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from components.errors import InvalidInput
from components.registry.ranking_areas import (
    Floats,
    average_precision,
    interpolated_precision,
    one_against_rest,
    roc_area,
)

_EPSILON = 1e-16  # xgboost's, for probabilities of 0 and 1


class CannotScoreError(InvalidInput):
    """This metric cannot be computed from these answers; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """A model's answers to n rows, beside the truth.

    Attributes:
        labels: True labels: codes 0..k-1 for classes, else numbers; shape (n,).
        predicted: Predictions in the same terms; shape (n,).
        probabilities: Of each class, shape (n, k); None when the model gives none.
    """

    labels: Floats
    predicted: Floats
    probabilities: Floats | None


def canonical(metric: str) -> str:
    """The one name of a metric: `validation:PR-AUC` and `average_precision` are the same."""
    plain = re.sub(r"[\s_-]+", "_", metric.rpartition(":")[2].strip()).lower()
    return _ALIASES.get(plain, plain)


def is_known(metric: str) -> bool:
    """Whether `evaluate` can compute it."""
    return canonical(metric) in _METRICS


def is_scale_free(metric: str) -> bool:
    """Whether only classes and the order of the scores matter, so that margins do as well as probabilities."""
    return _metric(metric)[0] and canonical(metric) != "r2"


def greater_is_better(metric: str) -> bool:
    """The metric's direction.

    Raises:
        CannotScoreError: The name is not known.
    """
    return _metric(metric)[0]


def evaluate(metric: str, answers: Answers) -> float:
    """A metric's value, in the metric's units.

    Raises:
        CannotScoreError: The name is not known, or the answers do not hold what it needs.
    """
    value = _metric(metric)[1](answers)
    if not np.isfinite(value):
        raise CannotScoreError(
            f"{canonical(metric)} must be a finite number, got {value} on {len(answers.labels)} rows"
        )
    return float(value)


def _metric(name: str) -> tuple[bool, Callable[[Answers], float]]:
    metric = _METRICS.get(canonical(name))
    if metric is None:
        raise CannotScoreError(f"a metric that can be recomputed is one of {', '.join(_METRICS)}; got {name}")
    return metric


# Classes


def _classification(kind: str, average: str) -> Callable[[Answers], float]:
    def compute(answers: Answers) -> float:
        confusion = _confusion(answers)
        hits = np.diag(confusion)
        predicted, true = confusion.sum(axis=0), confusion.sum(axis=1)
        whole = {"precision": predicted, "recall": true, "f1": (predicted + true) / 2}[kind]
        per_class = np.divide(hits, whole, out=np.zeros_like(hits), where=whole > 0)
        if average == "binary":
            if len(hits) > 2:  # noqa: PLR2004  two classes
                raise CannotScoreError(
                    f"{kind} of the second class needs two classes, got {len(hits)}; name {kind}_macro"
                )
            return float(per_class[1])
        if average == "weighted":
            return float((per_class * true).sum() / true.sum())
        seen = predicted + true > 0  # macro: over every class that is a label or was predicted
        return float(per_class[seen].mean())

    return compute


def _confusion(answers: Answers) -> Floats:
    """Counts of (label, prediction), shape (k, k), k >= 2."""
    pairs = np.stack([answers.labels, answers.predicted])
    if np.any(pairs != np.floor(pairs)) or np.any(pairs < 0):
        raise CannotScoreError("classification metrics need classes 0, 1, 2, ..., got continuous or negative numbers")
    codes = pairs.astype(np.int64)
    k = max(int(codes.max()) + 1, 2)
    return np.bincount(codes[0] * k + codes[1], minlength=k * k).reshape(k, k).astype(np.float64)


def _accuracy(answers: Answers) -> float:
    confusion = _confusion(answers)
    return float(np.trace(confusion) / confusion.sum())


def _balanced_accuracy(answers: Answers) -> float:
    confusion = _confusion(answers)
    true = confusion.sum(axis=1)
    return float((np.diag(confusion)[true > 0] / true[true > 0]).mean())


# Probabilities


def _logloss(answers: Answers) -> float:
    probabilities = _probabilities(answers)
    own = probabilities[np.arange(len(answers.labels)), answers.labels.astype(np.int64)]
    return float(-np.log(np.clip(own, _EPSILON, 1.0)).mean())


def _ranking(area: Callable[[Floats, Floats], float], *, weighted: bool) -> Callable[[Answers], float]:
    """Of the second class; of several classes the mean of each against the rest."""

    def compute(answers: Answers) -> float:
        probabilities = _probabilities(answers)
        if probabilities.shape[1] == 2:  # noqa: PLR2004  two classes
            return one_against_rest(area, answers.labels == 1, probabilities[:, 1])
        counts = np.bincount(answers.labels.astype(np.int64), minlength=probabilities.shape[1])
        areas = [one_against_rest(area, answers.labels == c, probabilities[:, c]) for c in range(len(counts))]
        return float(np.average(areas, weights=counts if weighted else None))

    return compute


def _probabilities(answers: Answers) -> Floats:
    if answers.probabilities is None:
        raise CannotScoreError("this metric needs probabilities, and the model answers without them")
    if answers.labels.max() >= answers.probabilities.shape[1]:
        raise CannotScoreError(
            f"a probability of every class is needed, got {answers.probabilities.shape[1]} for label "
            f"{answers.labels.max():g}"
        )
    return answers.probabilities


# Numbers


def _numbers(answers: Answers) -> Floats:
    """What is compared with a label as a number: of two classes the second one's probability, as xgboost does."""
    probabilities = answers.probabilities
    if probabilities is None:
        return answers.predicted
    if probabilities.shape[1] != 2:  # noqa: PLR2004  two classes
        raise CannotScoreError("this metric needs one number a row, and the model answers with several classes")
    return np.asarray(probabilities[:, 1])


def _mean(of: Callable[[Floats, Floats], Floats]) -> Callable[[Answers], float]:
    def compute(answers: Answers) -> float:
        with np.errstate(all="ignore"):  # what is not finite is refused by `evaluate`
            return float(of(answers.labels, _numbers(answers)).mean())

    return compute


def _root(of: Callable[[Answers], float]) -> Callable[[Answers], float]:
    return lambda answers: float(np.sqrt(of(answers)))


def _r2(answers: Answers) -> float:
    squares = float(((answers.labels - _numbers(answers)) ** 2).sum())
    spread = float(((answers.labels - answers.labels.mean()) ** 2).sum())
    if spread == 0:  # scikit-learn's convention for a constant target
        return 1.0 if squares == 0 else 0.0
    return 1.0 - squares / spread


def _poisson(y: Floats, p: Floats) -> Floats:
    from scipy.special import gammaln

    return np.asarray(gammaln(y + 1) + p - np.log(np.maximum(p, _EPSILON)) * y)


_MSE = _mean(lambda y, p: (y - p) ** 2)
_SQUARED_LOG = _mean(lambda y, p: (np.log1p(y) - np.log1p(p)) ** 2)

_METRICS: dict[str, tuple[bool, Callable[[Answers], float]]] = {
    "accuracy": (True, _accuracy),
    "balanced_accuracy": (True, _balanced_accuracy),
    "f1": (True, _classification("f1", "macro")),
    "f1_binary": (True, _classification("f1", "binary")),
    "f1_weighted": (True, _classification("f1", "weighted")),
    "precision": (True, _classification("precision", "binary")),
    "precision_macro": (True, _classification("precision", "macro")),
    "precision_weighted": (True, _classification("precision", "weighted")),
    "recall": (True, _classification("recall", "binary")),
    "recall_macro": (True, _classification("recall", "macro")),
    "recall_weighted": (True, _classification("recall", "weighted")),
    "auc": (True, _ranking(roc_area, weighted=True)),
    "aucpr": (True, _ranking(interpolated_precision, weighted=False)),
    "average_precision": (True, _ranking(average_precision, weighted=False)),
    "error": (False, lambda answers: 1.0 - _accuracy(answers)),
    "logloss": (False, _logloss),
    "rmse": (False, _root(_MSE)),
    "mse": (False, _MSE),
    "mae": (False, _mean(lambda y, p: np.abs(y - p))),
    "mape": (False, _mean(lambda y, p: np.abs((y - p) / y))),
    "rmsle": (False, _root(_SQUARED_LOG)),
    "mphe": (False, _mean(lambda y, p: np.sqrt(1 + (y - p) ** 2) - 1)),
    "r2": (True, _r2),
    "poisson_nloglik": (False, _mean(_poisson)),
    "gamma_nloglik": (False, _mean(lambda y, p: y / p + np.log(p))),
    "gamma_deviance": (False, _mean(lambda y, p: 2 * (np.log(p / y) + y / p - 1))),
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
