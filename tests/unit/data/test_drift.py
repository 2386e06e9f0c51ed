"""How far two data sets are apart, column by column."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data_builders import Watched, published, shop, spec_of, write_csv

from components.data.drift import Drift, distance, drift
from components.data.row_sample import RowSample, sample_of, sample_places
from components.data.schema import Column
from components.data.snapshot import look, reader
from components.errors import Damaged


def column(values: object) -> pd.Series:
    return pd.Series(values)


def sampled(folder: Path, frame: pd.DataFrame, **fields: object) -> RowSample:
    """A frame as published data, read back."""
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(frame, folder / "shop.csv")
    store = Watched(folder / "store")
    snapshot = published(folder, spec_of(**fields), store)
    return sample_of(look(snapshot.uri, store), reader(snapshot, store))


@pytest.mark.parametrize("rows", [50, 400, 5_000])
@pytest.mark.parametrize("kind", ["number", "few", "many", "boolean"])
def test_two_draws_of_the_same_are_not_apart(rows: int, kind: str) -> None:
    """What chance alone shows is taken off: over 40 pairs nearly nothing is left, however few the rows."""
    found = []
    for seed in range(40):
        make = np.random.default_rng(seed)
        both = {
            "number": lambda make=make: make.normal(size=rows),
            "few": lambda make=make: make.choice(list("abc"), rows),
            "many": lambda make=make: make.integers(0, 100, rows).astype(str),
            "boolean": lambda make=make: make.random(rows) < 0.2,
        }[kind]
        found.append(distance(column(both()), column(both()), is_number=kind == "number"))

    assert np.mean(found) < 0.3 * rows**-0.5
    assert min(found) >= 0


def test_all_kinds_are_on_one_scale() -> None:
    """A fifth of the rows moved is 0.2, be they numbers, categories, booleans or what is missing; all of them is 1."""
    rows = 20_000
    none, moved = np.zeros(rows), (np.arange(rows) % 5 == 0).astype(float)

    numbers = [column(none), column(moved)]
    texts = [each.map({0.0: "a", 1.0: "b"}) for each in numbers]
    missing = [each.where(each == 0) for each in numbers]
    booleans = [each == 1 for each in numbers]

    for pair, is_number in ((numbers, True), (texts, False), (missing, True), (missing, False), (booleans, False)):
        assert distance(*pair, is_number=is_number) == pytest.approx(0.2, abs=0.02)
        assert distance(*reversed(pair), is_number=is_number) == pytest.approx(0.2, abs=0.02)
    assert distance(column(none), column(none + 9), is_number=True) > 0.98
    assert distance(column(["a"] * rows), column([None] * rows), is_number=False) > 0.98
    assert distance(column(none * np.nan), column(none), is_number=True) > 0.98
    assert distance(column([]), column([]), is_number=True) == 0


def test_a_column_that_has_moved_counts_whole_and_is_named(tmp_path: Path) -> None:
    """However many have not; the target is one of them."""
    before, moved = shop(3_000), shop(3_000, seed=1)
    moved["visits"] += 3
    found = drift(sampled(tmp_path / "a", before), sampled(tmp_path / "b", moved))

    assert set(found.columns) == {"age", "city", "member", "visits", "buys"}
    assert found.value == pytest.approx(found.columns["visits"], abs=0.005)
    assert found.columns["visits"] > 0.5
    assert all(value < 0.03 for name, value in found.columns.items() if name != "visits")
    assert found.named(1) == f"visits {found.value:.3f}"
    assert found.schema == ()

    rarer = before[(before["buys"] == "no") | (before.index % 2 == 0)]
    target = drift(sampled(tmp_path / "a", before), sampled(tmp_path / "c", rarer)).columns["buys"]
    assert target == pytest.approx(1 / 6, abs=0.03)


@pytest.mark.parametrize(("columns", "rows"), [(50, 500), (200, 500), (200, 5_000)])
@pytest.mark.parametrize("kind", ["number", "few", "boolean"])
def test_many_columns_that_have_not_moved_are_no_drift(kind: str, columns: int, rows: int) -> None:
    """What chance leaves of each does not add up to a drift, and hides none: one that has moved still counts whole."""
    make = np.random.default_rng(5)

    def sample() -> RowSample:
        drawn = {
            "number": lambda: make.normal(size=rows),
            "few": lambda: make.choice(list("abcd"), rows),
            "boolean": lambda: make.random(rows) < 0.3,
        }[kind]
        schema = tuple(
            Column(name=str(n), kind="category" if kind == "few" else kind, categories=(), has_missing=False)
            for n in range(columns)
        )
        features = pd.DataFrame({str(n): drawn() for n in range(columns)})
        labels = column(make.choice(["no", "yes"], rows))
        return RowSample(
            digest="d", columns=schema, target="y", classes=("no", "yes"), features=features, labels=labels
        )

    before, after = sample(), sample()
    assert drift(before, after).value < 0.075
    after.features["0"] = {"number": 5.0, "few": "e", "boolean": True}[kind]
    moved = drift(before, after)
    assert moved.value == pytest.approx(moved.columns["0"], abs=0.02)


def test_columns_that_moved_a_little_add_up_like_independent_ones() -> None:
    """Two count for more than one, a hundred tiny ones for little; it ends at 1."""

    def value(*columns: float) -> float:
        return Drift(since="", columns={str(n): each for n, each in enumerate(columns)}, target="").value

    assert value() == 0
    assert value(0.08) == pytest.approx(0.08)
    assert value(0.08, 0.06) == pytest.approx(0.1)
    assert value(*[0.002] * 100) == pytest.approx(0.02)
    assert value(0.9, 0.9) == 1


def test_what_changed_in_the_schema_is_named(tmp_path: Path) -> None:
    """Columns that came, went or became another kind, and classes; what both have is measured all the same."""
    before, after = shop(600), shop(600).drop(columns="member")
    after["zip"] = np.arange(600.0) % 7
    after["visits"] = after["visits"].map("v{:.0f}".format)
    after.loc[after.index % 10 == 3, "buys"] = "maybe"
    found = drift(sampled(tmp_path / "a", before), sampled(tmp_path / "b", after))

    assert found.schema == (
        "columns added: zip",
        "columns gone: member",
        "column visits was a number and is a category",
        "classes of buys were no, yes and are maybe, no, yes",
    )
    assert set(found.columns) == {"age", "city", "buys"}
    assert Drift.of(json.loads(json.dumps(found.document()))) == found


def test_a_sample_is_bounded_even_and_the_same_each_time() -> None:
    """One row of each stretch of the data, from the first to the last; all rows where they are few."""
    assert sample_places(5, 10).tolist() == [0, 1, 2, 3, 4]
    places = sample_places(1_000_003, 1_000)
    assert (len(places), len(set(places.tolist()))) == (1_000, 1_000)
    assert places.tolist() == sample_places(1_000_003, 1_000).tolist() == sorted(places.tolist())
    stretch = 1_000_003 / 1_000
    assert all(n * stretch - 1 <= place < (n + 1) * stretch for n, place in enumerate(places.tolist()))


def test_a_sample_of_a_snapshot_has_rows_of_every_part(tmp_path: Path) -> None:
    """All parts are the data; the sampled rows are those of the source."""
    frame = shop(1_000)
    frame["visits"] = np.arange(1_000.0) + 0.5
    whole = sampled(tmp_path, frame, keep=["visits"])
    store = Watched(tmp_path / "store")
    snapshot = published(tmp_path, spec_of(keep=["visits"]), store)
    some = sample_of(snapshot, reader(snapshot, store), most_rows=100)

    assert whole.features["visits"].tolist() == frame["visits"].tolist()
    assert some.features["visits"].tolist() == (sample_places(1_000, 100) + 0.5).tolist()
    assert some.labels.tolist() == frame["buys"].iloc[sample_places(1_000, 100)].tolist()
    (tmp_path / "store" / "retune-local" / "retune").rename(tmp_path / "gone")
    with pytest.raises(Damaged):
        sample_of(snapshot, reader(snapshot, store))
