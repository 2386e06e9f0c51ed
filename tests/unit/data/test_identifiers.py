"""Which columns of whole numbers are told to look like identifiers, and that none is refused for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_builders import prepared, published, shop, spec_of, write_csv

from components.data.identifiers import warnings_of

DRAW = np.random.default_rng(3)
ROWS = 3000


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("row counter", np.arange(ROWS)),
        ("falling, with gaps", np.cumsum(DRAW.integers(1, 10**6, ROWS))[::-1]),
        ("dense, shuffled", DRAW.permutation(ROWS) + 7_000_000),
        ("ids of a larger table", DRAW.choice(250_000, ROWS, replace=False) + 15_565_701),
        ("with gaps", np.where(np.arange(ROWS) % 9 == 0, np.nan, np.arange(ROWS))),
    ],
)
def test_whole_numbers_that_never_come_twice_are_told(kind: str, values: np.ndarray) -> None:
    """They are in order, or come from so narrow a range that chance would have brought some twice."""
    result = prepared(shop(ROWS).assign(customer_id=values.astype(float)))

    assert result.identifiers == ("customer_id",), kind
    assert "customer_id" in {column.name for column in result.columns}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("prices in cents", np.round(np.exp(DRAW.normal(9, 1, ROWS)))),
        ("differ by chance", DRAW.choice(10**9, ROWS, replace=False)),
        ("measurements", DRAW.normal(0, 1, ROWS)),
        ("in order, not whole", np.arange(ROWS) / 7),
        ("ids that repeat", np.repeat(np.arange(ROWS // 2), 2)),
    ],
)
def test_numbers_that_may_be_features_are_not_told(kind: str, values: np.ndarray) -> None:
    """A warning that is often wrong is not read."""
    assert prepared(shop(ROWS).assign(number=values.astype(float))).identifiers == (), kind


def test_few_numbers_may_all_differ() -> None:
    """In a small table that says nothing."""
    assert prepared(shop(99).assign(age=np.arange(99.0))).identifiers == ()


def test_what_is_dropped_is_not_told() -> None:
    """The advice was taken."""
    assert prepared(shop().assign(customer_id=np.arange(200.0)), drop=["customer_id"]).identifiers == ()


def test_what_is_kept_is_not_told_any_more() -> None:
    """The advice was heard; the message says what to do in its words."""
    (told,) = warnings_of(["customer_id", "day"], keep=["day"])

    assert told.startswith("column 'customer_id': no whole number comes twice (an identifier?), ")
    assert told.endswith(": put it in data.drop, or data.keep")


def test_a_snapshot_tells_them_each_time(tmp_path: Path) -> None:
    """Also when the data are recognised and not read again; `data.keep` makes no other snapshot of them."""
    write_csv(shop().assign(customer_id=range(1000, 1200)), tmp_path / "shop.csv")

    first, again, kept = published(tmp_path), published(tmp_path), published(tmp_path, spec_of(keep=["customer_id"]))

    assert first.identifiers == again.identifiers == kept.identifiers == ("customer_id",)
    assert first.digest == kept.digest
