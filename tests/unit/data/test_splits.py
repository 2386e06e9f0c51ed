"""Which rows are train, validation and test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from data_builders import prepared, shop

from components.data.data_spec import SplitSpec
from components.data.split import Places, split_rows

LABELS = pd.Series(["a"] * 900 + ["b"] * 90 + ["c"] * 10)


def split(rows: int = 1000, column: Any = None, labels: Any = None, **fields: Any) -> dict[Any, Places]:
    return split_rows(
        SplitSpec(**fields, column=None if column is None else "named"),
        rows=rows,
        labels=LABELS if labels is None else labels,
        column=None if column is None else pd.Series(column),
    )


def every_row_once(parts: dict[Any, Places], rows: int) -> bool:
    return sorted(np.concatenate(list(parts.values())).tolist()) == list(range(rows))


def test_order_keeps_the_order() -> None:
    """First rows train, next validate, last test."""
    parts = split(by="order", train=0.6, validation=0.3, test=0.1)
    assert np.concatenate(list(parts.values())).tolist() == list(range(1000))
    assert [len(places) for places in parts.values()] == [600, 300, 100]


def test_digits_are_cut_as_aws_cuts_them() -> None:
    """70 % of 1,797 rows are 1,257, and no row is lost to binary fractions."""
    parts = split(rows=1797, by="order", train=0.7, validation=0.3, test=0)
    assert [len(places) for places in parts.values()] == [1257, 540, 0]


@pytest.mark.parametrize("rows", [1, 2, 3, 10, 999, 41188])
@pytest.mark.parametrize("by", ["order", "random"])
def test_every_row_is_in_one_part(rows: int, by: str) -> None:
    """Whatever the number of rows, each is in exactly one part."""
    assert every_row_once(split(rows=rows, by=by, train=0.7, validation=0.15, test=0.15), rows)


def test_random_is_drawn_by_the_seed() -> None:
    """The same seed draws the same rows on every machine; another draws others."""
    first, again, other = split(by="random", seed=7), split(by="random", seed=7), split(by="random", seed=8)
    assert all((first[part] == again[part]).all() for part in first)
    assert set(first["test"]) != set(other["test"])
    assert every_row_once(first, 1000)
    # the stream is numpy's frozen one: a change of these rows is a change of every digest
    assert first["test"][:5].tolist() == [6, 19, 21, 29, 33]


def test_stratified_parts_have_the_classes_shares() -> None:
    """Every class, also a small one, is in each part by its share."""
    parts = split(by="random", stratify=True, train=0.7, validation=0.2, test=0.1)
    counts = {part: LABELS.iloc[places].value_counts().to_dict() for part, places in parts.items()}
    assert counts == {
        "train": {"a": 630, "b": 63, "c": 7},
        "validation": {"a": 180, "b": 18, "c": 2},
        "test": {"a": 90, "b": 9, "c": 1},
    }
    assert every_row_once(parts, 1000)


def test_time_sorts_rows() -> None:
    """The latest rows test, however the file was sorted; rows of one moment keep their order."""
    year = [2013, 2011, 2012, 2011, 2010, 2014, 2015, 2016, 2017, 2018]
    parts = split(rows=10, column=year, by="time", train=0.5, validation=0.3, test=0.2)
    assert {part: places.tolist() for part, places in parts.items()} == {
        "train": [4, 1, 3, 2, 0],
        "validation": [5, 6, 7],
        "test": [8, 9],
    }


@pytest.mark.parametrize(
    "times",
    [
        ["2020-02-01", "2020-01-31", "2019-12-31T23:59:00"],
        ["2020-01-01T00:00:00Z", "2020-01-01T01:00:00+02:00", "2019-12-31"],
        pd.to_datetime(["2020-02-01", "2020-01-31", "2019-12-31"]),
    ],
)
def test_times_may_be_text(times: Any) -> None:
    """ISO 8601 text sorts by the moment it means, not by its letters."""
    parts = split(rows=3, column=times, by="time", train=0.4, validation=0.3, test=0.3)
    assert np.concatenate(list(parts.values())).tolist() == [2, 1, 0]


def test_groups_stay_together() -> None:
    """No value of the group column is in two parts, and parts have about their shares."""
    draw = np.random.default_rng(0)
    customer = draw.integers(0, 120, 1000).astype(str)
    parts = split(column=customer, by="group", seed=3)
    groups = [set(customer[places]) for places in parts.values()]
    assert sum(len(group) for group in groups) == len(set.union(*groups))
    assert every_row_once(parts, 1000)
    assert [len(places) / 1000 for places in parts.values()] == pytest.approx([0.7, 0.15, 0.15], abs=0.03)


def test_groups_do_not_depend_on_the_row_order() -> None:
    """Sorting a file otherwise moves no group to another part."""
    customer = pd.Series(np.random.default_rng(0).integers(0, 50, 400).astype(str))
    shuffled = customer.sample(frac=1, random_state=1).reset_index(drop=True)
    parts, again = (split(rows=400, column=each, by="group") for each in (customer, shuffled))
    assert all(set(customer[parts[part]]) == set(shuffled[again[part]]) for part in parts)


def test_the_split_column_is_no_feature() -> None:
    """What says which part a row is in would tell the model the part."""
    frame = shop().assign(day=range(200), customer=[str(place % 40) for place in range(200)])
    by_time = prepared(frame, split=SplitSpec(by="time", column="day"), drop=["customer"])
    by_group = prepared(frame, split=SplitSpec(by="group", column="customer"), drop=["day"])
    for result in (by_time, by_group):
        assert [column.name for column in result.columns] == ["age", "city", "member", "visits"]
