"""Columns of whole numbers that look like identifiers or row counters: told, never refused.

An identifier in text is refused (checks.py), as no model can use it. Of numbers nobody can be as sure: the second of a
measurement or the step of a series may be a feature, and never comes twice either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

_AT_LEAST = 100  # of fewer numbers that differ, few can be said to do so by design
# So many pairs of equal numbers are expected of that many drawn from as wide a range; that there is none is no chance.
_PAIRS_EXPECTED = 10


def identifiers(features: pd.DataFrame) -> tuple[str, ...]:
    """Columns whose whole numbers all differ and are rows in order, or too close together to differ by chance."""
    return tuple(str(name) for name in features.columns if _is_identifier(features[name]))


def warnings_of(names: Iterable[str], keep: Iterable[str]) -> list[str]:
    """A line for each that `data.keep` does not insist on."""
    insisted = set(keep)
    return [
        f"column {name!r}: no whole number comes twice (an identifier?), which tells a model nothing and makes new "
        "data look drifted: put it in data.drop, or data.keep"
        for name in names
        if name not in insisted
    ]


def _is_identifier(values: pd.Series[Any]) -> bool:
    if values.dtype != "float64":
        return False
    given = values.dropna()
    if len(given) < _AT_LEAST or (given % 1 != 0).any() or not given.is_unique:
        return False
    if given.is_monotonic_increasing or given.is_monotonic_decreasing:
        return True
    width = float(given.max() - given.min()) + 1
    return len(given) ** 2 / (2 * width) >= _PAIRS_EXPECTED
