"""Which rows are train, validation and test."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.data.data_spec import SplitSpec
from components.data.schema import PARTS, Part

Places = npt.NDArray[np.int64]
# 0.7 + 0.3 is 0.9999999999999999 for a machine; no share is meant that finely
ROUNDING = 1e-9


def split_rows(
    spec: SplitSpec, *, rows: int, labels: pd.Series[Any], column: pd.Series[Any] | None
) -> dict[Part, Places]:
    """Row numbers of each part, every row in exactly one.

    Borders are rounded down: 70 % of 1,797 rows are 1,257, as AWS's own examples cut them.

    Args:
        spec: The split.
        rows: Number of rows.
        labels: Targets; looked at with `stratify` only.
        column: Values of `spec.column`, none missing.

    Returns:
        Row numbers of train, validation and test (empty when its share is 0). `order` and `time` keep their order;
        in a drawn part rows stay in the order they came.
    """
    if spec.by == "group" and column is not None:
        return _by_group(spec, column)
    if spec.by == "random":
        return _drawn(spec, rows, labels)
    order = np.arange(rows)
    if spec.by == "time" and column is not None:
        order = np.argsort(moments(column).to_numpy(), kind="stable")
    return _cut(spec, order)


def moments(column: pd.Series[Any]) -> pd.Series[Any]:
    """A time column as something that sorts: numbers and times as they are, text as ISO 8601; NaT where it is none."""
    if column.dtype != object:
        return column
    return pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)


def _shares(spec: SplitSpec) -> tuple[float, float]:
    """Where validation and test begin, as shares of the rows."""
    return spec.train, 1.0 if spec.test == 0 else spec.train + spec.validation


def _cut(spec: SplitSpec, order: Places) -> dict[Part, Places]:
    borders = [int(share * len(order) + ROUNDING) for share in _shares(spec)]
    return dict(zip(PARTS, np.split(order, borders), strict=True))


def _generator(spec: SplitSpec) -> np.random.RandomState:
    # numpy keeps this stream for ever (NEP 19); that of default_rng may change, and with it every digest
    return np.random.RandomState(spec.seed)


def _drawn(spec: SplitSpec, rows: int, labels: pd.Series[Any]) -> dict[Part, Places]:
    order = _generator(spec).permutation(rows)
    if not spec.stratify:
        return {part: np.sort(places) for part, places in _cut(spec, order).items()}
    drawn: dict[Part, list[Places]] = {part: [] for part in PARTS}
    codes, classes = pd.factorize(labels, sort=True)
    for code in range(len(classes)):
        for part, places in _cut_nearest(spec, order[codes[order] == code]).items():
            drawn[part].append(places)
    return {part: np.sort(np.concatenate(pieces)) for part, pieces in drawn.items()}


def _cut_nearest(spec: SplitSpec, order: Places) -> dict[Part, Places]:
    """As `_cut`, but borders to the nearest row: rounding down would cost each small class its share."""
    borders = [round(share * len(order)) for share in _shares(spec)]
    return dict(zip(PARTS, np.split(order, borders), strict=True))


def _by_group(spec: SplitSpec, column: pd.Series[Any]) -> dict[Part, Places]:
    """Whole groups in drawn order; a group goes where its middle row falls."""
    sizes: Mapping[Hashable, int] = column.value_counts(sort=False).to_dict()
    names = sorted(sizes, key=str)
    validation, test = (share * len(column) for share in _shares(spec))
    part_of: dict[Hashable, Part] = {}
    before = 0
    for place in _generator(spec).permutation(len(names)):
        middle = before + sizes[names[place]] / 2
        part_of[names[place]] = "train" if middle < validation else "validation" if middle < test else "test"
        before += sizes[names[place]]
    parts = column.map(part_of).to_numpy()
    return {part: np.flatnonzero(parts == part) for part in PARTS}
