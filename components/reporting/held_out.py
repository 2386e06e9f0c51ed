"""The best model on rows it has not seen: a confusion matrix of classes, residuals of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.registry.metrics import Answers

_MOST_CLASSES = 20
_MOST_POINTS = 1500
OTHERS = "(all others)"


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often which class was taken for which.

    Attributes:
        classes: Labels, in code order; the rarest of many are one, `(all others)`.
        counts: Rows by true class (first index) and predicted class (second).
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(map(sum, self.counts))

    @property
    def right(self) -> int:
        """Rows on the diagonal."""
        return sum(row[place] for place, row in enumerate(self.counts))


@dataclass(frozen=True, kw_only=True)
class Residuals:
    """How far a numeric prediction was off.

    Attributes:
        points: Predicted and true value, of rows evenly picked when there are many.
        rows: Rows in all.
        mae: Mean absolute error, all rows.
        rmse: Root of the mean squared error, all rows.
        bias: Mean of true less predicted, all rows.
    """

    points: tuple[tuple[float, float], ...]
    rows: int
    mae: float
    rmse: float
    bias: float


def held_out(answers: Answers, classes: Sequence[str] | None, *, of_classes: bool) -> Confusion | Residuals | None:
    """What a model's answers came to; None when there is nothing to show.

    Args:
        answers: The model's, beside the truth.
        classes: Labels in code order; None for a numeric target.
        of_classes: Whether the target is a class: a numeric target may hold class codes.
    """
    truth, told = np.asarray(answers.labels, dtype=float), np.asarray(answers.predicted, dtype=float)
    if not len(truth) or not np.isfinite(told).all():
        return None
    if of_classes:
        if classes is not None:
            return _confusion(truth, told, [str(name) for name in classes])
        codes = np.unique(np.concatenate([truth, told]))
        return _confusion(np.searchsorted(codes, truth), np.searchsorted(codes, told), [f"{code:g}" for code in codes])
    picked = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), _MOST_POINTS)).astype(int))
    off = truth - told
    return Residuals(
        points=tuple((float(told[row]), float(truth[row])) for row in picked),
        rows=len(truth),
        mae=float(np.abs(off).mean()),
        rmse=float(np.sqrt((off**2).mean())),
        bias=float(off.mean()),
    )


def _confusion(truth: np.ndarray, told: np.ndarray, names: list[str]) -> Confusion:
    size = len(names)
    counts = np.zeros((size, size), dtype=int)
    np.add.at(counts, (truth.astype(int), told.astype(int)), 1)
    if size > _MOST_CLASSES:
        frequent = sorted(np.argsort(-counts.sum(axis=1), kind="stable")[: _MOST_CLASSES - 1])
        group = np.full(size, len(frequent))
        group[frequent] = range(len(frequent))
        lumped = np.zeros((_MOST_CLASSES, _MOST_CLASSES), dtype=int)
        np.add.at(lumped, (group[:, None], group[None, :]), counts)
        counts, names = lumped, [*(names[place] for place in frequent), OTHERS]
    return Confusion(classes=tuple(names), counts=tuple(tuple(map(int, row)) for row in counts))
