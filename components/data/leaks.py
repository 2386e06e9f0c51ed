"""Columns that tell the target alone: the answer under another name, or known only after it.

Looked for on training rows. A strong feature is no leak: the bar is a column that by itself is right 999 times in
1,000. What merely comes after the fact and is not that exact (bank marketing's `duration`) no check can know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

ALMOST_SURE = 0.999
# A value must occur this often on average, else every value "tells" its only row.
ROWS_PER_VALUE = 10
# And with fewer rows per class than this a perfect score may be chance.
ROWS_PER_CLASS = 10
MAX_CLASSES = 1000
# A leak shows in any sample; ranking millions of rows for every column would cost minutes.
MAX_ROWS = 100_000

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def leaking(features: pd.DataFrame, labels: pd.Series[Any], classes: Sequence[str] | None) -> list[tuple[str, str]]:
    """Leaking columns of training rows, each with what gives it away.

    Args:
        features: Raw feature columns.
        labels: Original labels, none missing.
        classes: Labels in code order; None for a numeric target.
    """
    step = max(1, len(labels) // MAX_ROWS)
    features, labels = features.iloc[::step], labels.iloc[::step]
    codes, values = pd.factorize(labels, sort=True)
    if len(values) < 2:  # noqa: PLR2004 - nothing to tell apart
        return []
    found = []
    for name in features.columns:
        column = features[name]
        numbers = _numbers(column)
        reason = None
        if classes is None and numbers is not None:
            reason = _same_number(numbers, labels.to_numpy(dtype=np.float64))
        if reason is None and len(values) == 2 and numbers is not None:  # noqa: PLR2004 - two classes have an AUC
            reason = _separates(numbers, codes == 1)
        if reason is None and len(values) <= MAX_CLASSES:
            reason = _tells(column, codes, len(values))
        if reason is not None:
            found.append((name, reason))
    return found


def _numbers(column: pd.Series[Any]) -> Floats | None:
    if column.dtype == object or column.dtype.kind == "M":
        return None
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _same_number(numbers: Floats, target: Floats) -> str | None:
    given = np.isfinite(numbers) & np.isfinite(target)
    numbers, target = numbers[given], target[given]
    if len(numbers) < ROWS_PER_CLASS or np.ptp(numbers) == 0 or np.ptp(target) == 0:
        return None
    if np.array_equal(numbers, target):
        return "the target itself"
    correlation = float(np.corrcoef(numbers, target)[0, 1])
    return f"correlation {correlation:.4f}" if abs(correlation) >= ALMOST_SURE else None


def _separates(numbers: Floats, is_positive: npt.NDArray[np.bool_]) -> str | None:
    """By the AUC of the values given, and of all rows with a missing value below the others: being empty can tell."""
    given = ~np.isnan(numbers)
    low = np.where(given, numbers, -np.inf)
    for values, positive in ((numbers[given], is_positive[given]), (low, is_positive)):
        area = _auc(values, positive)
        if max(area, 1 - area) >= ALMOST_SURE:
            return f"AUC {max(area, 1 - area):.4f} alone"
    return None


def _auc(values: Floats, is_positive: npt.NDArray[np.bool_]) -> float:
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    if min(positives, negatives) < ROWS_PER_CLASS:
        return 0.5
    ranks = pd.Series(values).rank().to_numpy()
    return float((ranks[is_positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _tells(column: pd.Series[Any], codes: Codes, classes: int) -> str | None:
    """Whether guessing each value's most frequent class finds nearly every row of every class."""
    values, distinct = pd.factorize(column, use_na_sentinel=False)
    rows_of_class = np.bincount(codes, minlength=classes)
    if len(distinct) * ROWS_PER_VALUE > len(values) or rows_of_class.min() < ROWS_PER_CLASS:
        return None
    table = np.zeros((len(distinct), classes), dtype=np.int64)
    np.add.at(table, (values, codes), 1)
    guess = table.argmax(axis=1)
    right = np.bincount(guess, weights=table.max(axis=1), minlength=classes)
    share = float((right / rows_of_class).mean())
    return f"the class from its value in {share:.2%} of rows" if share >= ALMOST_SURE else None
