"""The formulas behind metrics.py, each for many weightings of the same rows at once.

A row of weights says how often each row of the data counts: ones for the score itself, the draws of a bootstrap for its
spread. So what a metric means is written once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.errors import InvalidInput
from components.registry.ranking_areas import Floats, one_against_rest

EPSILON = 1e-16  # xgboost's, for probabilities of 0 and 1


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

    def __len__(self) -> int:
        """Rows."""
        return len(self.labels)

    def take(self, rows: npt.NDArray[Any]) -> Answers:
        """The answers to some rows: positions, or whether each is meant."""
        probabilities = self.probabilities
        return Answers(
            labels=self.labels[rows],
            predicted=self.predicted[rows],
            probabilities=None if probabilities is None else probabilities[rows],
        )


# (b, n) weights of the n rows to (b,) values
Formula = Callable[[Answers, Floats], Floats]


# Classes


def classification(kind: str, average: str) -> Formula:
    """Precision, recall or f1: of the second class (`binary`), of all (`macro`), or by frequency (`weighted`)."""

    def compute(answers: Answers, weights: Floats) -> Floats:
        confusion = _confusion(answers, weights)
        hits = np.diagonal(confusion, axis1=1, axis2=2)
        predicted, true = confusion.sum(axis=1), confusion.sum(axis=2)
        whole = {"precision": predicted, "recall": true, "f1": (predicted + true) / 2}[kind]
        per_class = np.divide(hits, whole, out=np.zeros_like(whole), where=whole > 0)
        if average == "binary":
            if hits.shape[1] > 2:  # noqa: PLR2004  two classes
                raise CannotScoreError(
                    f"{kind} of the second class needs two classes, got {hits.shape[1]}; name {kind}_macro"
                )
            return np.asarray(per_class[:, 1])
        if average == "weighted":
            return np.asarray((per_class * true).sum(axis=1) / true.sum(axis=1))
        seen = predicted + true > 0  # macro: over every class that is a label or was predicted
        return np.asarray((per_class * seen).sum(axis=1) / seen.sum(axis=1))

    return compute


def accuracy(answers: Answers, weights: Floats) -> Floats:
    """Share of rows with the right class."""
    confusion = _confusion(answers, weights)
    return np.asarray(np.trace(confusion, axis1=1, axis2=2) / confusion.sum(axis=(1, 2)))


def balanced_accuracy(answers: Answers, weights: Floats) -> Floats:
    """Mean of the classes' recalls, over the classes that are labels."""
    confusion = _confusion(answers, weights)
    true, hits = confusion.sum(axis=2), np.diagonal(confusion, axis1=1, axis2=2)
    recalls = np.divide(hits, true, out=np.zeros_like(true), where=true > 0)
    return np.asarray(recalls.sum(axis=1) / (true > 0).sum(axis=1))


def _confusion(answers: Answers, weights: Floats) -> Floats:
    """Counts of (label, prediction), shape (b, k, k), k >= 2."""
    pairs = np.stack([answers.labels, answers.predicted])
    if np.any(pairs != np.floor(pairs)) or np.any(pairs < 0):
        raise CannotScoreError("classification metrics need classes 0, 1, 2, ..., got continuous or negative numbers")
    codes = pairs.astype(np.int64)
    k = max(int(codes.max()) + 1, 2)
    cells = codes[0] * k + codes[1]
    order = np.argsort(cells, kind="stable")
    present, starts = np.unique(cells[order], return_index=True)
    counts = np.zeros((len(weights), k * k))
    counts[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
    return counts.reshape(-1, k, k)


# Probabilities


def logloss(answers: Answers, weights: Floats) -> Floats:
    """Mean of minus the log of the probability given to what was true."""
    probabilities = _probabilities(answers)
    own = probabilities[np.arange(len(answers.labels)), answers.labels.astype(np.int64)]
    return _average(-np.log(np.clip(own, EPSILON, 1.0)), weights)


def ranking(area: Callable[[Floats, Floats], Floats], *, weighted: bool) -> Formula:
    """Of the second class; of several classes the mean of each against the rest."""

    def compute(answers: Answers, weights: Floats) -> Floats:
        probabilities = _probabilities(answers)
        if probabilities.shape[1] == 2:  # noqa: PLR2004  two classes
            return one_against_rest(area, answers.labels == 1, probabilities[:, 1], weights)
        classes = range(probabilities.shape[1])
        areas = np.stack([one_against_rest(area, answers.labels == c, probabilities[:, c], weights) for c in classes])
        if not weighted:
            return np.asarray(areas.mean(axis=0))
        counts = np.stack([weights @ (answers.labels == c) for c in classes])
        return np.asarray((areas * counts).sum(axis=0) / counts.sum(axis=0))

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


def mean(of: Callable[[Floats, Floats], Floats]) -> Formula:
    """Mean of a function of label and number."""

    def compute(answers: Answers, weights: Floats) -> Floats:
        with np.errstate(all="ignore"):  # what is not finite is refused by `evaluate`
            return _average(of(answers.labels, _numbers(answers)), weights)

    return compute


def root(of: Formula) -> Formula:
    """Square root of another."""
    return lambda answers, weights: np.sqrt(of(answers, weights))


def r2(answers: Answers, weights: Floats) -> Floats:
    """One minus the squared error over that of the labels' mean."""
    labels = answers.labels - np.median(answers.labels)  # near zero, so that the difference of squares keeps its digits
    squares = weights @ ((answers.labels - _numbers(answers)) ** 2)
    power = weights @ labels**2
    spread = power - (weights @ labels) ** 2 / weights.sum(axis=1)
    constant = spread <= 1e-12 * power  # scikit-learn's convention for a constant target
    return np.where(constant, np.where(squares == 0, 1.0, 0.0), 1.0 - squares / np.where(constant, 1.0, spread))


def poisson(y: Floats, p: Floats) -> Floats:
    """Minus the log likelihood of counts."""
    from scipy.special import gammaln

    return np.asarray(gammaln(y + 1) + p - np.log(np.maximum(p, EPSILON)) * y)


def _numbers(answers: Answers) -> Floats:
    """What is compared with a label as a number: of two classes the second one's probability, as xgboost does."""
    probabilities = answers.probabilities
    if probabilities is None:
        return answers.predicted
    if probabilities.shape[1] != 2:  # noqa: PLR2004  two classes
        raise CannotScoreError("this metric needs one number a row, and the model answers with several classes")
    return np.asarray(probabilities[:, 1])


def _average(values: Floats, weights: Floats) -> Floats:
    return np.asarray(weights @ values / weights.sum(axis=1))
