"""What data must not be trained on: pure checks that tell every failure, with the value and what to do.

A column that says nothing (constant) or too much (leaking, an identifier) is refused by name rather than left out in
silence: in a table of one's own it is nearly always a broken export or the answer under another name. `data.drop`
takes it out, `data.keep` insists on it. Published sets are what they are: scikit-learn's digits have corner pixels
that are always 0, and AWS's example trains on them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from components.data.data_spec import DataSpec
from components.data.leaks import leaking
from components.data.schema import Part
from components.data.split import Places, moments
from components.data.table import Table
from components.near_names import hint, listed

MIN_ROWS: Mapping[Part, int] = {"train": 20, "validation": 5, "test": 5}
MAX_CATEGORIES = 1000
# A text column is an identifier when most values occur once; in a small table that may be chance.
IDENTIFIER_SHARE = 0.5
IDENTIFIER_AT_LEAST = 20
MAX_STRATA = 100
MOSTLY_MISSING = 0.95
# 2026-03-01, 2026/3/1, 1.3.2026, 03/01/26, and a time of day behind it
_DATE = re.compile(r"(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3(\d{4}|\d{2}))([T ]\d{1,2}:\d\d.{0,20})?")
_LOOKED_AT, _NEARLY_ALL = 200, 0.95
_DATES_GO = "put it in data.drop, split by it, or make numbers of it in data.prepare"
FLOAT32_MAX = float(np.finfo(np.float32).max)


def table_breaches(table: Table, spec: DataSpec) -> list[str]:
    """Failures visible before the rows are split."""
    frame = table.frame
    breaches = []
    known = [*frame.columns, *table.unusable]
    for place, names in (("data.drop", spec.drop), ("data.keep", spec.keep)):
        breaches += [_unknown(place, name, known) for name in names if name not in known]
    breaches += _target_breaches(table, spec)
    breaches += _split_breaches(table, spec)
    used = {spec.target, spec.split.column}
    features = [name for name in frame.columns if name not in spec.drop and name not in used]
    unusable = {name: kind for name, kind in table.unusable.items() if name not in spec.drop and name not in used}
    if not features and not unusable:
        breaches.append("at least one feature column is needed, got none beside the target")
    for name, kind in unusable.items():
        breaches.append(f"column {name!r}: numbers, booleans or text are needed, got {kind}: put it in data.drop")
    for name in features:
        breaches += _column_breaches(name, frame[name], is_kept=name in spec.keep)
    constant = [name for name in features if name not in spec.keep and _is_constant(frame[name])]
    if constant and not table.is_published:
        breaches.append(f"{listed(constant)}: a feature must vary, got one value only: put in data.drop, or data.keep")
    return breaches


def can_split(frame: pd.DataFrame, spec: DataSpec) -> bool:
    """Whether target and split column are good enough to look at the parts."""
    if spec.target not in frame or frame[spec.target].isna().any() or frame[spec.target].dtype.kind == "M":
        return False
    column = spec.split.column
    if column is not None and (
        column not in frame or column == spec.target or moments_missing(frame[column], spec) > 0
    ):
        return False
    return not _is_stratified_by_numbers(frame, spec)


def part_breaches(
    features: pd.DataFrame,
    labels: pd.Series[Any],
    classes: Sequence[str] | None,
    places: Mapping[Part, Places],
    spec: DataSpec,
) -> list[str]:
    """Failures of the parts: too few rows, absent classes, columns empty in train or telling the answer."""
    breaches = []
    for part, least in MIN_ROWS.items():
        if len(places[part]) < least and (part != "test" or spec.split.test > 0):
            breaches.append(f"{part}: at least {least} rows are needed, got {len(places[part])} of {len(labels)}")
    labels_needed = classes or (sorted(labels.unique()) if labels.nunique() == 2 else ())  # noqa: PLR2004 - 0 and 1
    for part in ("train", "validation"):
        seen = set(labels.iloc[places[part]])
        absent = [str(label) for label in labels_needed if label not in seen]
        if absent and len(places[part]):
            breaches.append(f"{part}: rows of every class are needed, got none of {listed(absent)}: split otherwise")
    train = features.iloc[places["train"]]
    empty = [name for name in features.columns if train[name].isna().all() and not features[name].isna().all()]
    if empty and len(train):
        breaches.append(f"{listed(empty)}: a feature must have values in train, got none: put in data.drop")
    breaches += [
        f"column {name!r}: a feature must not tell the target, got {reason}: put it in data.drop, or data.keep"
        for name, reason in leaking(train, labels.iloc[places["train"]], classes)
        if name not in spec.keep
    ]
    return breaches


def remarks(features: pd.DataFrame, places: Mapping[Part, Places]) -> list[str]:
    """What is allowed and worth knowing."""
    train = features.iloc[places["train"]]
    constant = [name for name in train.columns if _is_constant(train[name])]
    sparse = [name for name in train.columns if MOSTLY_MISSING < train[name].isna().mean() < 1]
    notes = []
    if constant:
        notes.append(f"constant in train, kept: {listed(constant)}")
    if sparse:
        notes.append(f"more than {MOSTLY_MISSING:.0%} missing in train, kept: {listed(sparse)}")
    return notes


def moments_missing(column: pd.Series[Any], spec: DataSpec) -> int:
    """How many rows the split column cannot place."""
    return int((moments(column) if spec.split.by == "time" else column).isna().sum())


def _target_breaches(table: Table, spec: DataSpec) -> list[str]:
    if spec.target not in table.frame:
        if spec.target in table.unusable:
            return [f"data.target: numbers, booleans or text are needed, got {table.unusable[spec.target]}"]
        return [_unknown("data.target", spec.target, list(table.frame.columns))]
    target = table.frame[spec.target]
    if target.dtype.kind == "M":
        return ["data.target: numbers, booleans or text are needed, got dates"]
    breaches = []
    missing = int(target.isna().sum())
    if missing:
        breaches.append(f"data.target: every row needs a value, got {missing} of {len(target)} rows without one")
    distinct = target.nunique()
    if distinct == 1:
        only = target.dropna().iloc[0]
        breaches.append(f"data.target: at least two values are needed, got only {only!r} (one class)")
    if target.dtype == "float64" and np.isinf(target).any():
        breaches.append(f"data.target: finite numbers are needed, got {int(np.isinf(target).sum())} infinite")
    if target.dtype == object and distinct > MAX_CATEGORIES:
        breaches.append(f"data.target: at most {MAX_CATEGORIES} classes are possible, got {distinct} different texts")
    return breaches


def _split_breaches(table: Table, spec: DataSpec) -> list[str]:
    frame, column = table.frame, spec.split.column
    if _is_stratified_by_numbers(frame, spec):
        distinct = frame[spec.target].nunique()
        return [f"data.split.stratify: at most {MAX_STRATA} target values are possible, got {distinct} numbers"]
    if column is None:
        return []
    if column not in frame:
        return [_unknown("data.split.column", column, list(frame.columns))]
    if column == spec.target:
        return ["data.split.column: a column other than the target is needed, got the target"]
    if missing := moments_missing(frame[column], spec):
        wanted = "a number or ISO 8601 time" if spec.split.by == "time" else "a value"
        return [f"data.split.column: every row needs {wanted} in {column!r}, got {missing} rows without"]
    return []


def _is_stratified_by_numbers(frame: pd.DataFrame, spec: DataSpec) -> bool:
    return spec.split.stratify and spec.target in frame and int(frame[spec.target].nunique()) > MAX_STRATA


def _column_breaches(name: str, values: pd.Series[Any], *, is_kept: bool) -> list[str]:
    breach = None
    if values.isna().all():
        breach = f"a feature must have values, got none in {len(values)} rows: put it in data.drop"
    elif values.dtype.kind == "M":
        breach = f"numbers, booleans or text are needed, got dates: {_DATES_GO}"
    elif values.dtype == "float64":
        beyond = int((values.abs() > FLOAT32_MAX).sum())
        breach = f"finite 32-bit floats are needed, got {beyond} infinite or beyond" if beyond else None
    elif values.dtype == object:
        breach = _text_breach(values, is_kept=is_kept)
    return [] if breach is None else [f"column {name!r}: {breach}"]


def _text_breach(values: pd.Series[Any], *, is_kept: bool) -> str | None:
    distinct, given = values.nunique(), int(values.notna().sum())
    has_too_many = distinct > MAX_CATEGORIES
    is_identifier = not is_kept and distinct >= IDENTIFIER_AT_LEAST and distinct > IDENTIFIER_SHARE * given
    if (has_too_many or is_identifier) and _look_like_dates(values):
        first = values.dropna().iloc[0]
        return f"a category must repeat, got {distinct} texts that look like dates ({first}): {_DATES_GO}"
    if has_too_many:
        return f"at most {MAX_CATEGORIES} categories are possible, got {distinct}: put it in data.drop"
    if is_identifier:
        law = f"a category must repeat, got {distinct} different texts in {given} rows (an identifier?)"
        return f"{law}: put it in data.drop, or data.keep"
    return None


def _look_like_dates(values: pd.Series[Any]) -> bool:
    """Whether nearly all of the first different texts begin as dates do."""
    first = values.dropna().drop_duplicates().head(_LOOKED_AT).str.strip()
    return bool(first.str.fullmatch(_DATE).mean() >= _NEARLY_ALL)


def _is_constant(values: pd.Series[Any]) -> bool:
    # a value here and nothing there does tell something
    return not values.isna().any() and bool((values == values.iloc[0]).all())


def _unknown(place: str, name: str, known: Sequence[str]) -> str:
    told = hint(name, known, quoted=True)
    if any(_is_number(each) for each in known):
        told += "; line 1 was read as the header, and a file without one needs data.columns"
    return f"{place}: a column of the data must be named, got {name!r} ({told})"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
