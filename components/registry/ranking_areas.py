"""Areas under curves of a ranking: what auc, aucpr and average_precision have in common, and what not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def one_against_rest(area: Callable[[Floats, Floats], float], positive: npt.NDArray[np.bool_], score: Floats) -> float:
    """An area under a curve over all thresholds; NaN when one of the two kinds is not there.

    Args:
        area: One of the functions below.
        positive: Whether a row is of the class, shape (n,).
        score: The higher, the more likely; rows of the same score stand or fall together. Shape (n,).
    """
    order = np.argsort(-score, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    tp = np.append(0, np.cumsum(positive[order])[last_of_ties]).astype(np.float64)
    fp = np.append(0, 1 + last_of_ties).astype(np.float64) - tp
    if tp[-1] == 0 or fp[-1] == 0:
        return float("nan")
    return area(tp, fp)


def roc_area(tp: Floats, fp: Floats) -> float:
    """Under true against false positive rate, by trapezoids; counts per threshold, from (0, 0) on."""
    return float(np.trapezoid(tp / tp[-1], fp / fp[-1]))


def average_precision(tp: Floats, fp: Floats) -> float:
    """Precision at each threshold, weighted by the recall gained there (scikit-learn)."""
    return float(np.sum(np.diff(tp) / tp[-1] * tp[1:] / (tp[1:] + fp[1:])))


def interpolated_precision(tp: Floats, fp: Floats) -> float:
    """Under precision against recall, interpolated between thresholds (xgboost; Davis and Goadrich 2006, section 4)."""
    recall = tp / tp[-1]
    step = np.diff(recall)
    rises = step > 0
    slope = np.divide(np.diff(fp), np.diff(tp), out=np.zeros_like(step), where=rises)
    a = 1 + slope
    b = (fp[:-1] - slope * tp[:-1]) / tp[-1]
    curved = rises & (b != 0)
    bend = np.zeros_like(step)
    bend[curved] = (b / a)[curved] * (np.log((a * recall[1:] + b)[curved]) - np.log((a * recall[:-1] + b)[curved]))
    return float(np.sum((step - bend) / a))
