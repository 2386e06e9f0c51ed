"""Areas under curves of a ranking: what auc, aucpr and average_precision have in common, and what not.

Along the last axis, so that a thousand weightings of the same rows (a bootstrap) are one call.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def one_against_rest(
    area: Callable[[Floats, Floats], Floats], positive: npt.NDArray[np.bool_], score: Floats, weights: Floats
) -> Floats:
    """An area under a curve over all thresholds, shape (b,); NaN where one of the two kinds is not there.

    Args:
        area: One of the functions below.
        positive: Whether a row is of the class, shape (n,).
        score: The higher, the more likely; rows of the same score stand or fall together. Shape (n,).
        weights: How often each row counts, shape (b, n).
    """
    order = np.argsort(-score, kind="stable")
    sorted_weights = weights[:, order]
    tp, rows = np.zeros((2, len(weights), len(order) + 1))
    np.cumsum(sorted_weights * positive[order], axis=1, out=tp[:, 1:])
    np.cumsum(sorted_weights, axis=1, out=rows[:, 1:])
    tie_ends = np.concatenate([[0], np.flatnonzero(np.diff(score[order])) + 1, [len(order)]])
    if len(tie_ends) <= len(order):
        tp, rows = tp[:, tie_ends], rows[:, tie_ends]
    fp = rows - tp
    with np.errstate(all="ignore"):
        return np.where((tp[:, -1] > 0) & (fp[:, -1] > 0), area(tp, fp), np.nan)


def roc_area(tp: Floats, fp: Floats) -> Floats:
    """Under true against false positive rate, by trapezoids; counts per threshold, from (0, 0) on."""
    doubled = np.einsum("...i,...i->...", tp[..., 1:] + tp[..., :-1], np.diff(fp))
    return np.asarray(doubled / (2 * tp[..., -1] * fp[..., -1]))


def average_precision(tp: Floats, fp: Floats) -> Floats:
    """Precision at each threshold, weighted by the recall gained there (scikit-learn)."""
    gained = np.diff(tp) / tp[..., -1:]
    seen = tp[..., 1:] + fp[..., 1:]
    return np.asarray(np.sum(gained * np.divide(tp[..., 1:], seen, out=np.zeros_like(seen), where=seen > 0), axis=-1))


def interpolated_precision(tp: Floats, fp: Floats) -> Floats:
    """Under precision against recall, interpolated between thresholds (xgboost; Davis and Goadrich 2006, section 4)."""
    recall = tp / tp[..., -1:]
    step = np.diff(recall)
    rises = step > 0
    slope = np.divide(np.diff(fp), np.diff(tp), out=np.zeros_like(step), where=rises)
    a = 1 + slope
    b = (fp[..., :-1] - slope * tp[..., :-1]) / tp[..., -1:]
    curved = rises & (b != 0)
    logs = np.log(a * recall[..., 1:] + b) - np.log(a * recall[..., :-1] + b)
    bend = np.where(curved, (b / a) * logs, 0.0)
    return np.asarray(np.sum((step - bend) / a, axis=-1))
